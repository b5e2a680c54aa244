"""Moves the state's log into its file when nothing has been written for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

_IDLE_S: Final = 2.0


class Written(Protocol):
    """A store of a state file."""

    def on_write(self, callback: Callable[[], None] | None) -> None:
        """Call back after every write. None: no longer."""
        ...

    def checkpoint(self) -> bool:
        """Move the log into the file; see `StateFile.checkpoint`."""
        ...


class IdleCheckpoint:
    """Watches the store's writes, in real time."""

    def __init__(self, store: Written) -> None:
        self._store = store
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._written_s = 0.0

    def start(self) -> None:
        """Start watching. What was written before counts as written now."""
        self._loop = asyncio.get_running_loop()
        self._store.on_write(self._note)
        self._note()

    def stop(self) -> None:
        """Stop watching."""
        self._store.on_write(None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _note(self) -> None:
        if self._loop is None:
            return
        self._written_s = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(_IDLE_S, self._look)

    def _look(self) -> None:
        idle_at_s = self._written_s + _IDLE_S
        if self._loop is not None and self._loop.time() < idle_at_s:
            self._timer = self._loop.call_at(idle_at_s, self._look)
        else:
            self._timer = None
            self._store.checkpoint()
