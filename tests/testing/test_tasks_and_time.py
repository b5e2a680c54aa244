"""Tasks, attempts and time, as a test sees them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from queuewright.client import task_id
from queuewright.errors import Refusal, TargetError
from queuewright.testing import InProcessEnvironment, TaskRequest
from tests.testing.conftest import STACK, project


def test_a_task_is_delivered_when_time_passes_and_not_before(env: InProcessEnvironment) -> None:
    """`enqueue` only adds it; `drain` delivers it to the queue's path."""
    task = env.enqueue("emails", {"to": "ada@example.com"})
    assert env.attempts("emails") == []
    assert [waiting.id for waiting in env.tasks("emails")] == [task]
    env.drain()
    (attempt,) = env.attempts("emails")
    assert (attempt.task, attempt.number, attempt.status) == (task, 1, 200)
    assert (attempt.time, attempt.error, attempt.succeeded) == (env.now, None, True)
    assert attempt.payload == {"to": "ada@example.com"}
    assert attempt.headers["X-CloudTasks-QueueName"] == "emails"
    assert '"path": "/send"' in attempt.text
    assert env.tasks("emails") == []


def test_retries_follow_the_file(env: InProcessEnvironment) -> None:
    """The backoff doubles from 10 s to 40 s, and the fifth attempt is the last."""
    begun = env.now
    env.enqueue("emails", {"status": 500})
    env.drain()
    attempts = env.attempts("emails")
    assert [round((each.time - begun).total_seconds()) for each in attempts] == [0, 10, 30, 70, 110]
    assert [each.number for each in attempts] == [1, 2, 3, 4, 5]
    assert attempts.statuses == [500] * 5
    assert attempts[0].next_time == begun + timedelta(seconds=10)
    assert attempts[-1].outcome == "gave_up"
    assert attempts[-1].error is not None


def test_a_task_waits_for_its_time(env: InProcessEnvironment) -> None:
    """Both ways to say it."""
    env.enqueue("emails", {}, delay=600)
    env.enqueue("emails", {}, at=env.now + timedelta(minutes=20))
    assert [task.time - env.now for task in env.tasks("emails")] == [
        timedelta(minutes=10),
        timedelta(minutes=20),
    ]
    env.advance("9m")
    assert len(env.attempts()) == 0
    env.advance(timedelta(minutes=1))
    assert len(env.attempts()) == 1
    env.advance("10m")
    assert len(env.attempts()) == 2
    with pytest.raises(TypeError, match="one of `delay` and `at`"):
        env.enqueue("emails", {}, delay="1s", at=env.now)


def test_the_clock_begins_where_the_test_says(root: Path) -> None:
    """And at the start of 2026 otherwise."""
    new_year = datetime(2030, 1, 1, tzinfo=UTC)
    with InProcessEnvironment.started("dev", root, start=new_year) as env:
        assert env.now == new_year


def test_what_the_client_refuses_is_refused(env: InProcessEnvironment) -> None:
    """A time without a zone, an empty key, and a number that JSON does not know."""
    with pytest.raises(ValueError, match="no time zone"):
        env.enqueue("emails", {}, at=env.now.replace(tzinfo=None))
    with pytest.raises(ValueError, match="`key` is empty"):
        env.enqueue("emails", {}, key="")
    with pytest.raises(ValueError, match="not JSON compliant"):
        env.enqueue("emails", {"price": float("nan")})
    assert env.tasks("emails") == []


def test_a_taken_name_is_refused_in_googles_words(env: InProcessEnvironment) -> None:
    """The engine's refusal comes through."""
    assert env.enqueue("emails", {}, name="order-17") == "order-17"
    with pytest.raises(Refusal, match="ALREADY_EXISTS"):
        env.enqueue("emails", {}, name="order-17")


def test_a_key_names_the_task_as_the_client_does(env: InProcessEnvironment) -> None:
    """So the same key is the same task."""
    assert env.enqueue("emails", {}, key="order-17") == task_id("order-17")
    with pytest.raises(Refusal, match="ALREADY_EXISTS"):
        env.enqueue("emails", {}, key="order-17")
    with pytest.raises(TypeError, match="one of `key` and `name`"):
        env.enqueue("emails", {}, key="a", name="b")


def test_a_payload_must_fit_the_schema_of_its_queue(
    start: Callable[[Path], InProcessEnvironment], tmp_path: Path
) -> None:
    """As for every other producer."""
    stack = STACK.replace("  books: {", "  books: {payload: book.json, ")
    root = project(tmp_path / "books", stack)
    schema = {"type": "object", "required": ["order"], "properties": {"order": {"minimum": 1}}}
    (root / "book.json").write_text(json.dumps(schema), encoding="utf-8")
    env = start(root)
    env.enqueue("books", {"order": 1})
    with pytest.raises(TargetError, match="not one for queue `books`: order: 0 is less than"):
        env.enqueue("books", {"order": 0})
    with pytest.raises(TargetError, match=r"it is not JSON\n  hint: its schema is `book\.json`"):
        env.enqueue("books", b"text")


def test_headers_and_bodies_arrive_as_given(env: InProcessEnvironment) -> None:
    """Bytes too, and a text as JSON, as from any producer."""
    env.enqueue("calls", b"\xff", headers={"X-Order": "17"}, path="/a/b")
    env.enqueue("calls", "plain", path="/c")
    first, second = env.tasks("calls")
    assert (first.payload, dict(first.headers)["X-Order"]) == (b"\xff", "17")
    assert (second.payload, dict(second.headers)["Content-Type"]) == ("plain", "application/json")
    env.fail("api", times=2)
    env.advance("0s")
    assert [each.payload for each in env.attempts("calls")] == [b"\xff", "plain"]
    with pytest.raises(TargetError, match="every task to `/send`"):
        env.enqueue("emails", {}, path="/other")
    with pytest.raises(TargetError, match="not a path"):
        env.enqueue("calls", {}, path="other")


def test_a_task_that_never_succeeds_ends_drain_with_its_story(env: InProcessEnvironment) -> None:
    """Not an endless loop: the error names the task, its attempts and its last error."""
    env.enqueue("books", {"x": 1}, path="/book", name="hopeless")
    env.fail("ledger", during="365d")
    with pytest.raises(AssertionError) as caught:
        env.drain(most=5)
    text = str(caught.value)
    assert "tasks are left after" in text
    assert "waiting in books: task hopeless, due at +" in text
    assert "after 5 attempts; the last one: the test lets it fail: 503" in text
    assert "hint: let the handler succeed" in text
    with pytest.raises(AssertionError, match="tasks are left after"):
        env.drain(within="1s")


def test_an_unknown_queue_or_handler_is_named(env: InProcessEnvironment) -> None:
    """With the nearest name."""
    with pytest.raises(TargetError, match="no queue `email`\n  hint: did you mean `emails`"):
        env.enqueue("email", {})
    with pytest.raises(TargetError, match="no queue `xyz`\n  hint: there are emails, pictures"):
        env.attempts("xyz")
    with pytest.raises(TargetError, match="no handler `mailr`\n  hint: did you mean `mailer`"):
        env.fail("mailr")


async def test_it_works_inside_a_test_that_is_a_coroutine(env: InProcessEnvironment) -> None:
    """Where the handlers run in a thread besides."""
    env.enqueue("emails", {})
    env.enqueue("calls", b"x")
    await asyncio.sleep(0)
    env.drain()
    assert env.attempts().statuses == [200, 200]


def test_a_handler_cannot_move_the_time(env: InProcessEnvironment) -> None:
    """Its own request would never end; but it may add tasks."""
    refused = []

    def partner(request: TaskRequest) -> None:
        try:
            env.advance("1s")
        except RuntimeError as error:
            refused.append(str(error))
        env.enqueue("emails", {"order": request.payload["order"]})

    env.replace("partner", partner)
    env.enqueue("hooks", {"order": 1815})
    env.drain()
    assert refused == ["a handler cannot move the time that its own request takes"]
    assert env.attempts("emails")[0].payload == {"order": 1815}
