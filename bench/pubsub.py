"""Figures of Pub/Sub, as a table: `.venv/bin/python bench/pubsub.py [--only WORD] [--pstest]`.

The server is a process of its own; the client is one of Google's Python library, in this process.
With `--pstest`, Google's own fake of Pub/Sub (Go) is measured in the same run, in turns.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc
import uvloop
from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.subscriber.message import Message
from google.cloud.pubsub_v1.subscriber.scheduler import ThreadScheduler
from google.protobuf.message import Message as ProtobufMessage

from queuewright.pubsub import PubSub
from queuewright.pubsub.protocol import (
    GetTopicRequest,
    PublishRequest,
    PubsubMessage,
    SeekRequest,
    Subscription,
    Topic,
)

ROOT: Final = Path(__file__).parents[1]
TOPIC: Final = "projects/bench/topics/reports"
SUBSCRIPTION: Final = "projects/bench/subscriptions/reports"
DATA: Final = b'{"customer": "ada@example.com", "month": "2026-01", "kind": "pdf"}' * 4
COUNT: Final = 10_000
ROUNDS: Final = 3


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    name: str
    value: str
    goal: str = ""
    met: bool = True


@dataclass(frozen=True)
class Server:
    """A running server, and how many messages a round publishes and streams."""

    pid: int
    address: str
    count: int = COUNT


@contextlib.contextmanager
def server(*command: str, count: int = COUNT) -> Iterator[Server]:
    """Run a server that prints its port, until the block ends."""
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Server(process.pid, f"127.0.0.1:{int(process.stdout.readline())}", count)
        finally:
            process.stdin.close()
            process.wait(60)


@contextlib.contextmanager
def ours(folder: str = "") -> Iterator[Server]:
    """Run our server, with a state folder that is deleted afterwards unless one is given."""
    state = folder or tempfile.mkdtemp(prefix="queuewright-bench-")
    try:
        with server(sys.executable, __file__, "--serve", state) as running:
            yield running
    finally:
        if not folder:
            shutil.rmtree(state)


def pstest() -> contextlib.AbstractContextManager[Server]:
    """Run Google's fake, which keeps everything in memory."""
    program = ROOT / ".tools" / "clients" / "go" / "pstest"
    subprocess.run(
        ["go", "build", "-mod=readonly", "-o", str(program), "./pstest"],
        cwd=ROOT / "tests" / "clients" / "go",
        check=True,
    )
    return server(str(program), count=1_000)  # it streams about a message in 10 ms


class Raw:
    """The raw calls: no client library in the way."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address)

    def __call__(self, service: str, rpc: str, request: ProtobufMessage) -> None:
        """Call an RPC."""
        call = self._channel.unary_unary(f"/google.pubsub.v1.{service}/{rpc}", None, None)
        call(request.SerializeToString(), timeout=60)

    def create(self) -> None:
        """Create the topic and its subscription."""
        self("Publisher", "CreateTopic", Topic(name=TOPIC))
        request = Subscription(name=SUBSCRIPTION, topic=TOPIC, ack_deadline_seconds=600)
        self("Subscriber", "CreateSubscription", request)

    def fill(self, count: int) -> float:
        """Publish messages in batches of 100; return how many a second."""
        batch = PublishRequest(topic=TOPIC, messages=[PubsubMessage(data=DATA)] * 100)
        begin = time.perf_counter()
        for _ in range(count // 100):
            self("Publisher", "Publish", batch)
        return count / (time.perf_counter() - begin)


def throughput(kinds: dict[str, Server]) -> Iterator[Figure]:
    """Publishing and streaming, each with one Python client, the servers in turns."""
    published: dict[str, list[float]] = {kind: [] for kind in kinds}
    streamed: dict[str, list[float]] = {kind: [] for kind in kinds}
    for each in kinds.values():
        Raw(each.address).create()
    for _ in range(ROUNDS):
        for kind, each in kinds.items():
            os.environ["PUBSUB_EMULATOR_HOST"] = each.address
            published[kind].append(_published(each.count))
            streamed[kind].append(_streamed(each.count))
    for name, rates in (("published", published), ("streamed and acknowledged", streamed)):
        for kind, found in rates.items():
            yield Figure(f"{name}, {kind}", f"{statistics.median(found):,.0f}/s")


def _published(count: int) -> float:
    publisher = pubsub_v1.PublisherClient()
    begin = time.perf_counter()
    futures = [publisher.publish(TOPIC, DATA) for _ in range(count)]
    for future in futures:
        future.result(60)
    seconds = time.perf_counter() - begin
    publisher.stop()
    publisher.transport.close()
    return count / seconds


def _streamed(count: int) -> float:
    """Receive and acknowledge what `_published` left."""
    done = threading.Event()
    left = count

    def received(message: Message) -> None:
        nonlocal left
        message.ack()
        left -= 1
        if not left:
            done.set()

    begin = time.perf_counter()
    with pubsub_v1.SubscriberClient() as subscriber:
        scheduler = ThreadScheduler(ThreadPoolExecutor(1))
        streaming = subscriber.subscribe(SUBSCRIPTION, received, scheduler=scheduler)
        done.wait(120)
        seconds = time.perf_counter() - begin
        time.sleep(0.5)  # the last acknowledgements
        streaming.cancel()
        streaming.result()
    return (count - left) / seconds


def raw() -> Iterator[Figure]:
    """Publish without a client library."""
    with ours() as running:
        api = Raw(running.address)
        api.create()
        rate = api.fill(100_000)
        megabytes = _resident_mb(running.pid)
    yield Figure("published, raw batches of 100", f"{rate:,.0f}/s")
    yield Figure(
        "memory with 100,000 waiting", f"{megabytes:.0f} MB", "<= 100 MB", megabytes <= 100
    )


def restart() -> Iterator[Figure]:
    """From starting the process with 100,000 waiting messages to the first one."""
    state = tempfile.mkdtemp(prefix="queuewright-bench-")
    with ours(state) as running:
        api = Raw(running.address)
        api.create()
        api.fill(100_000)
    begin = time.perf_counter()
    with ours(state) as running:
        os.environ["PUBSUB_EMULATOR_HOST"] = running.address
        with pubsub_v1.SubscriberClient() as subscriber:
            subscriber.pull(subscription=SUBSCRIPTION, max_messages=1)
        seconds = time.perf_counter() - begin
        megabytes = _resident_mb(running.pid)
    shutil.rmtree(state)
    yield Figure("restart with them until the first", f"{seconds:.2f} s")
    yield Figure("memory after it", f"{megabytes:.0f} MB", "<= 100 MB", megabytes <= 100)


def seek() -> Iterator[Figure]:
    """How long other calls wait while 100,000 messages are sought, and purged."""
    with ours() as running:
        api = Raw(running.address)
        api.create()
        for name, ahead_s in (("seek to a time", 0), ("purge", 60)):
            api.fill(100_000)
            request = SeekRequest(subscription=SUBSCRIPTION)
            request.time.FromSeconds(int(time.time()) + ahead_s)
            with ThreadPoolExecutor(1) as pool:
                begin = time.perf_counter()
                seeking = pool.submit(api, "Subscriber", "Seek", request)
                longest_s = 0.0
                while not seeking.done() or time.perf_counter() - begin < 1:
                    before = time.perf_counter()
                    api("Publisher", "GetTopic", GetTopicRequest(topic=TOPIC))
                    longest_s = max(longest_s, time.perf_counter() - before)
                seeking.result()
            longest_ms = longest_s * 1_000
            yield Figure(
                f"{name}, 100,000 messages: others wait",
                f"{longest_ms:.0f} ms",
                "< 100 ms",
                longest_ms < 100,
            )


def idle() -> Iterator[Figure]:
    """CPU time with one open stream and nothing to do."""
    with ours() as running:
        Raw(running.address).create()
        os.environ["PUBSUB_EMULATOR_HOST"] = running.address
        with pubsub_v1.SubscriberClient() as subscriber:
            streaming = subscriber.subscribe(SUBSCRIPTION, lambda message: message.ack())
            time.sleep(1)
            before = _cpu_s(running.pid)
            time.sleep(10)
            share = (_cpu_s(running.pid) - before) / 10 * 100
            streaming.cancel()
            streaming.result()
    yield Figure("idle CPU, one stream open", f"{share:.2f} %", "< 1 %", share < 1)


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def serve(state: str) -> None:
    async with PubSub(state=Path(state)) as running:
        print(await running.serve_grpc(port=0), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def figures(only: str, with_pstest: bool) -> Iterator[Figure]:
    if "throughput".startswith(only):
        with ours() as running, contextlib.ExitStack() as stack:
            kinds = {"queuewright": running}
            if with_pstest:
                kinds["Google's Go fake"] = stack.enter_context(pstest())
            yield from throughput(kinds)
    for name, measure in (("raw", raw), ("restart", restart), ("seek", seek), ("idle", idle)):
        if name.startswith(only):
            yield from measure()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="throughput, raw, restart or idle")
    parser.add_argument("--pstest", action="store_true", help="also measure Google's Go fake")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        uvloop.run(serve(asked.serve))
        return 0
    missed = 0
    for figure in figures(asked.only, asked.pstest):
        mark = "" if figure.met else "  MISSED"
        print(f"{figure.name:<44}{figure.value:>14}  {figure.goal}{mark}", flush=True)
        missed += not figure.met
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
