"""How long a task that always fails is tried, computed from its queue's settings. Pure.

Attempts are assumed to fail at once: the time a handler takes comes on top.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from queuewright.cloud_tasks.limits import TASK_RETENTION
from queuewright.cloud_tasks.retry import RetryPolicy, backoff_us, elapsed_us, is_exhausted
from queuewright.spec import RetryConfig

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Patience:
    """When a task that always fails is given up."""

    attempts: int
    elapsed: timedelta
    """From the first attempt to the last; waits only."""
    outlives_retention: bool
    """Whether the task is deleted for its age before its queue gives it up."""


def patience(retry: RetryConfig) -> Patience:
    """When a queue gives up a task that always fails.

    >>> patience(RetryConfig(max_attempts=8, min_backoff="10s", max_backoff="5m", max_doublings=3))
    Patience(attempts=8, elapsed=datetime.timedelta(seconds=850), outlives_retention=False)
    """
    policy = retry_policy(retry)
    in_time = _last_attempt_within(policy, TASK_RETENTION // _TICK)
    is_kept = is_exhausted(policy, in_time, elapsed_us(policy, in_time))
    attempts = _first_exhausted(policy, in_time) if is_kept else in_time
    return Patience(attempts, elapsed(retry, attempts), outlives_retention=not is_kept)


def retry_policy(retry: RetryConfig) -> RetryPolicy:
    """A queue's retry settings in the terms of Cloud Tasks' retry rule."""
    return RetryPolicy(
        max_attempts=retry.max_attempts,
        max_retry_duration_us=retry.max_retry_duration // _TICK,
        min_backoff_us=retry.min_backoff // _TICK,
        max_backoff_us=retry.max_backoff // _TICK,
        max_doublings=retry.max_doublings,
    )


def elapsed(retry: RetryConfig, attempts: int) -> timedelta:
    """The sum of the waits before the `attempts`-th attempt.

    >>> elapsed(RetryConfig(min_backoff="10s", max_backoff="5m", max_doublings=3), 5)
    datetime.timedelta(seconds=150)
    """
    # A wait may be 10,000 years long and there may be billions: count in whole microseconds.
    total = elapsed_us(retry_policy(retry), attempts)
    return total * _TICK if total < timedelta.max // _TICK else timedelta.max


def first_waits(retry: RetryConfig, count: int) -> list[timedelta]:
    """The first `count` waits.

    >>> from queuewright.cloud_tasks.durations import written_duration
    >>> retry = RetryConfig(min_backoff="10s", max_backoff="5m", max_doublings=3)
    >>> [written_duration(wait) for wait in first_waits(retry, 8)]
    ['10s', '20s', '40s', '1m20s', '2m40s', '4m', '5m', '5m']
    """
    policy = retry_policy(retry)
    return [backoff_us(policy, failures) * _TICK for failures in range(1, count + 1)]


def _last_attempt_within(policy: RetryPolicy, time_us: int) -> int:
    """The last attempt that starts no later than `time_us` after the first."""
    low, high = 1, 2
    while elapsed_us(policy, high) <= time_us:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if elapsed_us(policy, middle) <= time_us else (low, middle)
    return low


def _first_exhausted(policy: RetryPolicy, known: int) -> int:
    """The first attempt after which the task is given up; `known` is one such attempt."""
    low, high = 0, known
    while high - low > 1:
        middle = (low + high) // 2
        is_over = is_exhausted(policy, middle, elapsed_us(policy, middle))
        low, high = (low, middle) if is_over else (middle, high)
    return high
