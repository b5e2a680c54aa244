"""Decides about leases: how long one is, who holds it, and when a task has had enough of them.

A lease is two numbers in the task's row: the schedule time, which is the lease's end and its
proof, and the count of attempts. Invariants:

1. A task is held from the moment it is leased until its schedule time, acknowledged or cancelled.
2. A held task is leased to nobody else.
3. Only the schedule time of the latest LeaseTasks or RenewLease proves a lease, to the microsecond,
   and only until that moment.
4. Each lease is an attempt. Renewing and cancelling it leave the count unchanged.
"""

from __future__ import annotations

from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from queuewright.cloud_tasks.leases import MAX_LEASE, MAX_LEASED_TASKS, MIN_LEASE
from queuewright.cloud_tasks.retry import UNLIMITED
from queuewright.engine.protocol import refusals
from queuewright.engine.protocol.times import SECOND_US, span_us, text, timestamp_us

_SHORTEST_US: Final = span_us(MIN_LEASE)
_LONGEST_US: Final = span_us(MAX_LEASE)
_MAX_NANOS: Final = 10**9


def check_max_tasks(max_tasks: int) -> int:
    """Return how many tasks a LeaseTasks call wants: 1 to 1,000.

    Raises:
        Refusal: INVALID_ARGUMENT.
    """
    if not 1 <= max_tasks <= MAX_LEASED_TASKS:
        raise refusals.invalid(
            f"LeaseTasksRequest.maxTasks must be between 1 and {MAX_LEASED_TASKS}, "
            f"but is {max_tasks}."
        )
    return max_tasks


def lease_us(duration: Duration | None) -> int:
    """Return the length of a lease: whole seconds, 1 second to 7 days. None: it was not given.

    Raises:
        Refusal: INVALID_ARGUMENT.

    >>> lease_us(Duration(seconds=60, nanos=999_999_999))
    60000000
    """
    if duration is None:
        raise refusals.invalid("leaseDuration is required.")
    length_us = duration.seconds * SECOND_US
    is_valid = 0 <= duration.nanos < _MAX_NANOS
    if not (is_valid and _SHORTEST_US <= length_us <= _LONGEST_US):
        raise refusals.invalid(
            f"leaseDuration must be between {_SHORTEST_US // SECOND_US}s and "
            f"{_LONGEST_US // SECOND_US}s."
        )
    return length_us


def proof_us(schedule_time: Timestamp | None) -> int:
    """Return the schedule time with which a worker proves its lease. None: it was not given.

    Raises:
        Refusal: INVALID_ARGUMENT.
    """
    if schedule_time is None:
        raise refusals.invalid(
            "scheduleTime is required: the one in the answer of LeaseTasks or RenewLease."
        )
    if not 0 <= schedule_time.nanos < _MAX_NANOS:
        raise refusals.invalid("scheduleTime is not a valid timestamp.")
    return timestamp_us(schedule_time)


def is_held(schedule_us: int, attempts: int, now_us: int) -> bool:
    """Return whether a task with this schedule time and count of attempts is leased now.

    A task that was never leased may also have a schedule time in the future.

    >>> is_held(2, 1, 1), is_held(2, 0, 1), is_held(1, 1, 1)
    (True, False, False)
    """
    return attempts > 0 and schedule_us > now_us


def check_held(schedule_us: int, attempts: int, given_us: int, now_us: int) -> None:
    """Check that `given_us` proves a lease on a task that is held now.

    Raises:
        Refusal: FAILED_PRECONDITION.
    """
    if attempts == 0:
        raise refusals.precondition("The task is not leased.")
    if given_us != schedule_us:
        raise refusals.precondition(
            f"The scheduleTime {_moment(given_us)} is not the task's current one: "
            "the lease was renewed, cancelled or has run out."
        )
    if not is_held(schedule_us, attempts, now_us):
        raise refusals.precondition(f"The lease ran out at {text(schedule_us)}.")


def is_spent(attempts: int, max_attempts: int) -> bool:
    """Return whether a task has been leased as often as its queue allows.

    Such a task is deleted when the next lease would take it, so its last holder can acknowledge it
    until then.

    >>> is_spent(2, 3), is_spent(3, 3), is_spent(3, -1)
    (False, True, False)
    """
    return max_attempts != UNLIMITED and attempts >= max_attempts


def _moment(us: int) -> str:
    """Return a moment as text, although a client may send any year."""
    try:
        return text(us)
    except OverflowError:
        return f"{us // SECOND_US}s after 1970"
