"""A dead letter: what is kept of a task, what is told, and how much."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuewright.cloud_tasks import headers as facts
from queuewright_runtime import limits
from queuewright_runtime.attempt import TaskAttempt
from queuewright_runtime.letters import LetterTooLargeError, TaskRequest, letter, story_of
from tests.runtime.undertaker import DEAD, DIED, QUEUE, request, task_headers

ATTEMPT = TaskAttempt("emails", "17", 3, 3, datetime(2026, 11, 25, tzinfo=UTC))
STORY = story_of("failed", 3, 500, "HTTP status 500", DIED)


def headers_of(task: dict[str, object]) -> dict[str, str]:
    found = task["httpRequest"]
    assert isinstance(found, dict)
    kept = found["headers"]
    assert isinstance(kept, dict)
    return kept


def size(headers: dict[str, str]) -> int:
    return sum(len(key.encode()) + len(value.encode()) for key, value in headers.items())


def test_a_letter_is_the_task_as_it_came() -> None:
    """Its body, its URL, its method, and its own headers."""
    came = request(b'{"to": "ada"}', {"X-Own": "1", **task_headers(3)})
    made = letter(came, ATTEMPT, DEAD["emails"], STORY)
    assert made["name"].startswith(f"{QUEUE}/tasks/")
    assert made["httpRequest"] == {
        "url": "https://mailer.example/send?x=1",
        "httpMethod": "POST",
        "body": "eyJ0byI6ICJhZGEifQ==",
        "headers": {
            "Content-Type": "application/json",
            "X-Own": "1",
            "X-Queuewright-Task": "17",
            "X-Queuewright-Reason": "failed",
            "X-Queuewright-Attempts": "3",
            "X-Queuewright-Died": "2026-11-25T01:02:03.000000Z",
            "X-Queuewright-Scheduled": "2026-11-25T00:00:00.000000Z",
            "X-Queuewright-Status": "500",
            "X-Queuewright-Error": "HTTP status 500",
        },
    }


@pytest.mark.parametrize(
    "name",
    ["Authorization", "Host", "User-Agent", "Content-Length", "X-Forwarded-For", "Traceparent",
     "Function-Execution-Id",
     "X-CloudTasks-TaskName", "X-AppEngine-TaskName", "X-Google-Anything", "X-Queuewright-Error"],
)  # fmt: skip
def test_what_others_add_on_the_way_is_left_out(name: str) -> None:
    """Most of all the token."""
    made = letter(request(headers={name: "other"}), ATTEMPT, DEAD["emails"], STORY)
    assert "other" not in headers_of(made).values()
    assert facts.is_reserved("X-CloudTasks-TaskName")


def test_an_app_engine_task_stays_one() -> None:
    """Its queue only takes such tasks."""
    made = letter(request(), replace(ATTEMPT, is_app_engine=True), DEAD["emails"], STORY)
    assert made["appEngineHttpRequest"]["relativeUri"] == "/send?x=1"
    assert "httpRequest" not in made


def test_every_attempt_of_a_task_makes_the_same_letter_and_no_other_task_does() -> None:
    """So a second burial finds the first."""

    def name(attempt: TaskAttempt = ATTEMPT, came: TaskRequest | None = None) -> str:
        return str(letter(came or request(), attempt, DEAD["emails"], STORY)["name"])

    assert name(replace(ATTEMPT, attempt=9)) == name()
    others = {
        name(),
        name(replace(ATTEMPT, name="18")),
        name(replace(ATTEMPT, queue="posts")),
        name(came=request(b"other")),
    }
    assert len(others) == 4


def test_the_error_and_the_traceback_are_told_in_one_line_each() -> None:
    """As in JSON, because a header can have no line break."""
    try:
        raise ValueError("Käse\nfehlt")
    except ValueError as error:
        story = story_of("permanent", 1, 500, error, DIED)
    kept = headers_of(letter(request(), ATTEMPT, DEAD["emails"], story))
    trace = json.loads(f'"{kept["X-Queuewright-Traceback"]}"')
    assert trace.startswith("Traceback (most recent call last):\n")
    assert trace.endswith("ValueError: Käse\nfehlt\n")
    assert "test_letters.py" in trace
    assert json.loads(f'"{kept["X-Queuewright-Error"]}"') == "ValueError: Käse\nfehlt"


@given(
    own=st.integers(0, limits.MAX_HEADERS_BYTES - 1_000),
    body=st.integers(0, limits.MAX_TASK_BYTES - 100_000),
    trace=st.text(max_size=30).map(lambda text: text * 2_000),
)
def test_a_letter_is_within_googles_limits(own: int, body: int, trace: str) -> None:
    """However long the traceback is; its end is what is kept."""
    story = replace(STORY, traceback=trace + "THE END", error=trace)
    came = request(b"b" * body, {"X-Own": "h" * own})
    kept = headers_of(letter(came, ATTEMPT, DEAD["emails"], story))
    assert size(kept) < limits.MAX_HEADERS_BYTES
    assert all(value.isascii() and value.isprintable() for value in kept.values())
    for key in ("X-Queuewright-Error", "X-Queuewright-Traceback"):
        if key in kept:
            json.loads(f'"{kept[key]}"')
    if "X-Queuewright-Traceback" in kept and len(kept["X-Queuewright-Traceback"]) > 10:
        assert kept["X-Queuewright-Traceback"].endswith("THE END")


def test_a_full_task_is_buried_without_its_traceback() -> None:
    """A body of nearly the largest size leaves a little room."""
    room = 600
    body = b"b" * (limits.MAX_TASK_BYTES - 1_024 - room - 200)
    story = replace(STORY, traceback="t" * 5_000)
    kept = headers_of(letter(request(body), ATTEMPT, DEAD["emails"], story))
    assert len(kept.get("X-Queuewright-Traceback", "")) < room


def test_a_task_without_any_room_makes_no_letter() -> None:
    """It is logged instead."""
    with pytest.raises(LetterTooLargeError, match="bytes too few"):
        letter(request(b"b" * limits.MAX_TASK_BYTES), ATTEMPT, DEAD["emails"], STORY)
