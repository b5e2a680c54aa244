"""Persists attempt results in batches, a few milliseconds after they finish."""

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
    """Writes the store's pending results, in real time. The API shows them before that."""

    def __init__(self, clock: Clock, store: Store, emit: Callable[[Event], None] | None) -> None:
        self._clock = clock
        self._store = store
        self._emit = emit
        self._timer: asyncio.TimerHandle | None = None
        self._is_stuck = False

    def soon(self) -> None:
        """Write the pending results soon."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_BEHIND_S, self.now)

    def now(self) -> None:
        """Write the pending results. If the disk is full, report it once and try again."""
        self._timer = None
        try:
            self._store.catch_up()
            self._is_stuck = False
        except Refusal as refusal:
            if not self._is_stuck and self._emit is not None:
                text = (
                    f"{refusal.message} Dispatching continues; the results of attempts are "
                    "kept in memory until they can be written."
                )
                now_us = self._clock.now_us()
                self._emit(StateFailed(time_us=now_us, status=refusal.code, message=text))
            self._is_stuck = True
            self._timer = asyncio.get_running_loop().call_later(_AGAIN_S, self.now)

    def stop(self) -> None:
        """Stop writing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
