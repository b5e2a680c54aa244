"""The command line as a person meets it: what it prints, and its exit code."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from queuewright.blueprint import blueprint
from queuewright.cli import main
from queuewright.engine import Engine
from queuewright.engine.protocol import Queue
from queuewright.spec import load

STACK = """\
project: acme-dev
location: europe-west1
handlers:
  mailer:
    function: {source: handlers/mailer, entry_point: handle, runtime: python312}
  ledger:
    app_engine: {service: ledger}
queues:
  emails:
    handler: mailer
    path: /send
    rate_limits: {max_dispatches_per_second: 5, max_concurrent_dispatches: 2}
    retry_config: {max_attempts: 8}
    example: {to: ada@example.com, subject: "Grüße"}
  entries: {handler: ledger}
"""


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project's folder, which is the current one; nothing runs in it."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(STACK, encoding="utf-8")
    (tmp_path / "handlers" / "mailer").mkdir(parents=True)
    (tmp_path / "handlers" / "mailer" / "main.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLOUD_TASKS_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call `queuewright` with these words."""

    def call(*words: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["queuewright", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        code = ended.value.code
        return Outcome(code if isinstance(code, int) else 1, printed.out, printed.err)

    return call


class Background:
    """An engine that runs beside the test, paused queues and all."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.address: str = self._do(self._start())

    async def _start(self) -> str:
        self.engine = Engine()
        await self.engine.start()
        return f"127.0.0.1:{await self.engine.serve_grpc(port=0)}"

    def declare(self, queue: Queue) -> None:
        self._do(self.engine.declare_queue(queue))

    def stop(self) -> None:
        self._do(self.engine.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


@pytest.fixture
def engine(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Background]:
    """The project's queues on a real engine, paused, where the commands find it."""
    background = Background()
    for plan in blueprint(load("dev", project)).queues.values():
        queue = Queue(name=plan.name, state=Queue.State.PAUSED)
        queue.rate_limits.max_dispatches_per_second = plan.rate_limits.max_dispatches_per_second
        queue.retry_config.max_attempts = plan.retry_config.max_attempts
        background.declare(queue)
    monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", background.address)
    yield background
    background.stop()
