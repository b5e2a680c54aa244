"""The computed end of retries is the same as the engine's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuewright.blueprint.patience import Patience, elapsed, first_waits, patience
from queuewright.cloud_tasks.limits import TASK_RETENTION
from queuewright.cloud_tasks.retry import RetryPolicy, backoff_us, is_exhausted
from queuewright.spec import RetryConfig

MICROSECOND = timedelta(microseconds=1)
MILLISECONDS = st.integers(1, 5_000_000).map(lambda count: timedelta(milliseconds=count))


@st.composite
def configs(draw: st.DrawFn) -> RetryConfig:
    """Settings that a spec may have and that end after some thousand attempts at most."""
    least, most = sorted((draw(MILLISECONDS), draw(MILLISECONDS)))
    duration = timedelta(seconds=draw(st.integers(0, 5_000)) if most >= timedelta(seconds=2) else 0)
    attempts = draw(st.integers(1, 500) | st.just(-1)) if duration else draw(st.integers(1, 500))
    if attempts == -1 and least < timedelta(seconds=2):
        least = min(timedelta(seconds=2), most)
    return RetryConfig(
        max_attempts=attempts,
        max_retry_duration=duration,
        min_backoff=least,
        max_backoff=most,
        max_doublings=draw(st.integers(1, 20)),
    )


def policy(retry: RetryConfig) -> RetryPolicy:
    """The same settings for the engine."""
    return RetryPolicy(
        max_attempts=retry.max_attempts,
        max_retry_duration_us=retry.max_retry_duration // MICROSECOND,
        min_backoff_us=retry.min_backoff // MICROSECOND,
        max_backoff_us=retry.max_backoff // MICROSECOND,
        max_doublings=retry.max_doublings,
    )


def tried(retry: RetryConfig) -> Patience:
    """The attempts by the engine's own arithmetic; each fails at once."""
    attempts, now = 1, 0
    while not is_exhausted(policy(retry), attempts, now):
        later = now + backoff_us(policy(retry), attempts)
        if later > TASK_RETENTION // MICROSECOND:
            return Patience(attempts, now * MICROSECOND, True)
        attempts, now = attempts + 1, later
    return Patience(attempts, now * MICROSECOND, False)


@given(configs())
def test_the_end_is_where_the_engine_ends(retry: RetryConfig) -> None:
    """The same last attempt at the same time for the same reason."""
    assert patience(retry) == tried(retry)


@given(configs(), st.integers(1, 40))
def test_the_waits_are_the_engines(retry: RetryConfig, count: int) -> None:
    """Each wait and their sum."""
    waits = [backoff_us(policy(retry), failures) * MICROSECOND for failures in range(1, count + 1)]
    assert first_waits(retry, count) == waits
    assert elapsed(retry, count + 1) == sum(waits, timedelta())


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, Patience(100, timedelta(seconds=305_353, microseconds=500_000), False)),
        ({"max_attempts": 1}, Patience(1, timedelta(), False)),
        (
            {"max_attempts": 5, "max_retry_duration": "60s", "min_backoff": "1s"},
            Patience(7, timedelta(seconds=63), False),
        ),
        (
            {"max_attempts": -1, "max_retry_duration": "1h", "min_backoff": "10m"},
            Patience(4, timedelta(minutes=70), False),
        ),
    ],
    ids=["the defaults", "one attempt", "both bounds", "time only"],
)
def test_known_ends(settings: dict[str, object], expected: Patience) -> None:
    """Worked out by hand."""
    assert patience(RetryConfig.model_validate(settings)) == expected


def test_without_a_bound_a_task_ages() -> None:
    """A task is tried until it is deleted for its age; computing that is fast."""
    often = RetryConfig(max_attempts=-1, min_backoff="1ms", max_backoff="1ms")
    assert patience(often) == Patience(2_678_400_001, TASK_RETENTION, True)


def test_more_attempts_than_a_task_can_have() -> None:
    """Two billion attempts, an hour apart, end with the task's age."""
    end = patience(RetryConfig(max_attempts=2**31 - 1, min_backoff="1h"))
    assert end == Patience(745, TASK_RETENTION, True)


def test_waits_of_thousands_of_years() -> None:
    """Any protobuf `Duration` works."""
    end = patience(RetryConfig(max_attempts=3, min_backoff="3650000d", max_backoff="3650000d"))
    assert end == Patience(1, timedelta(), True)
