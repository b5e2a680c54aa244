"""Deletes purged and expired messages piece by piece, and shrinks the file.

Purged messages are no longer delivered, so their deletion can be interrupted at any time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Final

from queuewright.engine import Clock, Timer
from queuewright.errors import Refusal
from queuewright.pubsub.delivery.registry import Registry
from queuewright.pubsub.delivery.subscription import RunningSubscription
from queuewright.pubsub.state.store import Store

_LOG: Final = logging.getLogger(__name__)
_AGAIN_US: Final = 60_000_000
"""How long a sweep of expired messages waits at least for the next one."""
_PAGES: Final = 100
"""Pages of the file that are given back before the event loop gets a turn."""


class Sweeper:
    """Sweeps when messages are purged, and at most once a minute what reaches its maximum age."""

    def __init__(self, clock: Clock, store: Store) -> None:
        self._clock = clock
        self._store = store
        self._wake = asyncio.Event()
        self._is_sweeping = False
        self._timer: Timer | None = None
        self._timer_us = 0
        self._loop: asyncio.Task[None] | None = None

    def start(self, registry: Registry) -> None:
        """Start sweeping the subscriptions of a registry."""
        self._wake.set()
        self._loop = asyncio.create_task(self._run(registry), name="queuewright Pub/Sub sweeper")

    async def stop(self) -> None:
        """Stop sweeping."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])
            self._loop = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def is_busy(self) -> bool:
        """Whether a sweep is running or about to run."""
        return self._loop is not None and (self._is_sweeping or self._wake.is_set())

    def messages_stored(self) -> None:
        """Plan a sweep: the new messages may have to go before all others."""
        if self._loop is not None:
            self._plan(self._clock.now_us() + _AGAIN_US)

    def messages_dead(self) -> None:
        """Sweep soon."""
        self._wake.set()

    def _due(self) -> None:
        self._timer = None
        self._wake.set()

    def _plan(self, when_us: int) -> None:
        """Sweep at that moment or earlier."""
        if self._timer is not None:
            if self._timer_us <= when_us:
                return
            self._timer.cancel()
        self._timer_us = when_us
        self._timer = self._clock.call_at(when_us, self._due)

    async def _run(self, registry: Registry) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._is_sweeping = True
            again_us = self._clock.now_us() + _AGAIN_US
            try:
                async for _ in self._pieces(registry):
                    await asyncio.sleep(0)
            except Refusal:  # the disk is full; dead messages stay until then
                self._plan(again_us)
            except Exception:
                _LOG.exception("sweeping failed in Pub/Sub itself")
                self._plan(again_us)
            self._is_sweeping = False

    async def _pieces(self, registry: Registry) -> AsyncIterator[None]:
        """Sweep, and yield after every piece that was written."""
        for number in self._store.dead_subscriptions():
            for _ in self._store.sweep(number):
                yield
        now_us = self._clock.now_us()
        ends_us = []
        for subscription in list(registry.subscriptions()):
            if registry.has_subscription(subscription.name):
                end_us = await self._expired(subscription, now_us)
                if end_us is not None:
                    ends_us.append(end_us)
        while self._store.shrink(_PAGES):
            yield
        if ends_us:
            self._plan(max(min(ends_us), now_us + _AGAIN_US))

    async def _expired(self, subscription: RunningSubscription, now_us: int) -> int | None:
        """Delete a subscription's messages that are too old; return when more will be."""
        kept_us = subscription.row.config.message_retention_duration.ToMicroseconds()
        number = subscription.row.number
        oldest_us = self._store.oldest_us(number)
        if oldest_us is not None and oldest_us + kept_us <= now_us:
            await subscription.rewrite(self._store.drop_old(number, now_us - kept_us))
            oldest_us = self._store.oldest_us(subscription.row.number)
        return None if oldest_us is None else oldest_us + kept_us
