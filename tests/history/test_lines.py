"""Which attempts a log line is shown with."""

from __future__ import annotations

import json
from typing import Any

from queuewright.engine import events
from queuewright.history import Certainty
from queuewright.history.bounds import LINES_PER_ATTEMPT
from queuewright.history.lines import MOST_SHARED, assigned
from tests.history.stage import QUEUE, URL, stage


def attempt(task: str, number: int = 1) -> events.AttemptStarted:
    return events.AttemptStarted(
        time_us=0,
        queue=QUEUE,
        task=f"{QUEUE}/tasks/{task}",
        schedule_us=0,
        target_address=f"POST {URL}",
        target_type="HTTP",
        sampling_ratio=None,
        attempt=number,
        max_attempts=-1,
        response_count=0,
    )


A, B = attempt("a"), attempt("b", 3)


def test_a_line_belongs_to_the_only_request() -> None:
    """Nothing else can have printed it."""
    assert assigned("sent", [A]) == [(A, "alone")]


def test_a_line_while_several_run_is_shown_with_each() -> None:
    """And marked so. A request that is no task may have printed it, too."""
    assert assigned("sent", [A, B]) == [(A, "shared"), (B, "shared")]
    assert assigned("sent", [A, None]) == [(A, "shared")]
    assert assigned("sent", [attempt(str(n)) for n in range(MOST_SHARED + 1)]) == []


def test_a_line_that_names_its_task_belongs_to_it() -> None:
    """By its id or full name, at the top or as a label of Cloud Logging."""
    labels: dict[str, Any] = {"logging.googleapis.com/labels": {"task": "b", "attempt": "3"}}
    for entry in ({"task": "b"}, {"task": B.task, "attempt": 3}, labels):
        assert assigned(json.dumps(entry), [A, B]) == [(B, "named")]


def test_a_line_that_names_another_task_belongs_to_none() -> None:
    """It is not of the request in progress, whatever it is of."""
    assert assigned('{"task": "c"}', [A]) == []
    assert assigned('{"task": "b", "attempt": 2}', [B]) == []


def test_a_line_without_a_request_belongs_to_none() -> None:
    """As at the start of a process."""
    assert assigned("listening", []) == assigned("ping", [None]) == []


def test_json_that_is_no_log_entry_is_a_line_like_any_other() -> None:
    """No text makes it fail."""
    many = '{"task": "a", "attempt": "' + "9" * 5_001 + '"}'
    assert assigned(many, [A]) == [(A, "named")]
    for line in ("{", '{"task": 7}', '{"task": ""}', "[1]", '{"task": null, "message": "x"}'):
        assert assigned(line, [A]) == [(A, "alone")]


async def test_lines_are_kept_with_their_attempt() -> None:
    """While it runs, and afterwards."""
    async with stage() as playing:
        playing.answers = [500]
        playing.takes = "1m"
        name = await playing.create_task("t")
        await playing.advance("1s")
        running = playing.history.attempt(name, 1)
        playing.history.printed("no such address", playing.clock.now_us(), [running])
        assert _texts(playing.task(name).attempts[0].lines) == [("no such address", "alone")]
        await playing.advance("2m")
        first = playing.task(name).attempts[0]
    assert (first.outcome, _texts(first.lines)) == ("will_retry", [("no such address", "alone")])


async def test_too_many_lines_are_counted() -> None:
    """A handler that prints in a loop does not fill the history."""
    async with stage() as playing:
        playing.takes = "1m"
        name = await playing.create_task("t")
        await playing.advance("1s")
        running = playing.history.attempt(name, 1)
        for number in range(LINES_PER_ATTEMPT + 7):
            playing.history.printed(f"line {number}", playing.clock.now_us(), [running])
        await playing.drain()
        (ended,) = playing.task(name).attempts
    assert (len(ended.lines), ended.more_lines) == (LINES_PER_ATTEMPT, 7)
    assert ended.lines[-1].text == f"line {LINES_PER_ATTEMPT - 1}"


def _texts(lines: Any) -> list[tuple[str, Certainty]]:
    return [(line.text, line.certainty) for line in lines]
