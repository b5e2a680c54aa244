"""`docs/guides/pull-queues.md`: what it shows is what its file leads to."""

from __future__ import annotations

import ast
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from google.protobuf.json_format import ParseDict

from components import TaskStack
from queuewright.blueprint import Blueprint, blueprint
from queuewright.blueprint.explain import explain_text
from queuewright.cloud_tasks import pubsub, roles
from queuewright.cloud_tasks.limits import MAX_SCHEDULE_AHEAD, MAX_TASK_BYTES
from queuewright.engine.protocol import Queue
from queuewright.pubsub.protocol import PublishRequest
from queuewright.spec import parse
from queuewright.testing import capture
from queuewright_runtime.client import task_id
from tests.docs.test_pages import fences
from tests.runtime.conftest import engine
from tests.runtime.servers import EngineThread

__all__ = ["engine"]

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "pull-queues.md"
TEXT = PAGE.read_text("utf-8")
FENCES = fences(PAGE)


@pytest.fixture(scope="module")
def plan() -> Blueprint:
    """The blueprint of the page's file."""
    (text,) = (text for _, text in FENCES if text.startswith("# stacks/dev.yaml"))
    return blueprint(parse(text, file="stacks/dev.yaml"))


def test_the_explanation_is_what_explain_prints(plan: Blueprint) -> None:
    """Its first part, about the queue itself."""
    (shown,) = (text for language, text in FENCES if language == "console")
    _, _, printed = shown.partition("\n")
    assert explain_text(plan, queue="reports").startswith(printed)


def test_the_variables_are_those_of_its_handlers(plan: Blueprint) -> None:
    """With the values that the table gives."""
    table = dict(re.findall(r"`(QUEUE_\w+|SUBSCRIPTION_\w+)`: `(projects/[^`]+)`", TEXT))
    assert table == {
        **plan.handlers["web"].environment,
        **plan.handlers["reporter"].environment,
    }


def test_its_code_reads_these_variables(plan: Blueprint) -> None:
    """Each file is Python, and reads the variable of its handler."""
    known = {key: set(handler.environment) for key, handler in plan.handlers.items()}
    handlers = set()
    for text in (text for language, text in FENCES if language == "python"):
        ast.parse(text)
        if (handler := re.match(r"# handlers/(\w+)/main\.py", text)) is None:
            continue
        handlers.add(handler[1])
        assert set(re.findall(r'environ\["(\w+)"\]', text)) == known[handler[1]]
    assert handlers == set(plan.handlers)


def test_its_questions_have_these_answers(plan: Blueprint, tmp_path: Path) -> None:
    """Asked of the stack of its file."""
    for handler in plan.handlers:
        (tmp_path / "handlers" / handler).mkdir(parents=True)
        (tmp_path / "handlers" / handler / "Dockerfile").write_text("FROM scratch\n")
    graph = capture(lambda: TaskStack("tasks", plan, root=tmp_path))
    (asked,) = (text for _, text in FENCES if text.startswith("assert graph."))
    exec(asked, {"graph": graph})


def test_its_figures_are_pubsubs() -> None:
    """The limits in its sentences."""
    least, most = pubsub.MIN_ACK_DEADLINE, pubsub.MAX_ACK_DEADLINE
    lease = f"{least.seconds} seconds to {most.seconds // 60} minutes"
    assert f"a lease lasts {lease}" in TEXT
    attempts = f"{pubsub.MIN_DELIVERY_ATTEMPTS} to {pubsub.MAX_DELIVERY_ATTEMPTS} attempts"
    assert f"given up after {attempts}" in TEXT
    assert f"kept for {pubsub.MAX_RETENTION.days} days" in TEXT
    assert f"; {pubsub.MIN_DELIVERY_ATTEMPTS} attempts unless" in TEXT
    assert roles.SUBSCRIBER in TEXT


@pytest.fixture(scope="module")
def delayed() -> Blueprint:
    """The blueprint of the file with delays."""
    (text,) = (text for language, text in FENCES if language == "yaml" and "delays" in text)
    return blueprint(parse(f"{text}\nproject: acme-dev\nlocation: europe-west1\n"))


def test_a_delayed_task_of_its_code_can_be_published(
    delayed: Blueprint, engine: EngineThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its code runs as it stands: the task is due later, and its body is a publish request."""
    (code,) = (text for _, text in FENCES if text.startswith("# handlers/clerk/later.py"))
    plan = delayed.pull_queues["letters"].delays
    assert plan is not None
    engine.do(engine.engine.declare_queue(Queue(name=plan.name)))
    for name, value in delayed.handlers["clerk"].environment.items():
        monkeypatch.setenv(name, value)
    exec(code, {})
    (task,) = engine.tasks(plan.name)
    assert task.name == f"{plan.name}/tasks/{task_id('letter-17')}"
    request = ParseDict(json.loads(task.http_request.body), PublishRequest())
    assert json.loads(request.messages[0].data) == {"to": "ada"}
    waits_us = task.schedule_time.ToMicroseconds() - task.create_time.ToMicroseconds()
    assert waits_us > timedelta(minutes=9) / timedelta(microseconds=1)


def test_its_figures_about_delays_are_right(delayed: Blueprint) -> None:
    """Cloud Tasks' own limits, and Google's default retries."""
    plan = delayed.pull_queues["letters"].delays
    assert plan is not None
    assert f"up to {MAX_SCHEDULE_AHEAD.days} days, as any Cloud Tasks task" in TEXT
    assert f"up to {round(MAX_TASK_BYTES / 2**20)} MiB for the whole request" in TEXT
    assert f"about {round(MAX_TASK_BYTES * 3 / 4 / 1024)} KiB of data" in TEXT
    assert f"up to {plan.retry_config.max_attempts} times" in TEXT
    assert plan.retry_config.max_backoff == timedelta(hours=1)
    assert f"a Cloud Tasks queue, `{plan.queue_id}`" in TEXT
