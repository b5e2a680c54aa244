"""What the dashboard costs: the first view of a full queue, and ten open pages.

Run it with `.venv/bin/python bench/dashboard.py`. One process has the engine, the dashboard and the
readers of the stream, so the readers' own work counts as the dashboard's.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import uvloop
from aiohttp import ClientSession, ClientTimeout

from queuewright.dashboard import Dashboard
from queuewright.engine import (
    DEVELOPER,
    Answer,
    Engine,
    Event,
    InProcessSender,
    OutgoingRequest,
    QueueOptions,
)
from queuewright.engine.protocol import (
    BatchCreateTasksRequest,
    CreateTaskRequest,
    PauseQueueRequest,
    PurgeQueueRequest,
    Queue,
    RateLimits,
    ResumeQueueRequest,
    Task,
)
from queuewright.history import History

LOCATION = "projects/bench/locations/europe-west1"
FULL = f"{LOCATION}/queues/full"
QUEUES = [f"{LOCATION}/queues/q{number:02}" for number in range(40)]
"""Cloud Tasks allows a queue 500 a second, so one queue would hide what the pages cost."""
BODY = b'{"to": "ada@example.com", "subject": "' + b"x" * 700 + b'"}'
BATCH = 100


async def handler(_: OutgoingRequest) -> Answer:
    """Answer at once."""
    return Answer(200)


async def fill(engine: Engine, queue: str, count: int) -> None:
    """Add tasks to a queue."""
    for start in range(0, count, BATCH):
        requests = []
        for _ in range(min(BATCH, count - start)):
            task = Task()
            task.http_request.url = "https://handler.example/"
            task.http_request.body = BODY
            requests.append(CreateTaskRequest(parent=queue, task=task))
        batch = BatchCreateTasksRequest(parent=queue, requests=requests)
        await engine.service.batch_create_tasks(batch, DEVELOPER)


async def first_views(session: ClientSession, base: str) -> None:
    """Measure the pages with everything that they load."""
    paths = ("/", "/queues/full", "/queues/full?state=due", "/queues/full?text=nothing")
    async with session.get(f"{base}/") as response:
        page = await response.text()
    assets = [part.split('"')[0] for part in page.split('="/static/')[1:]]
    size = 0
    for asset in assets:
        async with session.get(f"{base}/static/{asset}") as response:
            size += len(await response.read())
    for path in paths:
        times, length = [], 0
        for _ in range(5):
            began = time.perf_counter()
            async with session.get(base + path) as response:
                length = len(await response.read())
            times.append((time.perf_counter() - began) * 1000)
        total = (length + size) / 1024
        print(f"{path:28} {total:6.1f} KiB, median {statistics.median(times):6.1f} ms")


class Pace(NamedTuple):
    """How long it took to empty the queues."""

    wall_s: float
    loop_s: float
    """The event loop's own time: what it did, and not what it waited for."""


async def pace(engine: Engine, done: Done, tasks: int) -> Pace:
    """Return how long it takes until the queues are empty."""
    for queue in QUEUES:
        await engine.service.pause_queue(PauseQueueRequest(name=queue), DEVELOPER)
        await fill(engine, queue, tasks // len(QUEUES))
    done.expect(tasks // len(QUEUES) * len(QUEUES))
    began, cpu = time.perf_counter(), time.thread_time()
    for queue in QUEUES:
        await engine.service.resume_queue(ResumeQueueRequest(name=queue), DEVELOPER)
    await done.all.wait()
    return Pace(time.perf_counter() - began, time.thread_time() - cpu)


class Done:
    """Counts the tasks that are done."""

    def __init__(self) -> None:
        self.left = 0
        self.all = asyncio.Event()

    def expect(self, count: int) -> None:
        """Wait for so many."""
        self.left = count
        self.all.clear()

    def notice(self, event: Event) -> None:
        """Count an attempt."""
        if event.kind == "AttemptResponse":
            self.left -= 1
            if not self.left:
                self.all.set()


async def read(session: ClientSession, url: str) -> None:
    """Keep reading a stream, like an open page."""
    async with session.get(url, timeout=ClientTimeout()) as response:
        async for _ in response.content.iter_any():
            pass


async def open_pages(stack: AsyncExitStack, session: ClientSession, base: str) -> None:
    """Open ten pages: five overviews and five pages of queues."""
    for number in range(10):
        topics = ["overview"]
        if number % 2:
            async with session.get(f"{base}/queues/q{number:02}") as response:
                topics = (await response.text()).split('data-topics="')[1].split('"')[0].split()
        url = f"{base}/events?{'&'.join(f't={topic}' for topic in topics)}"
        reader = asyncio.create_task(read(session, url))
        stack.callback(reader.cancel)
    await asyncio.sleep(0.5)


async def main(tasks: int, rounds: int, state: Path) -> float:
    """Run everything; return the rate with ten pages as a share of the rate without."""
    history, done = History.opened(state), Done()
    dashboard = Dashboard(history)

    def notice(event: Event) -> None:
        history.record(event)
        dashboard.notice(event)
        done.notice(event)

    engine = Engine(state=state, on_event=notice, sender=InProcessSender(handler))
    dashboard.open(engine)
    limits = RateLimits(max_dispatches_per_second=500, max_concurrent_dispatches=1000)
    for queue in (*QUEUES, FULL):
        burst = QueueOptions(burst=500)
        await engine.declare_queue(Queue(name=queue, rate_limits=limits), burst)
    await engine.start()
    port = await engine.serve_http(port=0, pages=dashboard.routes)
    base = f"http://127.0.0.1:{port}"
    shares = []
    try:
        async with ClientSession() as session:
            await engine.service.pause_queue(PauseQueueRequest(name=FULL), DEVELOPER)
            await fill(engine, FULL, 100_000)
            print("100,000 tasks in the queue:")
            await first_views(session, base)
            await engine.service.purge_queue(PurgeQueueRequest(name=FULL), DEVELOPER)
            await pace(engine, done, tasks)  # warm up, while the sweeper works
            for _ in range(rounds):
                alone = await pace(engine, done, tasks)
                async with AsyncExitStack() as stack:
                    await open_pages(stack, session, base)
                    watched = await pace(engine, done, tasks)
                await asyncio.sleep(0.3)
                # A loop with nothing else to do spends all its time on tasks, so the part of its
                # time that the pages take is the part of the rate that they cost.
                share = 1 - (watched.loop_s - alone.loop_s) / watched.wall_s
                shares.append(share)
                print(
                    f"{tasks / alone.loop_s:7,.0f} tasks in a second of the loop's time alone, "
                    f"{tasks / watched.loop_s:7,.0f} with ten pages open for "
                    f"{watched.wall_s:.1f} s: {share:.3f}"
                )
    finally:
        await dashboard.close()
        await engine.stop()
        history.close()
    share = statistics.median(shares)
    print(f"with ten pages open: {share:.3f} of the rate (median of {rounds})")
    return share


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        share = runner.run(main(options.tasks, options.rounds, Path(folder)))
    sys.exit(share < 0.95)
