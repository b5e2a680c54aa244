"""What the tests of `local` share: a project in a folder, and a stream to wait on."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from queuewright.blueprint import Blueprint, blueprint
from queuewright.local.console.console import Console
from queuewright.local.environment import Environment, Options
from queuewright.local.processes.background import BackgroundTasks
from queuewright.local.processes.groups import ProcessGroups
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


class Output(io.StringIO):
    """A stream that a test can wait on: `await output.line_with("ready")`."""

    def __init__(self) -> None:
        super().__init__()
        self._written = asyncio.Event()
        self._read_to = 0

    def write(self, text: str) -> int:
        count = super().write(text)
        self._written.set()
        return count

    async def line_with(self, text: str) -> str:
        """Wait for the next line with `text`, after the line that was returned last."""
        while (start := self.getvalue().find(text, self._read_to)) < 0:
            self._written.clear()
            try:
                await asyncio.wait_for(self._written.wait(), PATIENCE_S)
            except TimeoutError:
                pytest.fail(f"{text!r} was not printed after\n{self.getvalue()}")
        whole = self.getvalue()
        end = whole.find("\n", start)
        self._read_to = end if end >= 0 else len(whole)
        return whole[whole.rfind("\n", 0, start) + 1 : self._read_to]


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
            "pubsub_port": 0,
            **changed,
        }
        return Options(**given)  # type: ignore[arg-type]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "project").mkdir()
    return Project(tmp_path / "project")


@pytest.fixture
async def output() -> Output:
    return Output()


@pytest.fixture
async def groups() -> AsyncIterator[ProcessGroups]:
    async with ProcessGroups.opened() as groups:
        yield groups


@pytest.fixture
def failures() -> list[str]:
    """What background tasks report."""
    return []


@pytest.fixture
async def background(failures: list[str]) -> AsyncIterator[BackgroundTasks]:
    def report(source: str, text: str) -> None:
        failures.append(f"{source}: {text}")

    async with BackgroundTasks(report, pause_s=0.0) as background:
        yield background


class Up:
    """Starts and stops the project's environment; it is stopped when the test ends."""

    def __init__(self, project: Project, output: Output, groups: ProcessGroups) -> None:
        self._project = project
        self._ears = output
        self._groups = groups
        self._running: dict[Environment, AsyncExitStack] = {}

    async def __call__(
        self, read: Callable[[], Blueprint] | None = None, **options: object
    ) -> Environment:
        async with AsyncExitStack() as stack:
            environment = await stack.enter_async_context(
                Environment.started(
                    read or self._project.blueprint,
                    self._project.options(**options),
                    Console(self._ears),
                    self._groups,
                )
            )
            self._running[environment] = stack.pop_all()
        return environment

    async def stop(self, environment: Environment) -> None:
        await self._running.pop(environment).aclose()

    async def stop_all(self) -> None:
        for environment in list(self._running):
            await self.stop(environment)


@pytest.fixture
async def up(project: Project, output: Output, groups: ProcessGroups) -> AsyncIterator[Up]:
    up = Up(project, output, groups)
    yield up
    await up.stop_all()


def accepts(port: int) -> bool:
    """Whether anybody listens on a port of this machine."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


async def until(holds: Callable[[], object]) -> None:
    """Let others run until it holds; for what has no event to wait for."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0)
