"""How long a `ManualClock` stands still, in real time, for handlers that have not answered."""

from __future__ import annotations

from collections.abc import Collection, Set
from typing import Final

from queuewright.engine.dispatch.attempts import Attempt
from queuewright.engine.dispatch.registry import RunningQueue

_SECOND_TIME: Final = 0.1
"""The share of the patience that a queue's attempts get after one of them has outlasted it."""


class Patience:
    """The patience with the attempts in flight.

    Time waits for an attempt once. An attempt that outlasts the patience hangs: time moves on to
    whatever is next, perhaps to its deadline, and never waits for it again. Until `renew`, other
    attempts of its queue are given a tenth of the patience.

    Args:
        full_s: the patience in seconds of real time.
    """

    def __init__(self, full_s: float) -> None:
        self._full_s = full_s
        self._awaited: list[Attempt] = []
        self._hanging: set[Attempt] = set()
        self._queues: set[RunningQueue] = set()

    def renew(self) -> None:
        """Give every queue the full patience again."""
        self._queues.clear()

    def left_s(self, attempts: Set[Attempt], asleep: Collection[object]) -> float | None:
        """Return how long to wait for an attempt to end, or None if there is nothing to wait for.

        `asleep` are the asyncio tasks that wait for the clock itself.
        """
        self._hanging &= attempts
        sleeping = {attempt for attempt in attempts if attempt.runner in asleep}
        self._awaited = [a for a in attempts if a not in self._hanging and a not in sleeping]
        # What else is asleep belongs to some of them: a handler may start tasks of its own.
        if len(self._awaited) <= len(asleep) - len(sleeping):
            return None
        is_fresh = any(attempt.queue not in self._queues for attempt in self._awaited)
        return self._full_s if is_fresh else self._full_s * _SECOND_TIME

    def is_over(self) -> None:
        """Note that no attempt has ended in the time of `left_s`."""
        self._hanging.update(self._awaited)
        self._queues.update(attempt.queue for attempt in self._awaited)
