"""What the tests of `local` share: a project in a folder, and ears for what is printed."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from queuewright.blueprint import Blueprint, blueprint
from queuewright.local.console.console import Console
from queuewright.local.environment import Environment, Options
from queuewright.local.processes.groups import Nursery
from queuewright.spec import load

PATIENCE_S = 60.0
"""A test that waits for longer than this has failed."""

HEADER = "project: acme-dev\nlocation: europe-west1\n"

ECHO = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        os.write(1, f"got {self.path} {body.decode()}\\n".encode())  # one line in one piece
        answer = json.dumps({"path": self.path, "headers": self.headers.items(),
                             "body": body.decode(), "version": os.environ.get("VERSION")}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass

print("version", os.environ.get("VERSION"), flush=True)
ThreadingHTTPServer.request_queue_size = 128
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
"""A server of the standard library alone: prints and answers what it got."""


class Ears(io.StringIO):
    """A stream that a test can wait on: `await ears.hear("ready")`."""

    def __init__(self) -> None:
        super().__init__()
        self._spoken = asyncio.Event()
        self._heard = 0

    def write(self, text: str) -> int:
        count = super().write(text)
        self._spoken.set()
        return count

    async def hear(self, words: str) -> str:
        """The first line with these words after the one that was heard last."""
        while (start := self.getvalue().find(words, self._heard)) < 0:
            self._spoken.clear()
            try:
                await asyncio.wait_for(self._spoken.wait(), PATIENCE_S)
            except TimeoutError:
                pytest.fail(f"{words!r} was not said after\n{self.getvalue()}")
        text = self.getvalue()
        end = text.find("\n", start)
        self._heard = end if end >= 0 else len(text)
        return text[text.rfind("\n", 0, start) + 1 : self._heard]


class Project:
    """A project's folder, written by a test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "stacks").mkdir()

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        # In one step, so that nobody reads half of it.
        draft = file.with_name(f"{file.name}~")
        draft.write_text(text, encoding="utf-8")
        return draft.replace(file)

    def spec(self, text: str) -> None:
        self.write("stacks/dev.yaml", HEADER + text)

    def blueprint(self) -> Blueprint:
        return blueprint(load("dev", self.root))

    def service(self, name: str, code: str = ECHO) -> None:
        """A service that is one Python file."""
        self.write(f"handlers/{name}/Dockerfile", 'FROM python\nCMD ["python", "main.py"]\n')
        self.write(f"handlers/{name}/main.py", code)

    def options(self, **changed: object) -> Options:
        given: dict[str, object] = {
            "root": self.root,
            "stacks": self.root / "stacks",
            "state": self.root / ".queuewright",
            "grpc_port": 0,
            "http_port": 0,
            **changed,
        }
        return Options(**given)  # type: ignore[arg-type]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "project").mkdir()
    return Project(tmp_path / "project")


@pytest.fixture
async def ears() -> Ears:
    return Ears()


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


Running = Callable[..., "asyncio.Future[Environment]"]


@pytest.fixture
async def up(project: Project, ears: Ears) -> AsyncIterator[Running]:
    """Start the project's environment; it is stopped when the test ends."""
    started: list[Environment] = []

    async def start(**options: object) -> Environment:
        environment = Environment(project.blueprint, project.options(**options), Console(ears))
        started.append(environment)
        await environment.start()
        return environment

    yield start  # type: ignore[misc]
    for environment in started:
        await environment.stop()


def accepts(port: int) -> bool:
    """Whether anybody listens on a port of this machine."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


async def until(holds: Callable[[], object]) -> None:
    """Let others run until it holds; for what has no event to wait for."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0)
