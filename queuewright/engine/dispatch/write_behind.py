"""Writes what attempts came to some milliseconds later, many at once, and again when it failed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from queuewright.engine.clock import Clock
from queuewright.engine.events import Event, StateFailed
from queuewright.engine.state.store import Store
from queuewright.errors import Refusal

_BEHIND_S: Final = 0.005
_AGAIN_S: Final = 1.0


class WriteBehind:
    """Brings the store up to date, in real time: nothing that can be seen depends on when."""

    def __init__(self, clock: Clock, store: Store, emit: Callable[[Event], None] | None) -> None:
        self._clock = clock
        self._store = store
        self._emit = emit
        self._timer: asyncio.TimerHandle | None = None
        self._is_stuck = False

    def soon(self) -> None:
        """Write what has been noted, soon."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_BEHIND_S, self.now)

    def now(self) -> None:
        """Write what has been noted; where there is no room, say so once and try again."""
        self._timer = None
        try:
            self._store.catch_up()
            self._is_stuck = False
        except Refusal as refusal:
            if not self._is_stuck and self._emit is not None:
                text = (
                    f"{refusal.message} Dispatching goes on; what attempts come to is "
                    "kept in memory until it can be written."
                )
                now_us = self._clock.now_us()
                self._emit(StateFailed(time_us=now_us, status=refusal.code, message=text))
            self._is_stuck = True
            self._timer = asyncio.get_running_loop().call_later(_AGAIN_S, self.now)

    def stop(self) -> None:
        """Write no more by itself."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
