"""Time, as something that can be handed over: the only place where it passes.

`SystemClock` is the machine's time. `ManualClock` moves only by hand, so a day of retries takes
milliseconds and is the same in every run.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final, Protocol

from queuewright.engine.protocol.times import SECOND_US, moment, moment_us, span_us

_LONGEST_NAP_US: Final = 10 * SECOND_US
"""How often a timer checks the wall clock, because monotonic time stops while a laptop sleeps."""

_SET_BACK_US: Final = 100_000
"""A smaller step is a correction of the clock."""


class Timer(Protocol):
    """A planned call."""

    def cancel(self) -> None:
        """Cancel the call. Does nothing if it was already made."""
        ...


class Clock(Protocol):
    """The interface of a clock."""

    def now_us(self) -> int:
        """Return microseconds since the epoch."""
        ...

    def steady_us(self) -> int:
        """Return microseconds since a fixed moment; setting the wall clock does not change it."""
        ...

    def call_at(self, when_us: int, callback: Callable[[], None]) -> Timer:
        """Call back when `now_us()` reaches `when_us`, never earlier and never within this call."""
        ...

    def call_after(self, span_us: int, callback: Callable[[], None]) -> Timer:
        """Call back after `span_us` of the time during which the machine is awake."""
        ...


class SystemClock:
    """The machine's time. Timers need a running event loop."""

    def __init__(self) -> None:
        self._set_back: list[Callable[[int], None]] = []
        self._ahead_us = _wall_us() - self.steady_us()

    def now_us(self) -> int:
        """Return the wall clock's microseconds since the epoch."""
        wall_us = _wall_us()
        ahead_us = wall_us - self.steady_us()
        if self._ahead_us - ahead_us >= _SET_BACK_US:
            # This process may only have been delayed between reading the two clocks.
            ahead_us = max(ahead_us, *(_wall_us() - self.steady_us() for _ in range(3)))
        set_back_us, self._ahead_us = self._ahead_us - ahead_us, ahead_us
        if set_back_us >= _SET_BACK_US:
            for callback in self._set_back:
                callback(set_back_us)
        return wall_us

    def when_set_back(self, callback: Callable[[int], None]) -> None:
        """Call back with the microseconds by which the wall clock was set back, each time it was.

        The call is made when `now_us` first tells the new time.
        """
        self._set_back.append(callback)

    def steady_us(self) -> int:
        """Return microseconds since a fixed moment, such as the start of the machine."""
        return time.monotonic_ns() // 1_000

    def call_at(self, when_us: int, callback: Callable[[], None]) -> Timer:
        """Call back at `when_us` of the wall clock, even if it is set or the machine sleeps."""
        return _SystemTimer(self, when_us, callback)

    def call_after(self, span_us: int, callback: Callable[[], None]) -> Timer:
        """Call back after `span_us` of the time during which the machine is awake."""
        return _AwakeTimer(span_us, callback)


def _wall_us() -> int:
    return time.time_ns() // 1_000


class _SystemTimer:
    __slots__ = ("_callback", "_clock", "_handle", "_when_us")

    def __init__(self, clock: SystemClock, when_us: int, callback: Callable[[], None]) -> None:
        self._clock = clock
        self._when_us = when_us
        self._callback = callback
        self._nap(when_us - clock.now_us())

    def _nap(self, left_us: int) -> None:
        seconds = max(0, min(left_us, _LONGEST_NAP_US)) / SECOND_US
        self._handle = asyncio.get_running_loop().call_later(seconds, self._woken)

    def _woken(self) -> None:
        left_us = self._when_us - self._clock.now_us()
        if left_us > 0:
            self._nap(left_us)
        else:
            self._callback()

    def cancel(self) -> None:
        self._handle.cancel()


class _AwakeTimer:
    """Counts naps instead of reading a clock: however long a laptop sleeps, only a nap counts."""

    __slots__ = ("_callback", "_handle", "_left_us", "_nap_us")

    def __init__(self, span_us: int, callback: Callable[[], None]) -> None:
        self._left_us = span_us
        self._callback = callback
        self._nap()

    def _nap(self) -> None:
        self._nap_us = min(self._left_us, _LONGEST_NAP_US)
        self._handle = asyncio.get_running_loop().call_later(self._nap_us / SECOND_US, self._woken)

    def _woken(self) -> None:
        self._left_us -= self._nap_us
        if self._left_us > 0:
            self._nap()
        else:
            self._callback()

    def cancel(self) -> None:
        self._handle.cancel()


class ManualClock:
    """A clock that moves only by hand.

    An engine's `advance` moves it; everything that is due on the way happens.

    Args:
        start: the first moment, an aware `datetime`. By default the start of 2026 in UTC.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now_us = moment_us(start)
        self._timers: list[tuple[int, int, _ManualTimer]] = []
        """A heap by moment, and by order for one moment."""
        self._order = count()
        self.asleep: set[asyncio.Task[object] | None] = set()
        """The asyncio tasks that are in `sleep`."""
        self.on_sleep: Callable[[], None] | None = None
        """Called when a coroutine goes to sleep, so that a waiting engine can move on."""

    def now_us(self) -> int:
        """Return microseconds since the epoch."""
        return self._now_us

    def steady_us(self) -> int:
        """Return the same as `now_us`: this clock is never set back."""
        return self._now_us

    def now(self) -> datetime:
        """Return the moment as an aware `datetime`."""
        return moment(self._now_us)

    def call_at(self, when_us: int, callback: Callable[[], None]) -> Timer:
        """Call back when the clock gets to `when_us`. Calls at the same moment keep their order."""
        timer = _ManualTimer(callback)
        heapq.heappush(self._timers, (when_us, next(self._order), timer))
        return timer

    def call_after(self, span_us: int, callback: Callable[[], None]) -> Timer:
        """Call back when the clock has moved by `span_us`."""
        return self.call_at(self._now_us + span_us, callback)

    @property
    def sleepers(self) -> int:
        """The number of asyncio tasks in `sleep`."""
        return len(self.asleep)

    async def sleep(self, span: timedelta | str) -> None:
        """Return when that much time has been let pass; for handlers that take their time."""
        woken = asyncio.Event()
        timer = self.call_at(self._now_us + span_us(span), woken.set)
        task = asyncio.current_task()
        self.asleep.add(task)
        if self.on_sleep is not None:
            self.on_sleep()
        try:
            await woken.wait()
        finally:
            timer.cancel()
            self.asleep.discard(task)

    def next_us(self) -> int | None:
        """Return the moment of the next planned call, or None."""
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def step(self, until_us: int) -> bool:
        """Move to the next call and make it if it is due by `until_us`; else move to `until_us`.

        Returns whether a call was made.
        """
        when_us = self.next_us()
        if when_us is None or when_us > until_us:
            self._now_us = max(self._now_us, until_us)
            return False
        timer = heapq.heappop(self._timers)[2]
        self._now_us = max(self._now_us, when_us)
        timer.callback()
        return True


class _ManualTimer:
    __slots__ = ("callback", "cancelled")

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True
