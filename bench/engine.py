"""Figures of the engine, as a table: `.venv/bin/python bench/engine.py [--million] [--only WORD]`.

Engine, handler and client are processes of their own on this machine. What is compared with a
server that does nothing alternates with it in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.protobuf.message import Message

from queuewright.engine import (
    DEVELOPER,
    Engine,
    InProcessSender,
    ManualClock,
    OutgoingRequest,
)
from queuewright.engine.protocol import messages

CHILDREN: Final = Path(__file__).with_name("engine_children.py")
LOCATION: Final = "projects/bench/locations/here"
QUEUE: Final = f"{LOCATION}/queues/q"


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    name: str
    value: str
    goal: str
    met: bool


@dataclass(frozen=True)
class Child:
    """A process of `engine_children.py` that is ready."""

    pid: int
    port: int
    ready_s: float


@contextlib.contextmanager
def child(kind: str, *arguments: str) -> Iterator[Child]:
    """Run one of the children until the block ends."""
    begin = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, str(CHILDREN), kind, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(CHILDREN.parents[1])},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            facts = json.loads(process.stdout.readline())
            yield Child(facts["pid"], facts["port"], time.perf_counter() - begin)
        finally:
            process.stdin.close()
            process.wait(60)


@contextlib.contextmanager
def state_folder() -> Iterator[str]:
    """A folder for one engine's state."""
    folder = tempfile.mkdtemp(prefix="queuewright-bench-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


class Api:
    """The raw calls: no client library in the way."""

    def __init__(self, port: int) -> None:
        self._channel = grpc.insecure_channel(
            f"127.0.0.1:{port}", options=[("grpc.max_receive_message_length", -1)]
        )

    def __call__(self, rpc: str, request: Message) -> bytes:
        """Call an RPC of CloudTasks and return the answer's bytes."""
        call = self._channel.unary_unary(f"/google.cloud.tasks.v2.CloudTasks/{rpc}", None, None)
        answer: bytes = call(request.SerializeToString(), timeout=25)
        return answer

    def create_queue(self, name: str, rate: float = 500, concurrency: int = 1000) -> None:
        """Create a queue."""
        queue = messages.Queue(
            name=name,
            rate_limits=messages.RateLimits(
                max_dispatches_per_second=rate, max_concurrent_dispatches=concurrency
            ),
        )
        self("CreateQueue", messages.CreateQueueRequest(parent=LOCATION, queue=queue))

    def fill(
        self,
        queue: str,
        count: int,
        due: Callable[[int], float],
        port: int = 9,
        account: str = "",
        path: str = "/work",
    ) -> None:
        """Create tasks, the n-th due at `due(n)` seconds since the epoch, by batches of 100."""
        for first in range(0, count, 100):
            requests = [
                messages.CreateTaskRequest(
                    parent=queue, task=_task(due(index), port, account, path)
                )
                for index in range(first, min(first + 100, count))
            ]
            batch = messages.BatchCreateTasksRequest(parent=queue, requests=requests)
            self("BatchCreateTasks", batch)


def _task(due_s: float, port: int, account: str = "", path: str = "/work") -> messages.Task:
    task = messages.Task()
    if account:
        task.http_request.oidc_token.service_account_email = account
    task.http_request.url = f"http://127.0.0.1:{port}{path}"
    task.http_request.headers["Content-Type"] = "application/json"
    task.http_request.body = b'{"to": "ada@example.com", "subject": "Welcome", "n": 12345678}'
    task.schedule_time.FromNanoseconds(int(due_s * 1_000_000) * 1_000)
    return task


def arrivals(handler: Child) -> list[tuple[float, float, str]]:
    """Return (arrival, ETA, queue id) of the requests received since the last call."""
    with urllib.request.urlopen(f"http://127.0.0.1:{handler.port}/") as response:
        return [(at, eta, queue) for at, eta, queue in json.load(response)]


def start_up() -> Iterator[Figure]:
    """From starting the process to answering the first call, with a state of its own."""
    times = []
    for _ in range(5):
        with state_folder() as state, child("engine", state) as engine:
            Api(engine.port).create_queue(QUEUE)
            times.append(engine.ready_s)
    seconds = statistics.median(times)
    yield Figure("ready after start", f"{seconds:.2f} s", "<= 1 s", seconds <= 1)


def creates() -> Iterator[Figure]:
    """CreateTask by Google's Python client, 16 threads, against the engine and against nothing."""
    rates: dict[str, list[float]] = {"engine": [], "bare": []}
    with state_folder() as state, child("engine", state) as engine, child("bare") as bare:
        Api(engine.port).create_queue(QUEUE)
        ports = {"engine": engine.port, "bare": bare.port}
        for _ in range(15):  # short rounds, so that what disturbs the machine meets both alike
            for kind, port in ports.items():
                rates[kind].append(_client_creates(port))
    ratio = statistics.median(
        ours / none for ours, none in zip(rates["engine"], rates["bare"], strict=True)
    )
    ours, none = (statistics.median(rates[kind]) for kind in ("engine", "bare"))
    yield Figure("unary creates, Python client", f"{ours:,.0f}/s", "", True)
    yield Figure("  the same, server does nothing", f"{none:,.0f}/s", "", True)
    yield Figure("  ratio", f"{ratio:.2f}", ">= 0.8", ratio >= 0.8)


def _client_creates(port: int, count: int = 500, threads: int = 16) -> float:
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
    later = time.time() + 3600
    task = tasks_v2.Task.wrap(_task(later, 9))

    def create(_: int) -> None:
        client.create_task(parent=QUEUE, task=task)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(create, range(100)))
        begin = time.perf_counter()
        list(pool.map(create, range(count)))
        seconds = time.perf_counter() - begin
    channel.close()
    return count / seconds


def batches() -> Iterator[Figure]:
    """BatchCreateTasks of 100, raw stub, 4 at once."""
    later = time.time() + 3600
    requests = [messages.CreateTaskRequest(parent=QUEUE, task=_task(later, 9))] * 100
    batch = messages.BatchCreateTasksRequest(parent=QUEUE, requests=requests)
    with state_folder() as state, child("engine", state) as engine:
        api = Api(engine.port)
        api.create_queue(QUEUE)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: api("BatchCreateTasks", batch), range(20)))
            begin = time.perf_counter()
            list(pool.map(lambda _: api("BatchCreateTasks", batch), range(500)))
            rate = 50_000 / (time.perf_counter() - begin)
    yield Figure("batch creates", f"{rate:,.0f} tasks/s", ">= 20,000", rate >= 20_000)


def rates() -> Iterator[Figure]:
    """What arrives in five seconds, the first one (with the burst) left out."""
    for queues, rate, label in (
        (1, 500, "dispatched of 1 x 500/s"),
        (10, 100, "dispatched of 10 x 100/s"),
        (10, 100, "  with OIDC tokens"),
    ):
        account = "invoker@bench" if "OIDC" in label else ""
        with state_folder() as state, child("engine", state) as engine, child("handler") as handler:
            api = Api(engine.port)
            names = [f"{QUEUE}{number}" for number in range(queues)]
            for name in names:
                api.create_queue(name, rate)
                api("PauseQueue", messages.PauseQueueRequest(name=name))
                api.fill(name, rate * 8, lambda _: time.time(), handler.port, account)
            for name in names:
                api("ResumeQueue", messages.ResumeQueueRequest(name=name))
            begin = time.time() + 1
            time.sleep(6.2)
            count = sum(begin <= at < begin + 5 for at, _, _ in arrivals(handler))
        share = count / (5 * rate * queues)
        yield Figure(label, f"{share:.3f}", ">= 0.98", 0.98 <= share <= 1.02)


def total() -> Iterator[Figure]:
    """What arrives in five seconds of 20 queues that may dispatch 500/s each."""
    queues, rate = 20, 500
    with state_folder() as state, child("engine", state) as engine, child("handler") as handler:
        api = Api(engine.port)
        names = [f"{QUEUE}{number}" for number in range(queues)]
        for name in names:
            api.create_queue(name, rate)
            api("PauseQueue", messages.PauseQueueRequest(name=name))
            api.fill(name, rate * 7, lambda _: time.time(), handler.port)
        for name in names:
            api("ResumeQueue", messages.ResumeQueueRequest(name=name))
        begin = time.time() + 1
        time.sleep(1)
        before = _cpu_s(engine.pid)
        time.sleep(5)
        cpu_s = _cpu_s(engine.pid) - before
        served = Counter(queue for at, _, queue in arrivals(handler) if begin <= at < begin + 5)
    per_second = served.total() / 5
    share = min(served.values()) / max(served.values())
    yield Figure(
        "dispatched of 20 x 500/s", f"{per_second:,.0f}/s", ">= 6,000/s", per_second >= 6000
    )
    yield Figure("  the engine's CPU for each", f"{cpu_s / served.total() * 1e6:.0f} µs", "", True)
    yield Figure("  least served / most served queue", f"{share:.2f}", ">= 0.9", share >= 0.9)


def quiet() -> Iterator[Figure]:
    """How late a queue's tasks arrive while 1,000 tasks of another one hang."""
    for descriptors, label in (("", "lateness beside 1,000 hanging"), ("256", "  256 descriptors")):
        with (
            state_folder() as state,
            child("engine", state, descriptors) as engine,
            child("handler") as handler,
        ):
            api = Api(engine.port)
            slow, other = f"{QUEUE}-slow", f"{QUEUE}-quiet"
            api.create_queue(slow)
            api.create_queue(other)
            api.fill(slow, 1000, lambda _: time.time(), handler.port, path="/hang")
            begin = time.time() + 3  # by then everything hangs that may
            due = [begin + index / 20 for index in range(40)]
            api.fill(other, len(due), due.__getitem__, handler.port)
            time.sleep(begin + 7 - time.time())
            late = [
                (at - eta) * 1000 for at, eta, queue in arrivals(handler) if other.endswith(queue)
            ]
        worst = max(late) if len(late) == len(due) else math.inf
        yield Figure(label, f"{worst:.1f} ms at most", "<= 50 ms", worst <= 50)


def lateness() -> Iterator[Figure]:
    """How much later than due a task arrives, 200 of them a second."""
    with state_folder() as state, child("engine", state) as engine, child("handler") as handler:
        api = Api(engine.port)
        api.create_queue(QUEUE)
        begin = time.time() + 1.5
        api.fill(QUEUE, 1000, lambda index: begin + index / 200, handler.port)
        time.sleep(max(0, begin + 5.5 - time.time()))
        late = sorted((at - eta) * 1000 for at, eta, _ in arrivals(handler))
    p50, p99 = late[len(late) // 2], late[len(late) * 99 // 100]
    yield Figure("lateness p50 at 200/s", f"{p50:.1f} ms", "<= 5 ms", late[0] >= 0 and p50 <= 5)
    yield Figure("  p99", f"{p99:.1f} ms", "", True)


def idle() -> Iterator[Figure]:
    """CPU time of an engine with ten queues and a thousand tasks that are due tomorrow."""
    with state_folder() as state, child("engine", state) as engine:
        api = Api(engine.port)
        for number in range(10):
            api.create_queue(f"{QUEUE}{number}")
            api.fill(f"{QUEUE}{number}", 100, lambda _: time.time() + 86_400)
        time.sleep(1)
        before = _cpu_s(engine.pid)
        time.sleep(10)
        share = (_cpu_s(engine.pid) - before) / 10 * 100
    yield Figure("idle CPU", f"{share:.2f} %", "< 1 %", share < 1)


def million() -> Iterator[Figure]:
    """A million tasks due tomorrow: memory, and how soon one runs after a restart."""
    with state_folder() as state, child("handler") as handler:
        with child("engine", state) as engine:
            api = Api(engine.port)
            api.create_queue(QUEUE)
            tomorrow = time.time() + 86_400
            begin = time.perf_counter()
            api.fill(QUEUE, 1_000_000, lambda index: tomorrow + index / 100)
            filled_s = time.perf_counter() - begin
            megabytes = _resident_mb(engine.pid)
            due = messages.CreateTaskRequest(
                parent=QUEUE, task=_task(time.time() + 3, handler.port)
            )
            api("CreateTask", due)
        begin_s = time.time()
        with child("engine", state) as engine:
            after_mb = _resident_mb(engine.pid)
            while not (received := arrivals(handler)):
                time.sleep(0.05)
        restart_s = received[0][0] - begin_s
    yield Figure("1,000,000 tasks created in", f"{filled_s:.0f} s", "", True)
    yield Figure("  resident", f"{megabytes:.0f} MB", "<= 600 MB", megabytes <= 600)
    yield Figure("  resident after restart", f"{after_mb:.0f} MB", "<= 600 MB", after_mb <= 600)
    yield Figure("  restart to first dispatch", f"{restart_s:.1f} s", "<= 10 s", restart_s <= 10)


def virtual() -> Iterator[Figure]:
    """A day of retries of 10,000 tasks that always fail, with a manual clock, in this process."""
    seconds, attempts = asyncio.run(_a_day_of_retries(10_000))
    yield Figure("10,000 tasks x 24 h, virtual time", f"{seconds:.1f} s", "<= 15 s", seconds <= 15)
    yield Figure("  for each attempt", f"{seconds / attempts * 1e6:.0f} µs", "", True)


async def _a_day_of_retries(tasks: int) -> tuple[float, int]:
    """Return the real time that the day takes in seconds, and the number of attempts."""
    attempts = 0

    def fail(_: OutgoingRequest) -> int:
        nonlocal attempts
        attempts += 1
        return 503

    async with Engine(clock=ManualClock(), seed=1, sender=InProcessSender(fail)) as engine:
        await engine.declare_queue(messages.Queue(name=QUEUE))
        for _ in range(0, tasks, 100):
            requests = [messages.CreateTaskRequest(parent=QUEUE, task=_task(0, 9))] * 100
            batch = messages.BatchCreateTasksRequest(parent=QUEUE, requests=requests)
            await engine.service.batch_create_tasks(batch, DEVELOPER)
        begin = time.perf_counter()
        await engine.advance("24h")
        return time.perf_counter() - begin, attempts


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--million", action="store_true", help="also a million scheduled tasks")
    parser.add_argument("--only", default="", help="only the measurements with this in their name")
    options = parser.parse_args()
    measurements = [start_up, creates, batches, rates, total, lateness, quiet, idle, virtual]
    measurements += [million] * options.million
    print(f"{'figure':<34}{'measured':>16}  {'goal':<10}")
    missed = 0
    for measure in measurements:
        if options.only in measure.__name__:
            for figure in measure():
                missed += not figure.met
                mark = "" if figure.met else "  missed"
                print(f"{figure.name:<34}{figure.value:>16}  {figure.goal:<10}{mark}", flush=True)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
