"""A limit on how many requests run at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """As many requests run at once as there are slots; `size` may change at any time."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._taken = 0
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def occupied(self) -> int:
        """How many slots are taken."""
        return self._taken

    @property
    def size(self) -> int:
        """How many slots there are."""
        return self._size

    @size.setter
    def size(self, size: int) -> None:
        self._size = size
        self._wake()

    @asynccontextmanager
    async def taken(self, timeout_s: float) -> AsyncIterator[bool]:
        """Hold a slot for the block; yield False if none was free within `timeout_s` seconds."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._take()
        except TimeoutError:
            yield False
            return
        try:
            yield True
        finally:
            self._taken -= 1
            self._wake()

    async def _take(self) -> None:
        if self._taken < self._size:
            self._taken += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif turn.done() and not turn.cancelled():  # the slot came in the same instant
                self._taken -= 1
                self._wake()
            raise

    def _wake(self) -> None:
        while self._waiting and self._taken < self._size:
            turn = self._waiting.pop(0)
            if not turn.done():
                self._taken += 1
                turn.set_result(None)
