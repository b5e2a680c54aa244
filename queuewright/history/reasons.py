"""Why a task is due again at a certain time, or given up, in words. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from queuewright.cloud_tasks.durations import written_duration
from queuewright.cloud_tasks.retry import UNLIMITED, RetryPolicy, backoff_us
from queuewright.history.records import DEAD_LETTER

_ANSWERED: Final = "the task is among the dead letters"
"""Begins the answer about such a task, with 200, so that it is not tried again:
`runtime/queuewright_runtime/attempts.py`."""
_RAISED: Final = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def dead_letter_reason(body: bytes) -> str:
    """Return why a task became a dead letter, from its handler's last answer; "" if it did not.

    >>> dead_letter_reason(b"the task is among the dead letters: PermanentError: no such address")
    'it is a dead letter: PermanentError: no such address'
    """
    if not body.startswith(_ANSWERED.encode()):
        return ""
    return DEAD_LETTER + body.decode("utf-8", "replace").removeprefix(_ANSWERED).rstrip()


def wait_reason(policy: RetryPolicy, failures: int, *, by_hand: bool = False) -> str:
    """Return how the wait after the `failures`-th failed attempt (1, 2, …) is computed.

    >>> policy = RetryPolicy(
    ...     min_backoff_us=10_000_000, max_backoff_us=300_000_000, max_doublings=3
    ... )
    >>> for failures in (1, 2, 4, 5, 7):
    ...     print(wait_reason(policy, failures))
    10s, the first wait
    10s × 2, at most 5m
    10s × 2³, at most 5m
    10s × 2³ × 2, at most 5m
    5m, the longest wait
    """
    shortest, longest = _written(policy.min_backoff_us), _written(policy.max_backoff_us)
    doublings = min(failures - 1, policy.max_doublings)
    steps = max(1, failures - policy.max_doublings)
    if backoff_us(policy, failures) >= policy.max_backoff_us:
        text = f"{longest}, the longest wait"
    elif failures == 1:
        text = f"{shortest}, the first wait"
    else:
        power = "" if doublings < 1 else " × 2" if doublings == 1 else f" × 2{_raised(doublings)}"
        text = f"{shortest}{power}{f' × {steps}' if steps > 1 else ''}, at most {longest}"
    return f"{text}, from its start by hand" if by_hand else text


def end_reason(policy: RetryPolicy, attempts: int) -> str:
    """Return why a task was given up after so many attempts.

    >>> end_reason(RetryPolicy(max_attempts=8), 8)
    'all 8 attempts failed'
    >>> end_reason(RetryPolicy(max_attempts=5, max_retry_duration_us=60_000_000), 7)
    '7 of 5 attempts failed, and the max_retry_duration of 1m is over'
    >>> end_reason(RetryPolicy(max_attempts=-1, max_retry_duration_us=60_000_000), 7)
    'the max_retry_duration of 1m is over'
    """
    reasons = []
    if policy.max_attempts != UNLIMITED:
        limit = policy.max_attempts
        reasons.append(
            f"all {limit} attempts failed"
            if attempts == limit
            else f"{attempts} of {limit} attempts failed"
        )
    if policy.max_retry_duration_us:
        reasons.append(
            f"the max_retry_duration of {_written(policy.max_retry_duration_us)} is over"
        )
    return ", and ".join(reasons)


def _written(microseconds: int) -> str:
    return written_duration(timedelta(microseconds=microseconds))


def _raised(number: int) -> str:
    return str(number).translate(_RAISED)
