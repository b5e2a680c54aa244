"""The processes that `bench/engine.py` measures.

An engine, a handler, and a gRPC server that does nothing. Each prints one line of JSON when it is
ready, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import ClassVar, cast

import grpc
import grpc.aio
import uvloop

from queuewright.engine import Engine, Event
from queuewright.engine.protocol import Task
from queuewright.history import History


async def engine(state: str, descriptors: str = "", listener: str = "") -> None:
    """Serve an engine over gRPC that may open this many files; `state` "" keeps nothing.

    `listener` gets its events: `history`, `idle` (does nothing), or none.
    """
    if descriptors:
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(descriptors), int(descriptors)))
    folder = Path(state) if state else None
    history = History.opened(folder, report=_complain) if listener == "history" else None
    on_event = history.record if history is not None else _ignore if listener == "idle" else None
    running = Engine(state=folder, on_event=on_event)
    await running.start()
    port = await running.serve_grpc(port=0)
    await _ready(port=port)
    await running.stop()
    if history is not None:
        history.close()


def _ignore(event: Event) -> None:
    del event


def _complain(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def bare() -> None:
    """Answer every CreateTask with the same bytes."""
    answer = Task(name="projects/p/locations/l/queues/q/tasks/t").SerializeToString()

    async def create_task(request: bytes, context: object) -> bytes:
        del request, context
        return answer

    server = grpc.aio.server()
    handlers = {"CreateTask": grpc.unary_unary_rpc_method_handler(create_task)}
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("google.cloud.tasks.v2.CloudTasks", handlers),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    await _ready(port=port)
    await server.stop(None)


class _Handler(asyncio.Protocol):
    """Notes when each request came, and answers 200; GET returns the notes and drops them.

    A request to `/hang` gets no answer.
    """

    arrivals: ClassVar[list[tuple[float, float, str]]] = []

    def __init__(self) -> None:
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer all requests that are complete."""
        self._pending += data
        while (end := self._pending.find(b"\r\n\r\n")) >= 0:
            head = self._pending[:end].lower()
            length = _header(head, b"content-length")
            if len(self._pending) < end + 4 + int(length or 0):
                return
            self._pending = self._pending[end + 4 + int(length or 0) :]
            body = b""
            if head.startswith(b"get"):
                body = json.dumps(self.arrivals).encode()
                self.arrivals.clear()
            else:
                eta = float(_header(head, b"x-cloudtasks-tasketa"))
                queue = _header(head, b"x-cloudtasks-queuename").decode()
                self.arrivals.append((time.time(), eta, queue))
            if head.startswith(b"post /hang"):
                return
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            )


def _header(head: bytes, name: bytes) -> bytes:
    return head.partition(name + b":")[2].partition(b"\r\n")[0].strip()


async def handler() -> None:
    """Receive tasks."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 10_000), hard))
    server = await asyncio.get_running_loop().create_server(_Handler, "127.0.0.1", 0, backlog=2048)
    await _ready(port=server.sockets[0].getsockname()[1])
    server.close()


async def _ready(**facts: int) -> None:
    print(json.dumps({"pid": os.getpid(), **facts}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    if sys.argv[1] == "engine":
        uvloop.run(engine(*sys.argv[2:]))
    else:
        uvloop.run(bare() if sys.argv[1] == "bare" else handler())
