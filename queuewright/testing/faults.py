"""The faults that a test asks for: what happens to a handler's next requests."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

FaultKind = Literal["fail", "time_out", "crash", "lose_answer", "repeat"]


@dataclass
class Fault:
    """A fault of one handler."""

    kind: FaultKind
    times_left: int | None
    """How many requests it is for; None: all, until `until_us`."""
    until_us: int | None = None
    """The first moment at which it is over."""
    status: int = 503
    """The HTTP code of a `fail`."""

    def is_over(self, now_us: int) -> bool:
        """Whether no request is left for it."""
        return self.times_left == 0 or (self.until_us is not None and now_us >= self.until_us)


class Faults:
    """The faults of one handler, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._waiting: deque[Fault] = deque()

    def add(self, fault: Fault) -> None:
        """Let a fault come after those before it."""
        self._waiting.append(fault)

    def take(self, now_us: int) -> Fault | None:
        """Return the fault of a request that comes now, or None."""
        while self._waiting and self._waiting[0].is_over(now_us):
            self._waiting.popleft()
        if not self._waiting:
            return None
        fault = self._waiting[0]
        if fault.times_left is not None:
            fault.times_left -= 1
        return fault
