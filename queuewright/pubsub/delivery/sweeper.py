"""Deletes messages that are older than their subscription keeps them."""

from __future__ import annotations

import logging
from typing import Final

from queuewright.engine import Clock, Timer
from queuewright.errors import Refusal
from queuewright.pubsub.delivery.registry import Registry
from queuewright.pubsub.state.store import Store

_LOG: Final = logging.getLogger(__name__)
_AGAIN_US: Final = 60_000_000
"""How long a sweep waits at least for the next one."""


class Sweeper:
    """Sweeps when a message reaches its maximum age, at most once a minute."""

    def __init__(self, clock: Clock, store: Store) -> None:
        self._clock = clock
        self._store = store
        self._registry: Registry | None = None
        self._timer: Timer | None = None
        self._timer_us = 0

    def start(self, registry: Registry) -> None:
        """Start sweeping the subscriptions of a registry."""
        self._registry = registry
        self._sweep()

    def stop(self) -> None:
        """Stop sweeping."""
        self._registry = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def messages_stored(self) -> None:
        """Plan a sweep: the new messages may have to go before all others."""
        if self._registry is not None:
            self._plan(self._clock.now_us() + _AGAIN_US)

    def _due(self) -> None:
        self._timer = None
        self._sweep()

    def _sweep(self) -> None:
        again_us = self._clock.now_us() + _AGAIN_US
        try:
            next_us = self._swept()
        except Refusal:  # the disk is full; the messages stay until then
            next_us = again_us
        except Exception:
            _LOG.exception("sweeping failed")
            next_us = again_us
        if next_us is not None:
            self._plan(max(next_us, again_us))

    def _plan(self, when_us: int) -> None:
        """Sweep at that moment or earlier."""
        if self._timer is not None:
            if self._timer_us <= when_us:
                return
            self._timer.cancel()
        self._timer_us = when_us
        self._timer = self._clock.call_at(when_us, self._due)

    def _swept(self) -> int | None:
        """Delete what is too old, and return when something more will be."""
        assert self._registry is not None
        next_us: int | None = None
        now_us = self._clock.now_us()
        for subscription in self._registry.subscriptions():
            kept_us = subscription.row.config.message_retention_duration.ToMicroseconds()
            number = subscription.row.number
            oldest_us = self._store.oldest_us(number)
            if oldest_us is not None and oldest_us + kept_us <= now_us:
                self._store.drop_old(number, now_us - kept_us)
                subscription.reload()
                oldest_us = self._store.oldest_us(number)
            if oldest_us is not None:
                end_us = oldest_us + kept_us
                next_us = end_us if next_us is None else min(next_us, end_us)
        return next_us
