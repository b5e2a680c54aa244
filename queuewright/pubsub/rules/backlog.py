"""The messages of one subscription: leases, redelivery, ordering, dead letters.

Invariants:

1. A message is in exactly one state: *ready*, *leased*, *waiting* for its backoff to end, or
   *behind* an earlier message with the same ordering key.
2. A message is leased by at most one subscriber at a time. Until the lease ends, is given up or
   the message is acknowledged, it is not leased again.
3. Of the messages with one ordering key, only the first is ready, leased or waiting.
4. Each lease has its own delivery number, and only the latest one can change the message.
5. What a method changed is in `changes()` until it is taken. Written to a store and read back,
   it makes a backlog with the same leases and the same messages to deliver.

Time is only what the caller says it is. Call `settle` first: it ends the leases and backoffs that
are over.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from queuewright.pubsub.rules.backoff import backoff_us
from queuewright.pubsub.rules.flow import Outstanding


class Message(NamedTuple):
    """A message, as a backlog sees it."""

    id: int
    """Grows in the order in which messages were published."""
    size: int
    """Bytes of the content."""
    key: str = ""
    """The ordering key, "" for none."""
    before: int = 0
    """How often it was delivered before a seek brought it back."""


@dataclass(frozen=True)
class DeliveryRules:
    """A subscription's settings that decide about deliveries. The defaults are Pub/Sub's."""

    is_ordered: bool = False
    min_backoff_us: int = 0
    max_backoff_us: int = 0
    """Both 0: a failed message is delivered again at once."""
    max_attempts: int = 0
    """Failed deliveries after which a message becomes a dead letter; 0: never."""


class Delivery(NamedTuple):
    """A message's state in a subscription, as it is stored."""

    message: Message
    deliveries: int = 0
    """How often it was delivered; the number of the latest delivery."""
    failures: int = 0
    """How many deliveries were given up or ran out of time."""
    until_us: int = 0
    """When the lease ends. Without a lease: since when, or from when, it can be delivered."""
    is_leased: bool = False


class Lease(NamedTuple):
    """One delivery of a message to a subscriber."""

    message: Message
    delivery: int
    failures: int
    """Failed deliveries before this one."""


class Failure(NamedTuple):
    """A delivery that failed."""

    message: Message
    attempt: int
    """Its number: how many deliveries of the message have failed by now."""
    is_given_back: bool
    """The subscriber gave it back; otherwise the lease ended."""
    again_us: int | None
    """When the message can be delivered again; None: it is a dead letter."""


class Held(NamedTuple):
    """A message of a backlog, as people want to see it."""

    message: Message
    state: str
    """`ready`, `leased`, `waiting` for its backoff to end, or `behind` another message."""
    attempt: int
    """The number of its present or latest delivery; 0: it was not delivered yet."""
    until_us: int
    """When its lease or its backoff ends."""


class DeadLetter(NamedTuple):
    """A message that failed too often; it is no longer in the backlog."""

    message: Message
    failures: int


@dataclass
class Changes:
    """What has to be written: new states by message, and messages that are done."""

    changed: list[Delivery]
    done: list[int]

    def __bool__(self) -> bool:
        return bool(self.changed or self.done)


class _State(IntEnum):
    READY = 0
    LEASED = 1
    WAITING = 2
    BEHIND = 3


class _Entry:
    """A message that was delivered at least once."""

    __slots__ = ("deliveries", "failures", "holder", "message", "state", "timer_us", "until_us")

    def __init__(self, message: Message) -> None:
        self.message = message
        self.deliveries = 0
        self.failures = 0
        self.until_us = 0
        self.state = _State.READY
        self.holder = 0
        self.timer_us: int | None = None
        """The moment of the entry's timer in the heap."""


class Backlog:
    """The messages of one subscription that are not acknowledged.

    Args:
        rules: may be replaced at any time, except for `is_ordered`.
        deliveries: what was stored, in any order.
    """

    def __init__(self, rules: DeliveryRules, deliveries: Iterable[Delivery] = ()) -> None:
        self.rules = rules
        self._ready: deque[Message] = deque()
        """Messages that can be delivered, and some of `_removed`."""
        self._removed: set[int] = set()
        """Messages in `_ready` that are done."""
        self._entries: dict[int, _Entry] = {}
        """The messages that were delivered before. All others are ready or behind."""
        self._behind: dict[str, deque[Message] | None] = {}
        """By each key that has messages: those behind the first."""
        self._behind_count = 0
        self._timers: list[tuple[int, int]] = []
        """A heap of (moment, message) of leases and backoffs; stale timers stay in it."""
        self._holders: dict[int, Outstanding] = {}
        self._changed: dict[int, _Entry] = {}
        self._done: list[int] = []
        self._dead: list[DeadLetter] = []
        self._failures: list[Failure] = []
        for delivery in sorted(deliveries, key=lambda each: (not each.is_leased, each.message.id)):
            self.restore(delivery)

    def __len__(self) -> int:
        """Return the number of messages."""
        unready = (_State.LEASED, _State.WAITING)
        count = sum(entry.state in unready for entry in self._entries.values())
        return self.ready_count + count + self._behind_count

    @property
    def leased_count(self) -> int:
        """The number of messages that are leased."""
        return sum(entry.state is _State.LEASED for entry in self._entries.values())

    @property
    def ready_count(self) -> int:
        """The number of messages that can be delivered now."""
        return len(self._ready) - len(self._removed)

    def restore(self, delivery: Delivery) -> None:
        """Add a stored message: first those that are leased, then the others in order of id.

        A leased message is the first of its key, even if an older one came back by a seek.
        """
        message = delivery.message
        is_behind = self._is_behind(message)
        if not delivery.deliveries:
            if not is_behind:
                self._ready.append(message)
            return
        entry = self._entries[message.id] = _Entry(message)
        entry.deliveries = delivery.deliveries
        entry.failures = delivery.failures
        entry.until_us = delivery.until_us
        if is_behind:
            entry.state = _State.BEHIND
        else:
            entry.state = _State.LEASED if delivery.is_leased else _State.WAITING
            self._plan(entry)

    def inherit(self, former: Backlog) -> None:
        """Take over the holders of an earlier backlog, with the leases that are still there."""
        self._holders = {holder: Outstanding() for holder in former._holders}
        for number, entry in self._entries.items():
            before = former._entries.get(number)
            if before is not None and before.holder and before.deliveries == entry.deliveries:
                self._hold(entry, before.holder if entry.state is _State.LEASED else 0)

    def add(self, message: Message) -> None:
        """Add a message that was just published."""
        if not self._is_behind(message):
            self._ready.append(message)

    def settle(self, now_us: int) -> None:
        """End the leases and the backoffs that are over by now."""
        while self._timers and self._timers[0][0] <= now_us:
            when_us, number = heapq.heappop(self._timers)
            entry = self._entries.get(number)
            if entry is None or entry.timer_us != when_us:
                continue
            entry.timer_us = None
            if entry.until_us > when_us:
                self._plan(entry)
            elif entry.state is _State.LEASED:
                self._fail(entry, entry.until_us)
            elif entry.state is _State.WAITING:
                self._make_ready(entry)

    def clock_set_back(self, by_us: int) -> None:
        """Let leases and backoffs last as long as before, after time was set back."""
        self._timers = []
        for number, entry in self._entries.items():
            if entry.state in (_State.LEASED, _State.WAITING):
                entry.until_us -= by_us
                entry.timer_us = None
                self._plan(entry)
                self._changed[number] = entry

    def end_by(self, until_us: int) -> None:
        """Let no lease and no backoff end later."""
        for number, entry in self._entries.items():
            if entry.state in (_State.LEASED, _State.WAITING) and entry.until_us > until_us:
                entry.until_us = until_us
                self._plan(entry)
                self._changed[number] = entry

    def due_us(self) -> int | None:
        """Return when `settle` may have something to do, or None."""
        return self._timers[0][0] if self._timers else None

    def peek(self) -> Message | None:
        """Return the message that `lease` would deliver: the one that was ready first."""
        while self._ready:
            message = self._ready[0]
            if message.id not in self._removed:
                return message
            self._ready.popleft()
            self._removed.discard(message.id)
        return None

    def lease(self, until_us: int, holder: int = 0) -> Lease:
        """Deliver the message that `peek` returns.

        Args:
            until_us: when the lease ends.
            holder: the subscriber whose outstanding messages it counts among; 0 for none.
        """
        message = self.peek()
        if message is None:
            raise LookupError("no message is ready")
        self._ready.popleft()
        entry = self._entries.get(message.id)
        if entry is None:
            entry = self._entries[message.id] = _Entry(message)
            entry.deliveries = message.before
        entry.state = _State.LEASED
        entry.deliveries += 1
        entry.until_us = until_us
        self._hold(entry, holder)
        self._plan(entry)
        self._changed[message.id] = entry
        return Lease(message, entry.deliveries, entry.failures)

    def acknowledge(self, number: int, delivery: int) -> bool:
        """Remove a message for good; return whether it was there.

        A lease that has run out can still be acknowledged until the message is delivered again.
        """
        entry = self._entries.get(number)
        if entry is None or entry.deliveries != delivery or entry.state is _State.BEHIND:
            return False
        self._remove(entry)
        return True

    def extend(self, number: int, delivery: int, until_us: int) -> bool:
        """Let a lease end at another time; return whether it is the message's current lease."""
        entry = self._leased(number, delivery)
        if entry is None:
            return False
        entry.until_us = until_us
        self._plan(entry)
        self._changed[number] = entry
        return True

    def give_up(self, number: int, delivery: int, now_us: int) -> bool:
        """End a lease as failed; return whether it is the message's current lease."""
        entry = self._leased(number, delivery)
        if entry is None:
            return False
        self._fail(entry, now_us, is_given_back=True)
        return True

    def take_back(self, number: int, delivery: int, now_us: int) -> None:
        """End a lease that never reached its subscriber. It does not count as failed."""
        entry = self._leased(number, delivery)
        if entry is None:
            return
        self._let_go(entry)
        entry.until_us = now_us
        entry.state = _State.READY
        self._ready.appendleft(entry.message)
        self._changed[number] = entry

    def outstanding(self, holder: int) -> Outstanding:
        """Return what a subscriber holds."""
        return self._holders.setdefault(holder, Outstanding())

    def forget(self, holder: int) -> None:
        """Forget a subscriber that is gone. Its leases stay until they end."""
        self._holders.pop(holder, None)

    def changes(self) -> Changes:
        """Return what was changed since the last call, and forget it."""
        changed = [
            Delivery(
                entry.message,
                entry.deliveries,
                entry.failures,
                entry.until_us,
                entry.state is _State.LEASED,
            )
            for entry in self._changed.values()
        ]
        found = Changes(changed, self._done)
        self._changed, self._done = {}, []
        return found

    def dead_letters(self) -> list[DeadLetter]:
        """Return the dead letters since the last call, and forget them."""
        found, self._dead = self._dead, []
        return found

    def failures(self) -> list[Failure]:
        """Return the deliveries that failed since the last call, and forget them."""
        found, self._failures = self._failures, []
        return found

    def has_lease(self, number: int, delivery: int) -> bool:
        """Return whether a delivery is the message's current lease."""
        return self._leased(number, delivery) is not None

    def attempt(self, number: int) -> int:
        """Return the number of a message's present or latest delivery, 0 before the first."""
        entry = self._entries.get(number)
        return 0 if entry is None else _attempt(entry)

    def held(self, limit: int | None = None) -> list[Held]:
        """Return the oldest messages, oldest first; all without a limit."""
        if limit is None:
            return sorted(self._held(), key=_age)
        return heapq.nsmallest(limit, self._held(), key=_age)

    def _held(self) -> Iterator[Held]:
        """Yield all messages."""
        for entry in self._entries.values():
            state = entry.state.name.lower()
            yield Held(entry.message, state, _attempt(entry), entry.until_us)
        behind = (each for each in self._behind.values() if each is not None)
        for state, queues in (("ready", [self._ready]), ("behind", behind)):
            for queue in queues:
                for message in queue:
                    if message.id not in self._entries and message.id not in self._removed:
                        yield Held(message, state, 0, 0)

    # The parts of these decisions

    def _is_behind(self, message: Message) -> bool:
        """Put a message behind the first one of its key; return False if it is the first."""
        if not (self.rules.is_ordered and message.key):
            return False
        if message.key not in self._behind:
            self._behind[message.key] = None
            return False
        followers = self._behind[message.key]
        if followers is None:
            followers = self._behind[message.key] = deque()
        followers.append(message)
        self._behind_count += 1
        return True

    def _leased(self, number: int, delivery: int) -> _Entry | None:
        entry = self._entries.get(number)
        if entry is None or entry.deliveries != delivery or entry.state is not _State.LEASED:
            return None
        return entry

    def _fail(self, entry: _Entry, at_us: int, *, is_given_back: bool = False) -> None:
        self._let_go(entry)
        entry.failures += 1
        rules = self.rules
        if rules.max_attempts and entry.failures >= rules.max_attempts:
            self._dead.append(DeadLetter(entry.message, entry.failures))
            self._failures.append(Failure(entry.message, entry.failures, is_given_back, None))
            self._remove(entry)
            return
        wait_us = backoff_us(entry.failures, rules.min_backoff_us, rules.max_backoff_us)
        entry.until_us = at_us + wait_us
        failure = Failure(entry.message, entry.failures, is_given_back, entry.until_us)
        self._failures.append(failure)
        self._changed[entry.message.id] = entry
        if wait_us:
            entry.state = _State.WAITING
            self._plan(entry)
        else:
            self._make_ready(entry)

    def _make_ready(self, entry: _Entry) -> None:
        entry.state = _State.READY
        self._ready.append(entry.message)

    def _remove(self, entry: _Entry) -> None:
        message = entry.message
        if entry.state is _State.LEASED:
            self._let_go(entry)
        elif entry.state is _State.READY:
            self._removed.add(message.id)
        del self._entries[message.id]
        self._changed.pop(message.id, None)
        self._done.append(message.id)
        if self.rules.is_ordered and message.key:
            self._move_up(message.key)

    def _move_up(self, key: str) -> None:
        """Make the next message of a key ready, now that the first one is done."""
        followers = self._behind[key]
        if followers:
            self._behind_count -= 1
            message = followers.popleft()
            self._ready.append(message)
            if (entry := self._entries.get(message.id)) is not None:
                entry.state = _State.READY
        else:
            del self._behind[key]

    def _hold(self, entry: _Entry, holder: int) -> None:
        entry.holder = holder
        if holder:
            held = self.outstanding(holder)
            held.messages += 1
            held.size += entry.message.size

    def _let_go(self, entry: _Entry) -> None:
        held = self._holders.get(entry.holder)
        if held is not None:
            held.messages -= 1
            held.size -= entry.message.size
        entry.holder = 0

    def _plan(self, entry: _Entry) -> None:
        """Make sure that a timer of the entry is in the heap, at its moment or earlier."""
        if entry.timer_us is None or entry.until_us < entry.timer_us:
            entry.timer_us = entry.until_us
            heapq.heappush(self._timers, (entry.until_us, entry.message.id))


def _age(held: Held) -> int:
    return held.message.id


def _attempt(entry: _Entry) -> int:
    return entry.failures + (entry.state is _State.LEASED)
