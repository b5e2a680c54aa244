"""The parts of a TypeScript module that are the same in each."""

from __future__ import annotations

from typing import Final

HEAD: Final = """\
// Typed queues, written by `queuewright client --language typescript`: run it again instead of
// editing."""

COMMON: Final = """\
/** A task that is in its queue. */
export interface Enqueued {
  /** Its full name; of a pull queue, the id of the message. */
  name: string;
  /** Whether a task with the same key was there before. */
  existed: boolean;
}

/** A queue's variable, which queuewright sets for the handlers under `enqueuers`. */
function fromVariable(queue: string): string {
  const name = process.env[`QUEUE_${queue}`];
  if (!name) {
    throw new Error(
      `QUEUE_${queue} is not set; queuewright sets it for the handlers under \\`enqueuers\\``,
    );
  }
  return name;
}"""

PUSH_QUEUE: Final = """\
export interface EnqueueOptions {
  /** How many seconds the task waits at least: at most 30 days. */
  delaySeconds?: number;
  /** The task's earliest time; at most 30 days ahead. */
  at?: Date;
  /** The same key, the same task. */
  key?: string;
  headers?: { [name: string]: string };
  /** The path at the handler, for a queue that has none of its own. */
  path?: string;
}

const LONGEST_WAIT_MS = 30 * 24 * 60 * 60 * 1000;
const ALREADY_EXISTS = 6; // google/rpc/code.proto
const RETRIED = [8, 13, 14]; // RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE

let shared: CloudTasksClient | undefined;

/** The local engine at CLOUD_TASKS_EMULATOR_URL, else Google's Cloud Tasks. */
function cloudTasks(): CloudTasksClient {
  const local = process.env.CLOUD_TASKS_EMULATOR_URL;
  if (shared === undefined && local) {
    const url = new URL(local);
    shared = new CloudTasksClient({
      fallback: true,
      protocol: "http",
      apiEndpoint: url.hostname,
      port: Number(url.port),
      authClient: new PassThroughClient(),
    });
  }
  shared ??= new CloudTasksClient();
  return shared;
}

/** The seconds of a duration such as `900s`. */
function seconds(text: string): number {
  return Number(text.replace(/s$/, ""));
}

/** A queue whose tasks are sent to a handler. */
export class PushQueue<P> {
  constructor(
    private readonly queue: string,
    private readonly client: CloudTasksClient = cloudTasks(),
  ) {}

  /** Add a task; its payload is sent as JSON. A call that fails for a moment is tried again. */
  async enqueue(payload: P, options: EnqueueOptions = {}): Promise<Enqueued> {
    const parent = fromVariable(this.queue);
    const now = Date.now();
    const due =
      options.at?.getTime() ??
      (options.delaySeconds === undefined ? undefined : now + options.delaySeconds * 1000);
    if (due !== undefined && due > now + LONGEST_WAIT_MS) {
      throw new RangeError("a task can't wait longer than 30 days");
    }
    // With a name, a call that is tried again creates no second task.
    const id =
      options.key === undefined
        ? randomUUID().replaceAll("-", "")
        : createHash("sha256").update(options.key).digest("hex").slice(0, 32);
    const name = `${parent}/tasks/${id}`;
    const headers = { "Content-Type": "application/json", ...options.headers };
    const body = Buffer.from(JSON.stringify(payload)).toString("base64");
    const path = options.path ?? "/";
    const task: protos.google.cloud.tasks.v2.ITask = { name };
    if (process.env[`APP_ENGINE_${this.queue}`]) {
      task.appEngineHttpRequest = { relativeUri: path, headers, body };
    } else {
      // The queue replaces the host; `.invalid` never resolves.
      task.httpRequest = { url: `https://queue.invalid${path}`, headers, body };
    }
    const deadline = process.env[`DEADLINE_${this.queue}`];
    if (deadline) task.dispatchDeadline = { seconds: seconds(deadline) };
    if (due !== undefined) {
      task.scheduleTime = { seconds: Math.floor(due / 1000), nanos: (due % 1000) * 1_000_000 };
    }
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.client.createTask({ parent, task });
        return { name, existed: false };
      } catch (error) {
        const code = (error as { code?: number }).code;
        if (code === ALREADY_EXISTS) return { name, existed: options.key !== undefined };
        if (code === undefined || !RETRIED.includes(code) || attempt === 6) throw error;
        const pause = Math.random() * Math.min(6_000, 100 * 2 ** attempt);
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }
}"""

PULL_QUEUE: Final = """\
let publisher: PubSub | undefined;

/** A queue whose tasks wait until a worker takes them. */
export class PullQueue<P> {
  constructor(
    private readonly queue: string,
    private readonly client: PubSub = (publisher ??= new PubSub()),
  ) {}

  /** Add a task; its payload is sent as JSON. */
  async enqueue(
    payload: P,
    options: { headers?: { [name: string]: string }; orderingKey?: string } = {},
  ): Promise<Enqueued> {
    const topic = this.client.topic(fromVariable(this.queue), {
      messageOrdering: options.orderingKey !== undefined,
    });
    const name = await topic.publishMessage({
      data: Buffer.from(JSON.stringify(payload)),
      attributes: { "Content-Type": "application/json", ...options.headers },
      ...(options.orderingKey === undefined ? {} : { orderingKey: options.orderingKey }),
    });
    return { name, existed: false };
  }
}"""
