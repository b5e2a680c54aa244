"""The store: every statement that reads or writes the state.

The writes of a call are committed before the call returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from queuewright.pubsub.protocol.messages import Subscription, Topic
from queuewright.pubsub.rules.backlog import Changes, Delivery, Message
from queuewright.pubsub.state.file import opened_state
from queuewright.pubsub.state.rows import Publication, SubscriptionRow, TopicRow

_ID_BLOCK: Final = 100_000
"""Numbers are reserved in the file in blocks, so that none is ever used twice."""

_PIECE: Final = 250
"""Messages that are rewritten before the event loop gets a turn; a piece takes a few
milliseconds."""

_WAITING, _LEASED, _ACKNOWLEDGED, _BACK = range(4)
"""A delivery's state. `_BACK` is that of a message that a seek brought back."""


class Store:
    """Reads and writes the state.

    Args:
        folder: the folder of the state file. None uses a temporary state.

    Raises:
        TargetError: the state can't be used; see `state_file.opened`.
    """

    def __init__(self, folder: Path | None) -> None:
        self._state = opened_state(folder)
        self._database = self._state.database
        found = self._database.execute("SELECT value FROM fact WHERE key = 'next_id'").fetchone()
        self._next_id = self._reserved_id = int(found[0]) if found else 1

    def close(self) -> None:
        """Close the state."""
        self._state.close()

    def on_write(self, callback: Callable[[], None] | None) -> None:
        """Call back after every write. None: no longer."""
        self._state.on_write = callback

    def checkpoint(self) -> bool:
        """Move the log into the file; see `StateFile.checkpoint`."""
        return self._state.checkpoint()

    def shrink(self, most: int) -> int:
        """Give up to `most` free pages back to the disk; see `StateFile.shrink`."""
        return self._state.shrink(most)

    def new_id(self) -> int:
        """Return the next free number, for a topic, subscription or message."""
        if self._next_id >= self._reserved_id:
            reserved = self._next_id + _ID_BLOCK
            with self._state.transaction() as database:
                database.execute("REPLACE INTO fact VALUES ('next_id', ?)", (reserved,))
            self._reserved_id = reserved
        self._next_id += 1
        return self._next_id - 1

    def was_given(self, number: int) -> bool:
        """Return whether `new_id` may have returned this number."""
        return 0 < number < self._next_id

    # Topics and subscriptions

    def topics(self) -> list[TopicRow]:
        """Return all topics."""
        rows = self._database.execute("SELECT number, config FROM topic")
        return [TopicRow(number, Topic.FromString(config)) for number, config in rows]

    def save_topic(self, row: TopicRow) -> None:
        """Write a new or changed topic."""
        with self._state.transaction() as database:
            database.execute(
                "REPLACE INTO topic VALUES (?, ?, ?)",
                (row.number, row.config.name, row.config.SerializeToString()),
            )

    def delete_topic(self, number: int, subscriptions: Sequence[SubscriptionRow]) -> None:
        """Delete a topic, and write its subscriptions, which stay without one."""
        with self._state.transaction() as database:
            database.execute("DELETE FROM topic WHERE number = ?", (number,))
            database.executemany(_SAVE_SUBSCRIPTION, map(_values, subscriptions))

    def subscriptions(self) -> list[SubscriptionRow]:
        """Return all subscriptions."""
        rows = self._database.execute("SELECT number, topic, config FROM subscription")
        return [
            SubscriptionRow(number, topic, Subscription.FromString(config))
            for number, topic, config in rows
        ]

    def save_subscription(self, row: SubscriptionRow) -> None:
        """Write a new or changed subscription."""
        with self._state.transaction() as database:
            database.execute(_SAVE_SUBSCRIPTION, _values(row))

    def renumber(self, row: SubscriptionRow) -> SubscriptionRow:
        """Give a subscription a new number, and so no messages; return its row.

        Those of the old number are dead: see `dead_subscriptions`.
        """
        renumbered = SubscriptionRow(self.new_id(), row.topic, row.config)
        self.save_subscription(renumbered)  # its name is unique, so the old row goes
        return renumbered

    def delete_subscription(self, number: int) -> None:
        """Delete a subscription. Its messages are dead: see `dead_subscriptions`."""
        with self._state.transaction() as database:
            database.execute("DELETE FROM subscription WHERE number = ?", (number,))

    # Messages

    def publish(self, publications: Sequence[Publication]) -> None:
        """Store new messages, all or none."""
        with self._state.transaction():
            self._insert(publications)

    def write(
        self,
        subscription: int,
        changes: Changes,
        *,
        retain: bool = False,
        dead_letters: Sequence[Publication] = (),
    ) -> None:
        """Write the changes of a subscription's backlog, and publish its dead letters.

        Args:
            subscription: its number.
            changes: what changed.
            retain: whether messages that are done are kept for a seek.
            dead_letters: the messages that take the place of dead ones.
        """
        leased = [
            (
                each.deliveries,
                each.failures,
                each.until_us,
                _LEASED if each.is_leased else _WAITING,
                subscription,
                each.message.id,
            )
            for each in changes.changed
        ]
        done = [(subscription, number) for number in changes.done]

        def write() -> None:
            self._database.executemany(_SAVE_DELIVERY, leased)
            self._database.executemany(_KEEP_DONE if retain else _DELETE_DONE, done)
            self._insert(dead_letters)

        self._state.commit(write)

    def delivered(self, subscription: int) -> Iterator[Delivery]:
        """Yield the messages of a subscription that were delivered, in the order of their ids.

        Those that are acknowledged or that a seek brought back are left out.
        """
        rows = self._database.execute(
            "SELECT message, size, ordering_key, deliveries, failures, until_us, state"
            " FROM delivery WHERE subscription = ? AND deliveries > 0"
            f" AND state IN ({_WAITING}, {_LEASED}) ORDER BY message",
            (subscription,),
        )
        for number, size, key, deliveries, failures, until_us, state in rows:
            message = Message(number, size, key)
            yield Delivery(message, deliveries, failures, until_us, state == _LEASED)

    def fresh(self, subscription: int, after: int, limit: int | None) -> Iterator[Message]:
        """Yield the messages of a subscription that are new or came back, oldest first.

        Args:
            subscription: its number.
            after: only messages with larger ids.
            limit: the most messages; None for all.
        """
        rows = self._database.execute(
            f"SELECT message, size, ordering_key, deliveries {_FRESH} ORDER BY message LIMIT ?",
            (subscription, after, -1 if limit is None else limit),
        )
        return map(Message._make, rows)

    def fresh_count(self, subscription: int, after: int) -> int:
        """Return how many messages `fresh` has."""
        found = self._database.execute(f"SELECT count(*) {_FRESH}", (subscription, after))
        count: int = found.fetchone()[0]
        return count

    def contents(self, numbers: Iterable[int]) -> list[bytes | None]:
        """Return the serialized `PubsubMessage` of each number, None if it is gone.

        Raises:
            Refusal: DATA_LOSS if the file is damaged.
        """
        found: list[bytes | None] = []
        for number in numbers:
            rows = self._state.rows("SELECT content FROM content WHERE id = ?", (number,))
            found.append(rows[0][0] if rows else None)
        return found

    def seek(self, subscription: int, time_us: int, now_us: int, *, retain: bool) -> Iterator[int]:
        """Make earlier messages acknowledged, and later ones unacknowledged, piece by piece.

        Messages that are published in between stay as they are.

        Args:
            subscription: its number.
            time_us: messages published before it are acknowledged. A time that is not in the past
                takes all messages.
            now_us: the present.
            retain: whether acknowledged messages are kept.

        Yields:
            The number of messages of each piece, when it is written.
        """
        before_us = time_us if time_us < now_us else now_us + 1
        after, last = 0, self._next_id - 1
        while rows := self._deliveries(subscription, after, last):
            after = rows[-1][0]
            done = [number for number, publish_us, _ in rows if publish_us < before_us]
            back = [
                number
                for number, publish_us, state in rows
                if publish_us >= before_us and state == _ACKNOWLEDGED
            ]
            with self._state.transaction() as database:
                database.executemany(
                    _KEEP_DONE if retain else _DELETE_DONE,
                    [(subscription, number) for number in done],
                )
                database.executemany(
                    f"UPDATE delivery SET state = {_BACK}, failures = 0"
                    " WHERE subscription = ? AND message = ?",
                    [(subscription, number) for number in back],
                )
            yield len(rows)

    def oldest_us(self, subscription: int) -> int | None:
        """Return when the oldest message that is kept for a subscription was published."""
        row = self._database.execute(
            "SELECT publish_us FROM message WHERE id ="
            " (SELECT min(message) FROM delivery WHERE subscription = ?)",
            (subscription,),
        ).fetchone()
        return None if row is None else int(row[0])

    def drop_old(self, subscription: int, before_us: int) -> Iterator[int]:
        """Delete a subscription's messages that were published up to a moment, piece by piece.

        Yields:
            The number of messages of each piece, when it is written.
        """
        while rows := self._deliveries(subscription, 0, self._next_id):
            old = [(subscription, number) for number, when_us, _ in rows if when_us <= before_us]
            if old:
                with self._state.transaction() as database:
                    database.executemany(_DELETE_DONE, old)
                yield len(old)
            if len(old) < len(rows):
                return

    def dead_subscriptions(self) -> list[int]:
        """Return the numbers under which messages are stored and no subscription."""
        return [number for (number,) in self._database.execute(_DEAD_SUBSCRIPTIONS)]

    def sweep(self, dead: int) -> Iterator[int]:
        """Delete what is stored under a number, piece by piece; yield as `drop_old`."""
        while rows := self._deliveries(dead, 0, self._next_id):
            with self._state.transaction() as database:
                database.executemany(_DELETE_DONE, [(dead, number) for number, _, _ in rows])
            yield len(rows)

    def _deliveries(self, subscription: int, after: int, last: int) -> list[tuple[int, int, int]]:
        """Return a piece of a subscription's messages: their ids, publish times and states."""
        return self._database.execute(
            "SELECT message, publish_us, state FROM delivery JOIN message ON id = message"
            " WHERE subscription = ? AND message > ? AND message <= ? ORDER BY message LIMIT ?",
            (subscription, after, last, _PIECE),
        ).fetchall()

    def _insert(self, publications: Sequence[Publication]) -> None:
        """Insert messages with their deliveries; those without a subscription are dropped."""
        kept = [each for each in publications if each.subscriptions]
        self._database.executemany(
            "INSERT INTO message VALUES (?, ?, ?)",
            [(each.message.id, each.publish_us, len(each.subscriptions)) for each in kept],
        )
        self._database.executemany(
            "INSERT INTO content VALUES (?, ?)", [(each.message.id, each.content) for each in kept]
        )
        self._database.executemany(
            f"INSERT INTO delivery VALUES (?, ?, ?, ?, 0, 0, ?, {_WAITING})",
            [
                (number, each.message.id, each.message.size, each.message.key, each.publish_us)
                for each in kept
                for number in each.subscriptions
            ],
        )


_FRESH: Final = (
    "FROM delivery WHERE subscription = ? AND message > ?"
    f" AND (deliveries = 0 AND state = {_WAITING} OR state = {_BACK})"
)

_DEAD_SUBSCRIPTIONS: Final = """
WITH RECURSIVE found (number) AS (
    SELECT min(subscription) FROM delivery
    UNION ALL
    SELECT (SELECT min(subscription) FROM delivery WHERE subscription > found.number)
        FROM found WHERE found.number IS NOT NULL
)
SELECT number FROM found WHERE number NOT IN (SELECT number FROM subscription)
"""
"""Steps from number to number in the index, instead of reading all of it."""

_SAVE_DELIVERY: Final = (
    "UPDATE delivery SET deliveries = ?, failures = ?, until_us = ?, state = ?"
    " WHERE subscription = ? AND message = ?"
)
_KEEP_DONE: Final = (
    f"UPDATE delivery SET state = {_ACKNOWLEDGED} WHERE subscription = ? AND message = ?"
)
_DELETE_DONE: Final = "DELETE FROM delivery WHERE subscription = ? AND message = ?"
_SAVE_SUBSCRIPTION: Final = "REPLACE INTO subscription VALUES (?, ?, ?, ?)"


def _values(row: SubscriptionRow) -> tuple[object, ...]:
    return (row.number, row.config.name, row.topic, row.config.SerializeToString())
