"""What happens to a task in each of its attempts."""

from __future__ import annotations

import logging

import pytest

from queuewright.blueprint import DEAD_LETTERS_VARIABLE
from queuewright_runtime.attempts import Attempts
from queuewright_runtime.dead_letters import dead_letter_queues
from queuewright_runtime.errors import ApiError, PermanentError
from tests.runtime.undertaker import (
    DEAD,
    Graveyard,
    Stopwatch,
    attempts,
    request,
    task_headers,
)


@pytest.fixture
def graveyard() -> Graveyard:
    return Graveyard()


def handle(
    every: Attempts,
    number: int,
    *,
    status: int = 500,
    error: BaseException | None = None,
    task: str = "17",
    queue: str = "emails",
) -> int:
    """Let one attempt come to its end; return the status that Cloud Tasks gets."""
    headers = {
        key.lower(): value for key, value in task_headers(number, task=task, queue=queue).items()
    }
    attempt = every.attempt_of(headers)
    assert attempt is not None
    answer = every.begin(attempt, request())
    if answer is None:
        answer = every.end(attempt, request(), status=status, error=error)
    return status if answer is None else answer.status


def start(every: Attempts, number: int, task: str = "17") -> int | None:
    """Begin an attempt that does not end; return what is answered at once."""
    headers = {key.lower(): value for key, value in task_headers(number, task=task).items()}
    attempt = every.attempt_of(headers)
    assert attempt is not None
    answer = every.begin(attempt, request())
    return answer.status if answer is not None else None


def test_a_task_dies_in_its_last_allowed_attempt(graveyard: Graveyard) -> None:
    """Not before, and Cloud Tasks hears of success then, so that it forgets the task."""
    every = attempts(graveyard)
    assert [handle(every, number) for number in (1, 2, 3)] == [500, 500, 200]
    assert graveyard.story["Attempts"] == "3"
    assert graveyard.story["Reason"] == "failed"
    assert graveyard.story["Status"] == "500"


def test_every_answer_but_2xx_is_a_failure(graveyard: Graveyard) -> None:
    """As for Cloud Tasks."""
    every = attempts(graveyard)
    assert handle(every, 3, status=302, task="a") == 200
    assert handle(every, 3, status=404, task="b") == 200
    assert handle(every, 3, status=204, task="c") == 204
    assert len(graveyard.letters) == 2


def test_a_task_that_can_never_succeed_dies_at_once(graveyard: Graveyard) -> None:
    """With its traceback."""
    assert handle(attempts(graveyard), 1, error=PermanentError("no such address")) == 200
    assert graveyard.story["Reason"] == "permanent"
    assert graveyard.story["Error"] == "PermanentError: no such address"


def test_a_task_whose_process_died_dies_in_the_next_attempt(graveyard: Graveyard) -> None:
    """None of the handler's code runs."""
    every = attempts(graveyard)
    assert start(every, 4) == 200
    story = graveyard.story
    assert (story["Reason"], story["Attempts"], story["Status"]) == ("unanswered", "3", "504")
    assert "its process died, or it took too long" in story["Error"]


def test_a_second_burial_finds_the_letter(graveyard: Graveyard) -> None:
    """So there is one, although Cloud Tasks did not hear of the first."""
    every = attempts(graveyard)
    assert [handle(every, number) for number in (3, 3, 4)] == [200, 200, 200]
    assert len(graveyard.letters) == 1


def test_a_burial_that_fails_is_tried_again_with_its_story(graveyard: Graveyard) -> None:
    """In the attempts after the last allowed one."""
    every = attempts(graveyard)
    graveyard.error = ApiError("UNAVAILABLE", "try again", http_status=503)
    assert handle(every, 3, error=ValueError("the cause")) == 500
    assert start(every, 4) == 500
    graveyard.error = None
    assert start(every, 5) == 200
    assert graveyard.story["Error"] == "ValueError: the cause"
    assert graveyard.story["Reason"] == "failed"


def test_a_permanent_failure_that_cannot_be_buried_is_tried_again(graveyard: Graveyard) -> None:
    """By the handler's code, since the queue has attempts left."""
    every = attempts(graveyard)
    graveyard.error = ApiError("PERMISSION_DENIED", "not yet", http_status=403)
    assert handle(every, 1, error=PermanentError("no")) == 500
    graveyard.error = None
    assert handle(every, 2, error=PermanentError("no")) == 200


def test_a_task_that_cannot_be_buried_at_all_is_logged_whole(
    graveyard: Graveyard, caplog: pytest.LogCaptureFixture
) -> None:
    """In the last attempt of the queue, and only then."""
    every = attempts(graveyard)
    graveyard.error = ApiError("PERMISSION_DENIED", "no", http_status=403)
    for number in (3, 4):
        handle(every, number)
    assert not [each for each in caplog.records if each.levelno == logging.CRITICAL]
    assert start(every, 5) == 500
    (lost,) = [each for each in caplog.records if each.levelno == logging.CRITICAL]
    assert '"body": "e30="' in lost.getMessage()
    assert "X-Queuewright-Error" in lost.getMessage()


def test_an_attempt_does_not_begin_while_another_of_its_task_runs(graveyard: Graveyard) -> None:
    """Cloud Tasks may deliver twice; another task is not in the way."""
    every = attempts(graveyard)
    assert start(every, 1) is None
    assert start(every, 1) == 409
    assert start(every, 2) == 409
    assert start(every, 1, task="18") is None
    assert graveyard.calls == 0


def test_an_attempt_that_took_too_long_is_not_in_the_way(graveyard: Graveyard) -> None:
    """Cloud Run has cut it off, and the task is tried again."""
    stopwatch = Stopwatch()
    every = attempts(graveyard, stopwatch)
    assert start(every, 2) is None
    stopwatch.seconds = 59
    assert start(every, 3) == 409
    stopwatch.seconds = 60
    assert start(every, 3) is None


def test_a_task_is_not_buried_while_it_runs_except_at_the_very_end(graveyard: Graveyard) -> None:
    """It may still succeed; there is no later attempt than the fifth."""
    every = attempts(graveyard)
    assert start(every, 3) is None
    assert start(every, 4) == 409
    assert graveyard.letters == []
    assert start(every, 5) == 200
    assert len(graveyard.letters) == 1


def test_a_queue_without_dead_letters_has_none(graveyard: Graveyard) -> None:
    """Its tasks are only kept from running twice at a time."""
    every = attempts(graveyard)
    assert handle(every, 100, queue="posts", error=PermanentError("no")) == 500
    assert graveyard.calls == 0


def test_the_variable_says_which_queues_have_dead_letters() -> None:
    """As the blueprint writes it."""
    text = (
        '{"emails": {"last_attempt": 5, "max_attempts": 3, "queue": "projects/acme-dev/locations/'
        'europe-west1/queues/emails-dead", "timeout": 60}}'
    )
    assert dead_letter_queues({DEAD_LETTERS_VARIABLE: text}) == DEAD
    assert dead_letter_queues({}) == {}
    with pytest.raises(ValueError, match="is not what queuewright writes"):
        dead_letter_queues({"QUEUEWRIGHT_DEAD_LETTERS": "[]"})
