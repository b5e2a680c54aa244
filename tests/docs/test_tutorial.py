"""Runs the files and commands of docs/tutorial.md, step by step, on the engine."""

from __future__ import annotations

import asyncio
import re
import runpy
import shlex
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from functions_framework import create_app
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from werkzeug.serving import make_server

from queuewright.blueprint import AppEngineRoute, HandlerRoute, QueuePlan, blueprint
from queuewright.cli import commands
from queuewright.engine import Engine, Event, ManualClock, Settings, Signer
from queuewright.local.handlers.dockerfile import container_process
from queuewright.spec import load, parse

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
FENCES = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
QUEUE = "projects/my-project/locations/us-central1/queues/my-queue"


def files(name: str) -> list[str]:
    """Each version of a file on the page; its first line is its name."""
    return [text for _, text in FENCES if text.startswith(f"# {name}\n")]


def said(beginning: str) -> list[str]:
    """The lines of output on the page with this beginning."""
    outputs = [text for kind, text in FENCES if kind in ("text", "console")]
    return [line for text in outputs for line in text.splitlines() if line.startswith(beginning)]


class Port:
    """A reserved port on this machine; nothing listens until `serving`."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.number = int(self._socket.getsockname()[1])

    @contextmanager
    def serving(self, app: Any) -> Iterator[None]:
        self._socket.listen()
        server = make_server("127.0.0.1", self.number, app, fd=self._socket.fileno())
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def close(self) -> None:
        self._socket.close()


class Tutorial:
    """A reader's machine: a folder, the engine of `queuewright up`, and two ports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.handler, self.function = Port(), Port()
        self.dispatches: list[Event] = []
        self.engine = Engine(
            clock=ManualClock(start=datetime.now(UTC)),  # the programs know only the real time
            settings=Settings(app_engine_url=self._app_engine),
            signer=Signer(),
            on_event=self._note,
        )

    async def start(self) -> None:
        await self.engine.start()
        self.port = await self.engine.serve_grpc(port=0)

    async def stop(self) -> None:
        await self.engine.stop()
        self.handler.close()
        self.function.close()

    def write(self, name: str, version: int = 0) -> Path:
        """Write a file of the page, with this machine's ports."""
        text = files(name)[version]
        for shown, ours in (
            (8123, self.port),
            (8080, self.handler.number),
            (8081, self.function.number),
        ):
            text = text.replace(f"127.0.0.1:{shown}", f"127.0.0.1:{ours}")
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    async def run(self, name: str) -> None:
        await asyncio.to_thread(runpy.run_path, str(self.write(name)))

    async def declare(self) -> QueuePlan:
        """Declare the queue of `stacks/dev.yaml`, like `queuewright up`."""
        (plan,) = blueprint(load("dev", self.folder)).queues.values()
        queue = tasks_v2.Queue(
            name=plan.name,
            rate_limits={"max_dispatches_per_second": plan.rate_limits.max_dispatches_per_second},
            retry_config={
                "min_backoff": plan.retry_config.min_backoff,
                "max_backoff": plan.retry_config.max_backoff,
            },
        )
        if isinstance(plan.route, AppEngineRoute):
            queue.app_engine_routing_override = {
                "service": plan.route.service,
                "version": plan.route.version,
            }
        if isinstance(plan.route, HandlerRoute):
            queue.http_target = {
                "uri_override": {
                    "scheme": "HTTP",
                    "host": "127.0.0.1",
                    "port": self.handler.number,
                    "path_override": {"path": plan.route.path},
                }
            }
        await self.engine.declare_queue(tasks_v2.Queue.pb(queue))
        return plan

    async def tasks(self) -> list[tasks_v2.Task]:
        channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
        with channel:
            return list(await asyncio.to_thread(client.list_tasks, parent=QUEUE))

    def _app_engine(self, service: str, version: str, _instance: str) -> str | None:
        known = (service, version) == ("my-service", "my-version")
        return f"http://127.0.0.1:{self.handler.number}" if known else None

    def _note(self, event: Event) -> None:
        if event.kind == "AttemptDispatch":
            self.dispatches.append(event)


@pytest.fixture
async def tutorial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Tutorial]:
    monkeypatch.chdir(tmp_path)
    machine = Tutorial(tmp_path)
    await machine.start()
    yield machine
    await machine.stop()


async def test_step_1_creates_a_queue(
    tutorial: Tutorial, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once from the file, once with Google's client, with the output on the page."""
    tutorial.write("stacks/dev.yaml")
    plan = await tutorial.declare()
    assert plan.name == QUEUE
    assert plan.rate_limits.max_dispatches_per_second == 5
    await tutorial.run("create_queue.py")
    assert capsys.readouterr().out.splitlines() == said("created ")


async def test_steps_2_and_3_add_tasks_that_wait_for_their_handler(
    tutorial: Tutorial, capsys: pytest.CaptureFixture[str]
) -> None:
    """One task per kind of target; all are retried until their handler responds."""
    tutorial.write("stacks/dev.yaml")
    await tutorial.declare()
    for name in ("create_http_task.py", "create_function_task.py", "create_app_engine_task.py"):
        await tutorial.run(name)
    created = re.findall(r"created (\S+)\n", capsys.readouterr().out)
    assert sorted(task.name for task in await tutorial.tasks()) == sorted(created)

    await tutorial.engine.advance("30s")
    assert len(await tutorial.tasks()) == 3
    http = [event.time_us for event in tutorial.dispatches if event.task == created[0]]
    gaps = [(b - a) / 1_000_000 for a, b in pairwise(http[:6])]
    assert gaps == [1, 2, 4, 5, 5]

    app = runpy.run_path(str(tutorial.write("main.py")))["app"]
    function = create_app("my_function", str(tutorial.write("my-function/main.py")))
    with tutorial.handler.serving(app), tutorial.function.serving(function):
        await tutorial.engine.advance("5s")
    assert await tutorial.tasks() == []
    heard = [numberless(line) for line in capsys.readouterr().out.splitlines()]
    promised = [numberless(line) for line in (*said("from "), *said("the function "))]
    assert sorted(heard) == sorted(promised)
    assert len(promised) == 3


async def test_as_a_project_the_queue_has_the_address(
    tutorial: Tutorial, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second file routes the queue, so the page's `enqueue` commands need no URL."""
    tutorial.write("my-handler/Dockerfile")
    tutorial.write("stacks/dev.yaml", version=1)
    await tutorial.declare()
    monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", f"127.0.0.1:{tutorial.port}")
    lines = [line for kind, text in FENCES if kind == "sh" for line in text.splitlines()]
    enqueued = [
        shlex.split(line)[1:] for line in lines if line.startswith("queuewright enqueue my-queue")
    ]
    assert len(enqueued) == 2
    app = runpy.run_path(str(tutorial.write("main.py")))["app"]
    with tutorial.handler.serving(app):
        for words in enqueued:
            await asyncio.to_thread(commands.main, words, standalone_mode=False)
        await tutorial.engine.advance("30s")
    assert await tutorial.tasks() == []
    heard = [line for line in capsys.readouterr().out.splitlines() if line.startswith("from ")]
    assert heard == [
        'from my-queue, after 0 retries: {"hello": "world"}',
        'from my-queue, after 0 retries: {"hello": "later"}',
    ]


def test_its_dockerfile_serves_the_handler() -> None:
    """`queuewright up` runs its command: gunicorn, pinned in requirements.txt, with `main:app`."""
    (dockerfile,) = files("my-handler/Dockerfile")
    command = " ".join(container_process(dockerfile).command)
    (requirements,) = files("my-handler/requirements.txt")
    assert re.search(r"exec gunicorn .*--bind :\$PORT .*main:app$", command)
    assert re.search(r"^gunicorn==\S+$", requirements, re.M)


def test_the_worker_says_what_the_page_shows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page's worker polls the page's queue, and its example gives the output shown."""
    (queue,) = parse(files("stacks/dev.yaml")[2], file="stacks/dev.yaml").pull_queues.items()
    task: Any = nullcontext()
    task.json = lambda: queue[1].example
    polled = []

    def pull(key: str) -> list[Any]:
        polled.append(key)
        return [task]

    monkeypatch.setitem(sys.modules, "queuewright_runtime", SimpleNamespace(pull=pull))
    exec(files("my-worker/worker.py")[0], {})
    assert polled == [queue[0]]
    assert capsys.readouterr().out.splitlines() == said("working on ")
    (dockerfile,) = files("my-worker/Dockerfile")
    assert container_process(dockerfile).command == ("python", "worker.py")


def numberless(line: str) -> str:
    return re.sub(r"after \d+ retries", "after N retries", line)
