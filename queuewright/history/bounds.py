"""How much the history keeps. Everything here is counted, so that a disk never fills up.

Old tasks make room for new ones of the same state: a flood of tasks that finish does not push the
few that failed out. With everything at its bound, the file has some 300 MB.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from queuewright.history.records import State

_MIB: Final = 1024 * 1024


class Bound(NamedTuple):
    """How many rows are kept, and how many bytes of bodies, answers and lines in them."""

    rows: int
    size: int


TASKS: Final[dict[State, Bound]] = {
    # An hour of the busiest queue that people test with here, about 28 tasks a second.
    "finished": Bound(100_000, 64 * _MIB),
    "failed": Bound(20_000, 64 * _MIB),
    "expired": Bound(20_000, 16 * _MIB),
    "deleted": Bound(20_000, 16 * _MIB),
    "purged": Bound(20_000, 16 * _MIB),
    "unfinished": Bound(100_000, 16 * _MIB),
}
"""Tasks by state. The body of an unfinished task is not in the history but in the engine."""

ATTEMPTS: Final = Bound(300_000, 64 * _MIB)
"""Three times the tasks: most attempts succeed, so most tasks have one."""

ATTEMPTS_PER_TASK: Final = 100
"""Cloud Tasks' default of `max_attempts`: the whole story of most tasks that fail."""

LINES: Final = Bound(300_000, 32 * _MIB)
LINES_PER_ATTEMPT: Final = 200
"""Enough for several tracebacks; a handler that prints in a loop does not fill the history."""
LONGEST_LINE: Final = 4_096
"""Characters."""

BUCKET_US: Final = 10_000_000
"""Sixty points are ten minutes."""
BUCKETS_PER_QUEUE: Final = 360
"""One hour."""

WAITING_ITEMS: Final = 50_000
"""Events that wait to be written: about eight seconds of the engine's highest rate."""
WAITING_BYTES: Final = 64 * _MIB
"""The bodies of the tasks among them."""
