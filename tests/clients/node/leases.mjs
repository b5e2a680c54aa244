// The scenario of leases with Google's Node client of v2beta2: prints what each step saw, as JSON.
// Usage: node leases.mjs grpc|rest PORT PARENT QUEUE_ID

import { v2beta2 } from '@google-cloud/tasks';
import { credentials, status } from '@grpc/grpc-js';
import { PassThroughClient } from 'google-auth-library';

const [protocol, port, parent, queueId] = process.argv.slice(2);
const queue = `${parent}/queues/${queueId}`;
const seen = [];

const client = new v2beta2.CloudTasksClient({
  apiEndpoint: '127.0.0.1',
  port: Number(port),
  authClient: new PassThroughClient(),
  ...(protocol === 'rest'
    ? { fallback: true, protocol: 'http' }
    : { sslCreds: credentials.createInsecure() }),
});

// The names of the codes as the other clients write them: FAILED_PRECONDITION, FailedPrecondition.
const kind = (code) =>
  status[code].toLowerCase().replace(/(^|_)(.)/g, (_, before, letter) => letter.toUpperCase());
const refused = async (call) => {
  try {
    await call();
    return '';
  } catch (error) {
    return kind(error.code);
  }
};

const minute = { seconds: 60 };
const ids = (tasks) => tasks.map((task) => task.name.split('/').pop());
const listed = async () => ids((await client.listTasks({ parent: queue }))[0]).sort();
const lease = async (fields = {}) => {
  const request = { parent: queue, maxTasks: 10, leaseDuration: minute, ...fields };
  return (await client.leaseTasks(request))[0].tasks;
};
const micros = ({ seconds, nanos }) => Number(seconds) * 1_000_000 + Math.floor(nanos / 1_000);

const [created] = await client.createQueue({
  parent,
  queue: { name: queue, pullTarget: {}, retryConfig: { maxAttempts: 2 } },
});
const isPull = created.targetType === 'pullTarget' || Boolean(created.pullTarget);
seen.push(['create', isPull, created.rateLimits.maxConcurrentTasks]);

for (const [id, tag] of [['a', 'x'], ['b', ''], ['c', 'x'], ['d', 'y']]) {
  const payload = Buffer.from(id).toString('base64');
  const task = { name: `${queue}/tasks/${id}`, pullMessage: { payload, tag } };
  await client.createTask({ parent: queue, task });
}
seen.push(['list', await listed()]);

const first = await lease({ filter: 'tag_function=oldest_tag()', responseView: 'FULL' });
const [a, c] = first;
const payloads = first.map((task) => Buffer.from(task.pullMessage.payload).toString());
const counts = first.map((task) => task.status.attemptDispatchCount);
seen.push(['oldest tag', ids(first), payloads]);
seen.push(['attempts', counts, micros(a.scheduleTime) === micros(c.scheduleTime)]);
seen.push(['held', ids(await lease({ filter: 'tag=x' })), ids(await lease({ filter: 'tag=y' }))]);

const old = { name: a.name, scheduleTime: a.scheduleTime };
const [renewed] = await client.renewLease({ ...old, leaseDuration: { seconds: 120 } });
seen.push(['renew', micros(renewed.scheduleTime) > micros(a.scheduleTime)]);
seen.push(['old proof', await refused(() => client.acknowledgeTask(old))]);

const proof = { name: a.name, scheduleTime: renewed.scheduleTime };
await client.acknowledgeTask(proof);
seen.push(['acknowledge again', await refused(() => client.acknowledgeTask(proof))]);

const held = { name: c.name, scheduleTime: c.scheduleTime };
const [cancelled] = await client.cancelLease(held);
seen.push(['cancel', micros(cancelled.scheduleTime) < micros(c.scheduleTime)]);
const again = await lease({ filter: 'tag=x' });
seen.push(['again', ids(again), again[0].status.attemptDispatchCount]);
await client.cancelLease({ name: c.name, scheduleTime: again[0].scheduleTime });
seen.push(['used up', ids(await lease()), await listed()]);

await client.pauseQueue({ name: queue });
seen.push(['paused', await refused(lease)]);
await client.resumeQueue({ name: queue });
seen.push(['run', await refused(() => client.runTask({ name: `${queue}/tasks/b` }))]);
const [{ stats }] = await client.getQueue({ name: queue, readMask: { paths: ['stats'] } });
seen.push(['stats', Number(stats.tasksCount), Number(stats.concurrentDispatchesCount)]);

await client.purgeQueue({ name: queue });
seen.push(['purge', await listed()]);
await client.deleteQueue({ name: queue });
seen.push(['delete', await refused(lease)]);

console.log(JSON.stringify(seen));
await client.close();
