"""Servers beside a test: an engine with REST and gRPC, and one with prepared answers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

from queuewright.engine import DEVELOPER, Engine, Settings
from queuewright.engine.protocol import ListTasksRequest, Queue, Task

QUEUE = "projects/acme-dev/locations/europe-west1/queues/emails"
T = TypeVar("T")


class EngineThread:
    """An engine in a thread of its own, with one paused queue."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.engine, self.grpc_port, self.rest_port = self.do(self._start())

    async def _start(self) -> tuple[Engine, int, int]:
        engine = Engine(settings=Settings())
        await engine.start()
        grpc_port = await engine.serve_grpc(port=0)
        rest_port = await engine.serve_http(port=0)
        queue = Queue(name=QUEUE, state=Queue.State.PAUSED)
        queue.http_target.uri_override.host = "mailer.example"
        await engine.declare_queue(queue)
        return engine, grpc_port, rest_port

    @property
    def url(self) -> str:
        """The value of `CLOUD_TASKS_EMULATOR_URL`."""
        return f"http://127.0.0.1:{self.rest_port}"

    @property
    def address(self) -> str:
        """The value of `CLOUD_TASKS_EMULATOR_HOST`."""
        return f"127.0.0.1:{self.grpc_port}"

    def tasks(self, queue: str = QUEUE) -> list[Task]:
        """All tasks of a queue, with their bodies."""
        found: list[Task] = []
        token = ""
        while True:
            request = ListTasksRequest(parent=queue, response_view=Task.View.FULL, page_token=token)
            page = self.do(self.engine.service.list_tasks(request, DEVELOPER))
            found += page.tasks
            token = page.next_page_token
            if not token:
                return found

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine, on the engine's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stop(self) -> None:
        """Stop the engine and its thread."""
        self.do(self.engine.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@dataclass
class Prepared:
    """An answer; with `closes`, the connection ends after it, and without a status before it."""

    status: int | None
    body: bytes = b"{}"
    closes: bool = False


@dataclass
class Script:
    """A server's prepared answers (the last one is repeated), and what it received."""

    answers: list[Prepared]
    received: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)
    closed: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def scripted(*answers: Prepared) -> Iterator[Script]:
    """A server that gives these answers."""
    script = Script(list(answers))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            script.connections.add(self.client_address)
            super().handle_one_request()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            script.received.append((self.command, self.path, dict(self.headers), body))
            prepared = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
            self.close_connection = prepared.closes or prepared.status is None
            if prepared.status is None:
                return
            self.send_response(prepared.status)
            self.send_header("Content-Length", str(len(prepared.body)))
            self.end_headers()
            self.wfile.write(prepared.body)

        do_GET = do_POST = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def shutdown_request(self, request: Any) -> None:
            super().shutdown_request(request)
            script.closed.set()

    server = Server(("127.0.0.1", 0), Handler)
    script.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
