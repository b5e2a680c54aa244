"""`enqueue_many` against unary calls: `.venv/bin/python bench/enqueue.py [--tasks N]`.

The engine is a process of its own on this machine, with its state in a file. Both ways of each
protocol take turns in one run. At the end every task is counted: none may be lost or doubled.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import grpc
import uvloop
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from queuewright.engine import Engine
from queuewright.engine.protocol import Queue
from queuewright_runtime.client import Queue as ClientQueue
from queuewright_runtime.client import Tasks

QUEUE: Final = "projects/bench/locations/here/queues/q"
PAUSED: Final = 2  # Queue.State in queue.proto
ROUNDS: Final = 5
THREADS: Final = 8
"""As many calls at the same time as `Tasks` has by default."""


async def engine(state: str) -> None:
    """Serve an engine with one paused queue until standard input ends."""
    async with Engine(state=Path(state)) as running:
        await running.declare_queue(Queue(name=QUEUE, state=PAUSED))
        ports = {"grpc": await running.serve_grpc(port=0), "rest": await running.serve_http(port=0)}
        print(json.dumps(ports), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


@contextlib.contextmanager
def started_engine() -> Iterator[dict[str, int]]:
    """Run an engine in another process until the block ends; its ports by protocol."""
    with (
        tempfile.TemporaryDirectory(prefix="queuewright-bench-") as state,
        subprocess.Popen(
            [sys.executable, __file__, "--engine", state],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(60)


def client_queue(ports: dict[str, int], protocol: str) -> ClientQueue[dict[str, int]]:
    """The client's queue, over a protocol."""
    variable = "CLOUD_TASKS_EMULATOR_HOST" if protocol == "grpc" else "CLOUD_TASKS_EMULATOR_URL"
    scheme = "" if protocol == "grpc" else "http://"
    address = f"{scheme}127.0.0.1:{ports[protocol]}"
    return Tasks(variables={variable: address}, concurrency=THREADS).queue(QUEUE)


def timed_unary(queue: ClientQueue[dict[str, int]], numbers: range) -> float:
    """Tasks per second by `enqueue`, in several threads."""
    begin = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda number: queue.enqueue({"n": number}), numbers))
    return len(numbers) / (time.perf_counter() - begin)


def timed_google(ports: dict[str, int], numbers: range) -> float:
    """Tasks per second by Google's Python client, in several threads."""
    channel = grpc.insecure_channel(f"127.0.0.1:{ports['grpc']}")
    client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))

    def create(number: int) -> None:
        body = json.dumps({"n": number}).encode()
        request = tasks_v2.HttpRequest(url="https://queue.invalid/", body=body)
        client.create_task(parent=QUEUE, task=tasks_v2.Task(http_request=request))

    begin = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(create, numbers))
    seconds = time.perf_counter() - begin
    channel.close()
    return len(numbers) / seconds


def timed_many(queue: ClientQueue[dict[str, int]], numbers: range) -> float:
    """Tasks per second by `enqueue_many`."""
    begin = time.perf_counter()
    results = queue.enqueue_many({"n": number} for number in numbers)
    assert len({result.name for result in results}) == len(numbers)
    return len(numbers) / (time.perf_counter() - begin)


def stored(port: int) -> Counter[int]:
    """How often each number is in the queue."""
    options = [("grpc.max_receive_message_length", -1)]
    channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=options)
    client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
    request = tasks_v2.ListTasksRequest(
        parent=QUEUE, response_view=tasks_v2.Task.View.FULL, page_size=1000
    )
    found = Counter(json.loads(task.http_request.body)["n"] for task in client.list_tasks(request))
    channel.close()
    return found


def main(count: int) -> int:
    """Print the table; return 1 if a goal was missed."""
    many, few = count // 2 // ROUNDS, count // 2 // ROUNDS // 10
    rates: dict[str, list[float]] = {}
    sent = 0

    def numbers(size: int) -> range:
        nonlocal sent
        sent += size
        return range(sent - size, sent)

    with started_engine() as ports:
        queues = {protocol: client_queue(ports, protocol) for protocol in ("rest", "grpc")}
        for _ in range(ROUNDS):  # short rounds, so that what disturbs the machine meets all alike
            rates.setdefault("google", []).append(timed_google(ports, numbers(few)))
            for protocol, queue in queues.items():
                rates.setdefault(f"{protocol} one", []).append(timed_unary(queue, numbers(few)))
                rates.setdefault(f"{protocol} many", []).append(timed_many(queue, numbers(many)))
        found = stored(ports["grpc"])
    middle = {name: statistics.median(each) for name, each in rates.items()}
    goals_met = True
    print(f"{THREADS} calls at the same time; tasks a second, the median of {ROUNDS} rounds")
    print(f"{'Google’s Python client, CreateTask':<40}{middle['google']:>10,.0f}/s")
    for protocol in queues:
        one, lot = middle[f"{protocol} one"], middle[f"{protocol} many"]
        goals_met &= lot >= 5 * one
        print(f"{f'enqueue, {protocol}':<40}{one:>10,.0f}/s")
        print(f"{f'enqueue_many, {protocol}':<40}{lot:>10,.0f}/s")
        print(f"{'  times faster (goal: 5)':<40}{lot / one:>10.1f}")
        print(f"{'  than Google’s client':<40}{lot / middle['google']:>10.1f}")
    lost = sum(number not in found for number in range(sent))
    doubled = sum(times > 1 for times in found.values())
    print(f"{sent:,} tasks: {lost} lost, {doubled} doubled")
    return 0 if goals_met and not lost and not doubled else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000, help="how many by `enqueue_many`")
    parser.add_argument("--engine", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.engine:
        uvloop.run(engine(arguments.engine))
    else:
        sys.exit(main(arguments.tasks))
