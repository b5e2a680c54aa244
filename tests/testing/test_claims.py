"""Claims about attempts: when they fail, and what they show then."""

from __future__ import annotations

import pytest

from queuewright.testing import InProcessEnvironment


def test_delivered_tasks_satisfy_the_claim(env: InProcessEnvironment) -> None:
    """In so many attempts, for all tasks together."""
    env.fail("mailer", times=2)
    env.enqueue("emails", {})
    env.drain()
    env.assert_delivered("emails")
    env.assert_delivered("emails", attempts=3)


def test_a_wrong_number_shows_the_timeline(env: InProcessEnvironment) -> None:
    """Line by line: when, which, what."""
    env.fail("mailer", times=1)
    env.enqueue("emails", {}, name="t1")
    env.drain()
    with pytest.raises(AssertionError) as caught:
        env.assert_delivered("emails", attempts=3)
    assert str(caught.value) == (
        "`emails` took 2 attempts, not 3\n"
        "emails\n"
        "  +0s   task t1, attempt 1 of 5: 503, again in 10s: the test lets it fail: 503\n"
        "  +10s  task t1, attempt 2 of 5: 200, done\n"
        "now: +10s"
    )


def test_no_task_a_waiting_task_and_a_lost_task_fail_the_claim(env: InProcessEnvironment) -> None:
    """Each in its words."""
    with pytest.raises(AssertionError, match="`emails` has delivered no task\nno attempts"):
        env.assert_delivered("emails")
    env.enqueue("emails", {"status": 500}, name="t1")
    with pytest.raises(AssertionError, match="1 task of `emails` is left"):
        env.assert_delivered("emails")
    env.advance("1s")
    with pytest.raises(AssertionError, match=r"waiting in emails: task t1, due at \+10s"):
        env.assert_delivered("emails")
    env.drain()
    with pytest.raises(AssertionError, match="1 task of `emails` is given up"):
        env.assert_delivered("emails")


def test_a_long_story_is_shortened(env: InProcessEnvironment) -> None:
    """Its beginning and its end are shown."""
    for number in range(60):
        env.enqueue("emails", {}, name=f"t{number}")
    env.drain()
    lines = repr(env.attempts("emails")).splitlines()
    assert "  … 20 more attempts …" in lines
    assert len(lines) == 42
