"""Faults that a test asks for."""

from __future__ import annotations

import json

from queuewright.testing import InProcessEnvironment


def done(env: InProcessEnvironment) -> int:
    """How many requests the mailer's instance has done."""
    return len(env.module("mailer").DONE)


def test_it_fails_so_many_times(env: InProcessEnvironment) -> None:
    """With the status, and without a call of its code."""
    env.fail("mailer", times=2, status=429)
    env.enqueue("emails", {})
    env.drain()
    assert env.attempts("emails").statuses == [429, 429, 200]
    assert env.attempts("emails")[0].error == "the test lets it fail: 429"
    assert done(env) == 1


def test_it_fails_for_so_long(env: InProcessEnvironment) -> None:
    """From now on; the attempt at its end succeeds."""
    env.fail("mailer", during="70s")
    env.enqueue("emails", {})
    env.drain()
    assert env.attempts("emails").statuses == [503, 503, 503, 200]


def test_faults_come_one_after_the_other(env: InProcessEnvironment) -> None:
    """In the order in which they were asked for."""
    env.fail("mailer", status=500)
    env.crash("mailer")
    env.enqueue("emails", {})
    env.drain()
    assert env.attempts("emails").statuses == [500, 503, 200]


def test_a_request_that_takes_too_long_ends_at_the_timeout(env: InProcessEnvironment) -> None:
    """504 after the handler's `timeout`, 30 s, in which a second task is not in its way."""
    env.time_out("api")
    env.enqueue("calls", "slow", name="slow")
    env.enqueue("calls", "quick", name="quick")
    env.drain()
    slow, quick, again = env.attempts("calls")
    assert (slow.status, slow.task, again.task) == (504, "slow", "slow")
    assert slow.duration is not None
    assert slow.duration.total_seconds() == 30
    assert (again.time - slow.time).total_seconds() == 31
    assert quick.time == slow.time
    assert slow.error == "the test lets it take longer than its timeout"


def test_a_crash_loses_what_the_instance_knew(env: InProcessEnvironment) -> None:
    """A new one begins with the next request."""
    env.enqueue("emails", {})
    env.drain()
    env.crash("mailer")
    env.enqueue("emails", {})
    env.drain()
    first, crashed, again = env.attempts("emails")
    assert json.loads(first.text)["done"] == 1
    assert (crashed.status, crashed.error) == (503, "the test lets its instance crash")
    assert json.loads(again.text)["done"] == 1


def test_a_lost_answer_repeats_work_that_is_done(env: InProcessEnvironment) -> None:
    """What a handler must be ready for."""
    env.lose_answer("mailer")
    env.enqueue("emails", {})
    env.drain()
    assert env.attempts("emails").statuses == [503, 200]
    assert env.attempts("emails")[0].error == "the test loses its answer, 200"
    assert done(env) == 2


def test_a_request_comes_twice(env: InProcessEnvironment) -> None:
    """In one attempt."""
    env.deliver_twice("mailer")
    env.enqueue("emails", {})
    env.drain()
    assert env.attempts("emails").statuses == [200]
    assert done(env) == 2
