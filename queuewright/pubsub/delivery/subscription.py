"""A subscription that runs: its backlog, its takers and its timer.

Every change is written before anybody learns of it. If it can't be written, the backlog is read
again from the state, which is as it was before.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import islice
from typing import Final

from queuewright.cloud_tasks.pubsub import MAX_ACK_DEADLINE, MAX_BACKOFF
from queuewright.engine import Clock, Timer
from queuewright.errors import Refusal
from queuewright.pubsub import events
from queuewright.pubsub.delivery.sharing import shared
from queuewright.pubsub.delivery.taker import Taker
from queuewright.pubsub.rules.backlog import (
    Backlog,
    Changes,
    DeadLetter,
    Delivery,
    DeliveryRules,
    Held,
    Lease,
    Message,
)
from queuewright.pubsub.rules.filters import Matches
from queuewright.pubsub.state.rows import SubscriptionRow
from queuewright.pubsub.state.store import Store

_LOG: Final = logging.getLogger(__name__)
_AGAIN_US: Final = 1_000_000
"""After how long a failed write is tried again."""

_WINDOW: Final = 10_000
"""About how many messages that can be delivered are in memory; the others are in the store."""

_PIECE: Final = 1_000
"""Messages that are read before the event loop gets a turn."""

_LONGEST_US: Final = max(MAX_ACK_DEADLINE, MAX_BACKOFF) // timedelta(microseconds=1)
"""No lease and no backoff is longer."""

Deliveries = list[tuple[int, int]]
"""Deliveries, each as the message's number and the delivery's."""


class RunningSubscription:
    """Delivers the messages of a subscription.

    Args:
        clock: ends leases and backoffs.
        store: where the messages are.
        row: its configuration.
        rules: the part of it that decides about deliveries.
        matches: its filter; None lets every message pass.
        write: writes changes and publishes dead letters, or raises a Refusal.
        emit: gets what happens to the messages.
    """

    def __init__(
        self,
        clock: Clock,
        store: Store,
        row: SubscriptionRow,
        rules: DeliveryRules,
        matches: Matches | None,
        write: Callable[[RunningSubscription, Changes, list[DeadLetter]], None],
        emit: Callable[[events.Event], None] | None = None,
    ) -> None:
        self._clock = clock
        self._store = store
        self._write = write
        self._matches = matches
        self._emit = emit
        self.row = row
        self._last_fresh = 0
        """The last message in the backlog of those that were never delivered."""
        self._has_more = False
        """Whether messages after it are only in the store."""
        self.backlog = Backlog(rules)
        self._rewriting = asyncio.Lock()
        """Held while rows are rewritten."""
        self._set_back_us = 0
        """How far the clock was set back while rows were rewritten."""
        self._takers: list[Taker] = []
        self._last_holder = 0
        self._held_by: dict[int, str] = {}
        """The name of the client that a message was delivered to last."""
        self._timer: Timer | None = None
        self._timer_us = 0
        self._is_waking = False
        self._closed: Refusal | None = None
        self._reload()

    @property
    def name(self) -> str:
        """The full name."""
        return self.row.config.name

    @property
    def is_exactly_once(self) -> bool:
        """Whether acknowledgements and deadlines that come too late fail."""
        return self.row.config.enable_exactly_once_delivery

    def start(self) -> None:
        """Plan the ends of stored leases. Needs the running event loop, as the rest does."""
        self._wake()

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Return whether a message passes the filter."""
        return self._matches is None or self._matches(attributes)

    def apply(self, rules: DeliveryRules) -> None:
        """Replace the rules; they count from the next failed delivery."""
        self.backlog.rules = rules

    # Messages

    def add(self, message: Message) -> None:
        """Add a message that was stored."""
        if self._rewriting.locked():
            return  # it is read at the end
        if self._has_more or not self._has_room():
            self._has_more = True
        else:
            self._add(message)
        self._wake()

    async def ready(self) -> None:
        """Return when messages can be changed: not while their rows are rewritten.

        Raises:
            Refusal: the subscription is gone, or the server stops.
        """
        while self._rewriting.locked():
            async with self._rewriting:
                pass
        if self._closed is not None:
            raise self._closed

    def acknowledge(self, deliveries: Deliveries) -> Deliveries:
        """Remove messages for good; return the deliveries for which nothing was done.

        A delivery counts if it is the message's latest; with exactly-once delivery, only while
        its lease lasts.

        Call `ready` before this, and before the other methods that change messages.
        """
        self.backlog.settle(self._clock.now_us())
        done, failed = [], []
        for message, delivery in deliveries:
            attempt = self.backlog.attempt(message)
            counts = not self.is_exactly_once or self.backlog.has_lease(message, delivery)
            if counts and self.backlog.acknowledge(message, delivery):
                done.append((message, attempt))
            else:
                failed.append((message, delivery))
        self._commit()
        for message, attempt in done:
            self._tell(events.MessageAcknowledged, message, attempt)
            self._held_by.pop(message, None)
        return failed

    def modify(self, deliveries: Deliveries, span_us: int) -> Deliveries:
        """Let leases end `span_us` from now; 0 gives them up. Return those that had ended."""
        now_us = self._clock.now_us()
        self.backlog.settle(now_us)
        extended, failed = [], []
        for message, delivery in deliveries:
            if span_us <= 0:
                is_done = self.backlog.give_up(message, delivery, now_us)
            else:
                is_done = self.backlog.extend(message, delivery, now_us + span_us)
                if is_done:
                    extended.append(message)
            if not is_done:
                failed.append((message, delivery))
        self._commit()
        for message in extended:
            attempt = self.backlog.attempt(message)
            self._tell(events.LeaseExtended, message, attempt, until_us=now_us + span_us)
        return failed

    def settle(self) -> None:
        """End the leases and backoffs that are over, so that the state has them."""
        self.backlog.settle(self._clock.now_us())
        self._commit()

    async def rewrite(self, pieces: Iterable[object]) -> None:
        """Rewrite rows piece by piece, and read the backlog again.

        In between, nothing is delivered or changed here, and other subscriptions go on. A process
        that ends then has written some of the pieces.

        Args:
            pieces: writes a piece, a transaction, before each item.

        Raises:
            Refusal: the subscription is gone, the server stops, or a piece can't be written.
        """
        await self.ready()
        async with self._rewriting:
            self.settle()
            try:
                for _ in pieces:
                    await self._pause()
            finally:
                if self._closed is None:
                    for _ in self._loading():
                        await self._pause()
        self._wake()

    def renumber(self, row: SubscriptionRow) -> None:
        """Take over a row with a new number, under which there are no messages."""
        self.row = row
        if not self._rewriting.locked():
            self._reload()
            self._wake()

    def clock_set_back(self, by_us: int) -> None:
        """Let leases and backoffs last as long as before, after the clock was set back."""
        if self._rewriting.locked():
            self._set_back_us += by_us
            return
        self.backlog.clock_set_back(by_us)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wake()

    def has_lease(self, lease: Lease) -> bool:
        """Return whether a message can be handed out: it may just have been purged."""
        return self.backlog.has_lease(lease.message.id, lease.delivery)

    def held(self, limit: int | None) -> list[tuple[Held, str]]:
        """Return the oldest messages, oldest first, each with the name of who holds it, or "".

        Without a limit, all.
        """
        found = [
            (each, self._held_by.get(each.message.id, "") if each.state == "leased" else "")
            for each in self.backlog.held(limit)
        ]
        if self._has_more and (limit is None or len(found) < limit):
            left = None if limit is None else limit - len(found)
            later = self._store.fresh(self.row.number, self._last_fresh, left)
            found += [(Held(message, "ready", 0, 0), "") for message in later]
        return found

    @property
    def leased_count(self) -> int:
        """The number of messages that are leased."""
        return self.backlog.leased_count

    @property
    def total_count(self) -> int:
        """The number of messages that are not acknowledged."""
        later = 0
        if self._has_more:
            later = self._store.fresh_count(self.row.number, self._last_fresh)
        return len(self.backlog) + later

    # Subscribers

    def new_holder(self) -> int:
        """Return a number for a stream."""
        self._last_holder += 1
        return self._last_holder

    def forget(self, taker: Taker) -> None:
        """Forget a stream that is closed. Its leases stay until they end."""
        self.backlog.forget(taker.holder)

    async def take(self, taker: Taker) -> list[Lease]:
        """Return the taker's next batch, leased to it.

        Raises:
            Refusal: the subscription is gone or detached, or the state can't be written.
        """
        if self._closed is not None:
            raise self._closed
        future: asyncio.Future[list[Lease]] = asyncio.get_running_loop().create_future()
        taker.batch = future
        self._takers.append(taker)
        self._wake()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self.take_back(future.result())
            raise
        finally:
            if taker in self._takers:
                self._takers.remove(taker)
            taker.batch = None

    def take_back(self, leases: list[Lease]) -> None:
        """End leases whose messages never left; they do not count as failed.

        While rows are rewritten, they stay until they end.
        """
        if self._rewriting.locked():
            return
        now_us = self._clock.now_us()
        for lease in reversed(leases):
            self.backlog.take_back(lease.message.id, lease.delivery, now_us)
        if self._closed is None:
            self._commit()

    def end_takers(self, error: Refusal) -> None:
        """Let every waiting taker end with an error."""
        waiting, self._takers = self._takers, []
        for taker in waiting:
            taker.end(error)

    def close(self, error: Refusal) -> None:
        """Deliver nothing more, and let every taker end with an error."""
        self._closed = error
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.end_takers(error)

    # The parts

    async def _pause(self) -> None:
        """Let others run for a moment."""
        await asyncio.sleep(0)
        if self._closed is not None:
            raise self._closed

    def _reload(self) -> None:
        for _ in self._loading():
            pass

    def _loading(self) -> Iterator[None]:
        """Read the backlog from the store, with a pause after each piece.

        With ordering, all messages are in it, because each may wait for an earlier one. Without,
        those that were never delivered are read as they are needed.

        A clock that was set back between two runs makes no lease longer than one can be.
        """
        backlog = Backlog(self.backlog.rules)
        is_ordered = backlog.rules.is_ordered
        delivered = list(self._store.delivered(self.row.number))
        self._last_fresh = 0
        fresh = islice(self._fresh(), None if is_ordered else _WINDOW)
        for each in delivered:
            if each.is_leased:
                backlog.restore(each)
        waiting = (each for each in delivered if not each.is_leased)
        for count, each in enumerate(heapq.merge(waiting, fresh, key=_number), 1):
            backlog.restore(each)
            if count % _PIECE == 0:
                yield
        if is_ordered:
            for each in self._fresh():  # what came during the last pause
                backlog.restore(each)
        later = self._store.fresh(self.row.number, self._last_fresh, 1)
        self._has_more = next(later, None) is not None
        backlog.inherit(self.backlog)
        now_us = self._clock.now_us()  # may find that the clock was set back
        if self._set_back_us:
            backlog.clock_set_back(self._set_back_us)
            self._set_back_us = 0
        backlog.end_by(now_us + _LONGEST_US)
        self.backlog = backlog
        self._held_by = {
            number: name for number, name in self._held_by.items() if backlog.attempt(number)
        }

    def _fresh(self) -> Iterator[Delivery]:
        """Yield the messages after the last one that were never delivered, or came back."""
        while page := list(self._store.fresh(self.row.number, self._last_fresh, _PIECE)):
            for message in page:
                self._last_fresh = message.id
                yield Delivery(message)

    def _read_more(self) -> None:
        """Read the next messages from the store if the backlog runs low."""
        if self._has_more and self.backlog.ready_count < _WINDOW // 2:
            found = list(self._store.fresh(self.row.number, self._last_fresh, _WINDOW))
            self._has_more = len(found) == _WINDOW
            for message in found:
                self._add(message)

    def _add(self, message: Message) -> None:
        self._last_fresh = message.id
        self.backlog.add(message)

    def _has_room(self) -> bool:
        return self.backlog.rules.is_ordered or self.backlog.ready_count < _WINDOW

    def _wake(self) -> None:
        """Schedule one delivery that covers everything that happens before it."""
        if not self._is_waking and self._closed is None:
            self._is_waking = True
            asyncio.get_running_loop().call_soon(self._deliver)

    def _deliver(self) -> None:
        self._is_waking = False
        if self._closed is not None or self._rewriting.locked():
            return
        try:
            self._share()
            self._plan(self.backlog.due_us())
        except Exception as error:
            if not isinstance(error, Refusal):
                _LOG.exception("delivering messages of %s failed", self.name)
                self._reload()  # nobody got what was leased
            self.end_takers(
                error
                if isinstance(error, Refusal)
                else Refusal("INTERNAL", "Internal error encountered.")
            )
            self._plan(self._clock.now_us() + _AGAIN_US)

    def _share(self) -> None:
        now_us = self._clock.now_us()
        self.backlog.settle(now_us)
        self._read_more()
        batches = shared(self.backlog, self._takers, now_us)
        self._commit()
        for taker, batch in batches:
            if batch or not taker.waits:
                self._takers.remove(taker)
                if not taker.give(batch):
                    self.take_back(batch)
                    continue
                for lease in batch:
                    self._held_by[lease.message.id] = taker.poller.name
                    self._tell(
                        events.MessageTaken,
                        lease.message.id,
                        lease.failures + 1,
                        until_us=now_us + taker.lease_us,
                    )

    def _commit(self) -> None:
        """Write what changed; if that fails, go back to what is written.

        Raises:
            Refusal: nothing was changed.
        """
        changes, dead = self.backlog.changes(), self.backlog.dead_letters()
        failures = self.backlog.failures()
        if not changes:
            return
        try:
            self._write(self, changes, dead)
        except BaseException:
            self._reload()
            raise
        self._wake()
        for each in failures:
            self._tell(
                events.DeliveryFailed,
                each.message.id,
                each.attempt,
                is_given_back=each.is_given_back,
                again_us=each.again_us,
            )
            self._held_by.pop(each.message.id, None)

    def _tell(
        self, event: Callable[..., events.Event], message: int, attempt: int, **facts: object
    ) -> None:
        if self._emit is not None:
            told = event(
                time_us=self._clock.now_us(),
                subscription=self.name,
                message=str(message),
                attempt=attempt,
                max_attempts=self.backlog.rules.max_attempts,
                holder=self._held_by.get(message, ""),
                **facts,
            )
            self._emit(told)

    def _plan(self, when_us: int | None) -> None:
        """Deliver again at a moment, or earlier."""
        if when_us is None or (self._timer is not None and self._timer_us <= when_us):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_us = when_us
        self._timer = self._clock.call_at(when_us, self._due)

    def _due(self) -> None:
        self._timer = None
        self._wake()


def _number(delivery: Delivery) -> int:
    return delivery.message.id
