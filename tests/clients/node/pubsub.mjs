// The shared Pub/Sub scenario with Google's Node client: prints what each step saw, as JSON.
// Usage: PUBSUB_EMULATOR_HOST=host:port node pubsub.mjs PROJECT

import { PubSub, v1 } from '@google-cloud/pubsub';
import { credentials } from '@grpc/grpc-js';

const [project] = process.argv.slice(2);
const topicName = `projects/${project}/topics/reports`;
const name = `projects/${project}/subscriptions/reports`;
const seen = [];

const pubsub = new PubSub({ projectId: project });

const codeOf = async (call) => {
  try {
    await call();
    return 0;
  } catch (error) {
    return error.code;
  }
};

// Collects messages until there are enough, and acknowledges those that `answer` allows.
const receive = (enough, answer = () => true) =>
  new Promise((resolve, reject) => {
    const data = [];
    const subscription = pubsub.subscription(name);
    subscription.on('error', reject);
    subscription.on('message', async (message) => {
      if (answer(message)) message.ack();
      else message.nack();
      data.push(message.data.toString());
      if (data.length === enough) {
        await subscription.close();
        resolve(data);
      }
    });
  });

const [topic] = await pubsub.createTopic(topicName);
const again = await codeOf(() => pubsub.createTopic(topicName));
seen.push(['topic', topic.name === topicName, again === 6]);

const [subscription] = await topic.createSubscription(name, {
  enableMessageOrdering: true,
  filter: 'attributes.kind != "draft"',
  retryPolicy: { minimumBackoff: { seconds: 0 }, maximumBackoff: { seconds: 1 } },
});
const [metadata] = await subscription.getMetadata();
seen.push(['subscription', metadata.ackDeadlineSeconds, metadata.enableMessageOrdering]);

for (let number = 0; number < 20; number += 1) {
  await topic.publishMessage({ data: Buffer.from(`free-${String(number).padStart(2, '0')}`) });
}
await topic.publishMessage({ data: Buffer.from('draft'), attributes: { kind: 'draft' } });
const free = (await receive(20)).sort();
seen.push(['stream', free.length, free[0], free[19]]);

const ordered = pubsub.topic(topicName, { messageOrdering: true });
await Promise.all(
  [0, 1, 2, 3, 4].map((number) =>
    ordered.publishMessage({ data: Buffer.from(String(number)), orderingKey: 'key' }),
  ),
);
let failed = false;
const order = await receive(6, (message) => {
  if (message.data.toString() !== '2' || failed) return true;
  failed = true;
  return false;
});
seen.push(['order', order]);

await topic.publishMessage({ data: Buffer.from('late') });
const [host, port] = process.env.PUBSUB_EMULATOR_HOST.split(':');
const client = new v1.SubscriberClient({
  apiEndpoint: host,
  port: Number(port),
  sslCreds: credentials.createInsecure(),
});
const [pulled] = await client.pull({ subscription: name, maxMessages: 10 });
const received = pulled.receivedMessages;
seen.push(['pull', received.length, received[0].message.data.toString()]);
await client.acknowledge({ subscription: name, ackIds: [received[0].ackId] });
seen.push(['acknowledge', true]);

const exact = `projects/${project}/subscriptions/exact`;
await topic.createSubscription(exact, { enableExactlyOnceDelivery: true });
for (const text of ['in time', 'purged']) await topic.publishMessage({ data: Buffer.from(text) });
// What becomes of the acknowledgements of two messages, one of which is purged before.
const outcomes = await new Promise((resolve, reject) => {
  const found = [];
  // One at a time, so that the purge takes only the second one.
  const subscription = pubsub.subscription(exact, { flowControl: { maxMessages: 1 } });
  subscription.on('error', reject);
  subscription.on('message', async (message) => {
    if (message.data.toString() === 'purged') await subscription.seek(new Date(Date.now() + 3.6e6));
    const outcome = await message.ackWithResponse().catch((error) => error.errorCode);
    found.push(`${message.data}: ${outcome === 'INVALID' ? 'INVALID_ACK_ID' : outcome}`);
    if (found.length === 2) {
      await subscription.close();
      resolve(found.sort());
    }
  });
});
seen.push(['exactly once', ...outcomes]);

await subscription.delete();
const missing = await codeOf(() => subscription.getMetadata());
seen.push(['delete', true, missing === 5]);
await client.close();
await pubsub.close();
console.log(JSON.stringify(seen));
