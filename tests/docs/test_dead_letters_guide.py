"""Runs the files and commands of docs/guides/dead-letters.md."""

from __future__ import annotations

import asyncio
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import flask
import pytest
from google.cloud import tasks_v2
from google.protobuf.json_format import ParseDict

from queuewright.blueprint import blueprint
from queuewright.blueprint.explain import explain_text
from queuewright.cloud_tasks.limits import TASK_RETENTION
from queuewright.engine.protocol import Queue, Task
from queuewright.spec import BURIAL_ATTEMPTS, load
from queuewright_runtime import AsgiTasks, PermanentError
from queuewright_runtime.attempts import Attempts
from queuewright_runtime.burials import Burials
from queuewright_runtime.dead_letters import dead_letter_queues
from queuewright_runtime.functions import wrapped
from tests.cli.conftest import STACK, Background, Run, engine, run
from tests.cli.conftest import project as small_project
from tests.components.projects import ROOT
from tests.docs.test_pages import fences

__all__ = ["engine", "run"]

PAGE = ROOT / "docs" / "guides" / "dead-letters.md"
TEXT = PAGE.read_text("utf-8")
FENCES = fences(PAGE)
assert small_project
assert STACK


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's project, which is the current folder."""
    for language, text in FENCES:
        name = text.splitlines()[0].removeprefix("# ")
        if language in ("yaml", "python"):
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    (tmp_path / "Pulumi.yaml").write_text("name: letters\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLOUD_TASKS_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


def console(command: str) -> list[str]:
    """The lines that the page shows below a command."""
    for language, text in FENCES:
        parts = re.split(r"^\$ (.+)\n", text, flags=re.M) if language == "console" else []
        for words, output in zip(parts[1::2], parts[2::2], strict=True):
            if words == f"queuewright {command}":
                return [line.rstrip() for line in output.splitlines()]
    raise AssertionError(f"the page has no `queuewright {command}`")


def test_its_tests_pass(project: Path) -> None:
    """With the plugin, in the page's project."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_letters.py"],
        cwd=project,
        env={**os.environ, "CI": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "3 passed" in done.stdout) == (0, True), done.stdout + done.stderr


def test_the_explanation_is_what_explain_prints(project: Path) -> None:
    """Its first part, about the queue."""
    plan = blueprint(load("dev", project))
    printed = explain_text(plan, queue="emails")
    assert printed.startswith("\n".join(console("explain dev --queue emails")) + "\n")


def test_the_services_answer(project: Path) -> None:
    """Flask's and the ASGI application, with the middleware in place."""
    app = runpy.run_path(str(project / "handlers" / "api" / "main.py"))["app"]
    assert app.test_client().post("/send", json={"to": "ada"}).text == "sent to ada"
    other = runpy.run_path(str(project / "handlers" / "async_api" / "main.py"))["app"]
    assert isinstance(other, AsgiTasks)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    asyncio.run(other(scope, receive, send))
    assert sent[0]["status"] == 204


@pytest.fixture
def letters(project: Path, engine: Background) -> Background:
    """Two mails that the page's handler gave up, made by the library, in the engine."""
    from queuewright.client import connect

    plan = blueprint(load("dev", project))
    dead = plan.queues["emails"].dead_letters
    assert dead is not None
    engine.declare(Queue(name=dead.name, state=Queue.State.PAUSED))
    client = connect(engine.address)

    def create(queue: str, task: Mapping[str, Any]) -> None:
        request = tasks_v2.CreateTaskRequest(parent=queue)
        tasks_v2.CreateTaskRequest.pb(request).task.CopyFrom(ParseDict(dict(task), Task()))
        client.create_task(request)

    ages = iter([timedelta(minutes=3), timedelta(minutes=2)])
    attempts = Attempts(
        dead_letter_queues(plan.handlers["mailer"].environment),
        Burials(create),
        now=lambda: datetime.now(UTC) - next(ages),
    )
    handle = wrapped(
        runpy.run_path(str(project / "handlers" / "mailer" / "main.py"))["handle"], attempts
    )
    app = flask.Flask("mailer")
    app.add_url_rule("/send", "send", lambda: handle(flask.request), methods=["POST"])
    for task, attempt, to in (("m-1", 1, "nobody"), ("m-2", 8, "ada@down.example")):
        headers = {
            "X-CloudTasks-QueueName": "emails",
            "X-CloudTasks-TaskName": task,
            "X-CloudTasks-TaskRetryCount": str(attempt - 1),
        }
        assert app.test_client().post("/send", json={"to": to}, headers=headers).status_code == 200
    return engine


@pytest.mark.usefixtures("letters")
def test_its_commands_print_what_it_shows(run: Run) -> None:
    """Apart from the space between columns, the time and the letter's id."""
    listed = run("dead-letters", "list", "emails").out
    assert [line.split() for line in listed.splitlines()] == [
        line.split() for line in console("dead-letters list emails")
    ]
    shown = run("dead-letters", "show", "emails", "m-1").out
    shown = re.sub(r"(emails-dead/tasks/)\w+", r"\1…", shown)
    shown = re.sub(r"died      \S+", "died      2026-11-25T01:02:03+00:00,", shown)
    assert shown.startswith("\n".join(console("dead-letters show emails m-1")) + "\n")
    for command in (
        "dead-letters replay emails --status 503 --dry-run",
        "dead-letters replay emails --all --rate 5",
    ):
        assert run(*command.split()).out.splitlines() == console(command)


def test_its_figures_are_right() -> None:
    """The extra attempts, and how long a task is kept."""
    assert f"makes {BURIAL_ATTEMPTS} attempts more than `max_attempts`" in TEXT
    assert f"than Cloud Tasks' {TASK_RETENTION.days} days" in TEXT
    assert issubclass(PermanentError, Exception)
