"""`docs/guides/enqueueing.md`: its code runs, against a real engine and a real Pub/Sub."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from queuewright.blueprint import Blueprint, blueprint
from queuewright.engine.protocol import Queue
from queuewright.spec import load
from tests.cli.conftest import Run, run
from tests.docs.test_pages import fences
from tests.runtime.conftest import VARIABLES, engine
from tests.runtime.servers import EngineThread
from tests.runtime.test_client import TOPIC, Board

__all__ = ["engine", "run"]

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "enqueueing.md"
TEXT = PAGE.read_text("utf-8")
FENCES = fences(PAGE)


def of_language(language: str) -> list[str]:
    return [text for found, text in FENCES if found == language]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's file and its schema, in a project that is the current folder."""
    (stack,), (schema,) = of_language("yaml"), of_language("json")
    for handler in ("mailer", "web"):
        (tmp_path / "handlers" / handler).mkdir(parents=True)
        (tmp_path / "handlers" / handler / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(stack)
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "email.schema.json").write_text(schema)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def plan(project: Path) -> Blueprint:
    return blueprint(load("dev", project))


@pytest.fixture
def producer(
    plan: Blueprint, engine: EngineThread, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EngineThread]:
    """This process has the variables of the handler `web`; the engine and Pub/Sub run."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in plan.handlers["web"].environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CLOUD_TASKS_EMULATOR_URL", engine.url)
    delays = plan.pull_queues["reports"].delays
    assert delays is not None
    engine.do(engine.engine.declare_queue(Queue(name=delays.name)))
    board = Board(engine)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{board.port}")
    yield engine
    engine.do(board.server.stop())


def test_its_python_runs(producer: EngineThread) -> None:
    """One block after the other, in one program; what they assert is true."""
    program: dict[str, object] = {}
    for text in of_language("python"):
        if not text.startswith("# a producer"):
            exec(compile(text, str(PAGE), "exec"), program)
    ids = [task.name for task in producer.tasks()]
    assert len(ids) == 1 + 1 + 250 + 1 + 1
    delayed = producer.tasks(str(os.environ["QUEUE_REPORTS_DELAYS"]))
    bodies = [json.loads(task.http_request.body)["messages"] for task in delayed]
    assert [len(messages) for messages in bodies] == [1, 1]
    assert {task.dispatch_deadline.seconds for task in producer.tasks()} == {900}


def test_its_commands_write_the_module_that_its_producer_uses(
    producer: EngineThread, project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, _ = of_language("sh")
    for line in write.splitlines():
        assert run(*shlex.split(line)[1:]).code == 0
        assert run(*shlex.split(line)[1:], "--check").code == 0
    (text,) = (text for text in of_language("python") if text.startswith("# a producer"))
    monkeypatch.syspath_prepend(str(project))
    monkeypatch.delitem(sys.modules, "queues", raising=False)
    exec(compile(text, str(PAGE), "exec"), {})
    del sys.modules["queues"]
    (task,) = producer.tasks()
    assert json.loads(task.http_request.body) == {"to": "ada@example.com", "template": "welcome"}
    (typescript,) = of_language("ts")
    (name,) = re.findall(r"import \{ (\w+) \} from", typescript)
    assert f"export class {name} extends PushQueue<" in (project / "queues.ts").read_text()


def test_its_commands_enqueue(
    producer: EngineThread, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", producer.address)
    _, commands = of_language("sh")
    for line in commands.splitlines():
        assert run(*shlex.split(line)[1:]).code == 0
    assert len(producer.tasks()) == 2


def test_its_variables_are_those_of_a_producer(plan: Blueprint) -> None:
    """The table has each, and the values are those of the page's file."""
    found = plan.handlers["web"].environment
    assert found["DEADLINE_EMAILS"] == "900s"
    assert found["QUEUE_REPORTS"] == TOPIC
    assert re.findall(r"^\| `([A-Z_]+)_REPORTS_DELAYS` \|", TEXT, re.M) == ["QUEUE"]
    table = set(re.findall(r"^\| `([A-Z_]+)_EMAILS` \|", TEXT, re.M))
    of_tables = {re.sub("_(EMAILS|REPORTS|REPORTS_DELAYS)$", "", name) for name in found}
    assert of_tables <= table
    assert table == {"QUEUE", "DEADLINE", "APP_ENGINE"}
