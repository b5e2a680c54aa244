// The shared scenario with Google's Node client: prints what each step saw, as JSON.
// Usage: node scenario.mjs grpc|rest PORT PARENT QUEUE_ID TARGET_URL

import { CloudTasksClient } from '@google-cloud/tasks';
import { credentials } from '@grpc/grpc-js';
import { PassThroughClient } from 'google-auth-library';

const [protocol, port, parent, queueId, target] = process.argv.slice(2);
const queue = `${parent}/queues/${queueId}`;
const seen = [];

const client = new CloudTasksClient({
  apiEndpoint: '127.0.0.1',
  port: Number(port),
  authClient: new PassThroughClient(),
  ...(protocol === 'rest'
    ? { fallback: true, protocol: 'http' }
    : { sslCreds: credentials.createInsecure() }),
});

const refusal = async (call) => {
  try {
    await call();
    return 'no refusal';
  } catch (error) {
    return error.message;
  }
};

const until = async (done) => {
  for (let tries = 0; tries < 500; tries += 1) {
    if (await done()) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
};

const idOf = (name) => name.split('/').pop();
const isGone = (id) => async () =>
  (await refusal(() => client.getTask({ name: `${queue}/tasks/${id}` }))).includes(
    'The task no longer exists',
  );
const ids = async () => (await client.listTasks({ parent: queue }))[0].map((t) => idOf(t.name)).sort();
const create = async (id, path) => {
  const [task] = await client.createTask({
    parent: queue,
    task: {
      name: `${queue}/tasks/${id}`,
      httpRequest: {
        url: `${target}${path}`,
        httpMethod: 'PUT',
        headers: { 'X-Scenario': queueId },
        body: Buffer.from('hello').toString('base64'),
      },
    },
  });
  return task;
};

const [created] = await client.createQueue({
  parent,
  queue: {
    name: queue,
    rateLimits: { maxDispatchesPerSecond: 5 },
    retryConfig: { maxAttempts: 3, minBackoff: { nanos: 100_000_000 } },
  },
});
seen.push(['create', created.state, created.rateLimits.maxDispatchesPerSecond]);

const again = await refusal(() => client.createQueue({ parent, queue: { name: queue } }));
seen.push(['create again', again.includes('Queue already exists')]);

const [updated] = await client.updateQueue({
  queue: { name: queue, rateLimits: { maxDispatchesPerSecond: 10, maxConcurrentDispatches: 7 } },
  updateMask: { paths: ['rate_limits.max_dispatches_per_second'] },
});
const limits = updated.rateLimits;
seen.push(['update', limits.maxDispatchesPerSecond, limits.maxConcurrentDispatches]);

seen.push(['pause', (await client.pauseQueue({ name: queue }))[0].state]);

const task = await create('ok', '/ok');
seen.push(['create task', idOf(task.name), task.httpRequest.body.length]);
await create('flaky', '/flaky');
seen.push(['list', await ids()]);

const [full] = await client.getTask({ name: task.name, responseView: 'FULL' });
seen.push(['get', full.httpRequest.httpMethod, Buffer.from(full.httpRequest.body).toString()]);

const [ran] = await client.runTask({ name: task.name });
seen.push(['run', ran.dispatchCount, await until(isGone('ok'))]);

seen.push(['resume', (await client.resumeQueue({ name: queue }))[0].state]);
seen.push(['retry', await until(isGone('flaky'))]);

await client.pauseQueue({ name: queue });
await create('never', '/never');
await client.purgeQueue({ name: queue });
seen.push(['purge', await until(async () => (await ids()).length === 0)]);

await client.deleteQueue({ name: queue });
const after = await refusal(() => client.getQueue({ name: queue }));
seen.push(['delete', after.includes('Queue does not exist.')]);

console.log(JSON.stringify(seen));
await client.close();
