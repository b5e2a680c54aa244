"""How long a task that always fails is tried, computed from its queue's settings. Pure.

Attempts are taken to fail at once: what a handler itself takes comes on top.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from queuewright.spec import RetryConfig

RETENTION = timedelta(days=31)
"""A task is deleted at this age, tried or not: https://cloud.google.com/tasks/docs/quotas."""

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

    That is when `max_attempts` *and* `max_retry_duration` are reached, a bound without a
    limit counting as reached unless both are without (`RetryConfig.max_attempts` in
    google/cloud/tasks/v2/queue.proto).

    >>> patience(RetryConfig(max_attempts=8, min_backoff="10s", max_backoff="5m", max_doublings=3))
    Patience(attempts=8, elapsed=datetime.timedelta(seconds=850), outlives_retention=False)
    """
    most = _attempts_within(retry, RETENTION)
    attempts = max(retry.max_attempts, 1)
    if retry.max_retry_duration:
        in_time = _attempts_within(retry, retry.max_retry_duration - _TICK)
        attempts = max(attempts, in_time + 1)
    elif retry.max_attempts == -1:
        attempts = most + 1
    is_old = attempts > most
    attempts = min(attempts, most)
    return Patience(attempts, elapsed(retry, attempts), is_old)


def elapsed(retry: RetryConfig, attempts: int) -> timedelta:
    """The sum of the waits before the `attempts`-th attempt.

    >>> elapsed(RetryConfig(min_backoff="10s", max_backoff="5m", max_doublings=3), 5)
    datetime.timedelta(seconds=150)
    """
    # A wait may be 10,000 years long and there may be billions: count in whole microseconds.
    total = sum(count * (first + last) // 2 for first, last, count in _runs(retry, attempts - 1))
    return total * _TICK if total < timedelta.max // _TICK else timedelta.max


def first_waits(retry: RetryConfig, count: int) -> list[timedelta]:
    """The first `count` waits.

    >>> from queuewright.spec.values import written_duration
    >>> retry = RetryConfig(min_backoff="10s", max_backoff="5m", max_doublings=3)
    >>> [written_duration(wait) for wait in first_waits(retry, 8)]
    ['10s', '20s', '40s', '1m20s', '2m40s', '4m', '5m', '5m']
    """
    sums = [elapsed(retry, attempts) for attempts in range(1, count + 2)]
    return [later - earlier for earlier, later in pairwise(sums)]


def _runs(retry: RetryConfig, waits: int) -> Iterator[tuple[int, int, int]]:
    """The first `waits` waits as runs of even steps: the first, the last, how many.

    The wait doubles `max_doublings` times, then grows by the last doubled value, and stays at
    `max_backoff` (`RetryConfig.max_doublings` in google/cloud/tasks/v2/queue.proto).
    """
    wait, longest = retry.min_backoff // _TICK, retry.max_backoff // _TICK
    for _ in range(retry.max_doublings):
        if waits <= 0 or wait >= longest:
            break
        yield wait, wait, 1
        waits, wait = waits - 1, wait * 2
    rising = min(waits, longest // wait)
    if rising > 0:
        yield wait, wait * rising, rising
    if waits > rising:
        yield longest, longest, waits - rising


def _attempts_within(retry: RetryConfig, time: timedelta) -> int:
    """How many attempts start not later than `time` after the first."""
    low, high = 1, 2
    while elapsed(retry, high) <= time:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if elapsed(retry, middle) <= time else (low, middle)
    return low
