"""Turns events into the rows to write: one batch, one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from queuewright.engine import NO_ATTEMPT, events
from queuewright.history.bounds import ATTEMPTS_PER_TASK, BUCKET_US
from queuewright.history.content import written_headers
from queuewright.history.inbox import CreatedByHandler, Item, PrintedLine
from queuewright.history.known import Key, Known
from queuewright.history.reasons import end_reason, wait_reason
from queuewright.history.records import State

Row = list[object]
"""A row in the order of its table's columns."""

STATE, ENDED, END_US, ATTEMPTS, RESULT, TARGET, WHY, CREATOR, PARENT, PARENT_NAME, SIZE, CONTENT = (
    range(4, 16)
)
"""The places of columns in a row of `task`."""

CREATED, TRIED, FINISHED, RETRIED, FAILED = range(5)
"""The places in the counts of a bucket."""

_TRIM_EVERY: Final = 20


@dataclass
class Batch:
    """The rows of some events. What it adds to `known` holds once the rows are written.

    Args:
        known: what is in the file.
        look_up: returns the number of a task in the file that `known` has forgotten, or None.
    """

    known: Known
    look_up: Callable[[Key], int | None]
    queues: list[tuple[int, str]] = field(default_factory=list)
    tasks: dict[int, Row] = field(default_factory=dict)
    """New and changed tasks, by number."""
    late: list[tuple[int, int, int]] = field(default_factory=list)
    """(attempts, result, number) of tasks that ended before their last attempt did."""
    attempts: list[tuple[object, ...]] = field(default_factory=list)
    lines: list[tuple[object, ...]] = field(default_factory=list)
    buckets: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    """The counts to add, by the queue's number and the bucket's start."""
    long_stories: set[int] = field(default_factory=set)
    """The numbers of tasks that may have more attempts than are kept."""

    def add(self, item: Item) -> None:
        """Add what an event says."""
        match item:
            case events.AttemptEnded():
                self._attempt_ended(item)
            case events.TaskCreated():
                self._count(item.queue, item.time_us, CREATED)
            case CreatedByHandler():
                self._created(item)
            case PrintedLine():
                self._printed(item)
            case events.TaskDeleted():
                count, content = item.dispatch_count, item.content
                self._ended(item, "deleted", count, content, item.target_address, "")
            case events.TaskExpired():
                count, content = item.dispatch_count, item.content
                self._ended(item, "expired", count, content, "", item.message)
            case events.QueuePurged():
                self._emptied(item, "its queue was purged")
            case events.QueueDeleted():
                self._emptied(item, "its queue was deleted")

    def _attempt_ended(self, event: events.AttemptEnded) -> None:
        outcome, key = event.outcome, (event.task, event.create_us)
        reason = ""
        if outcome == "succeeded" or outcome == "gave_up":
            is_failure = outcome == "gave_up"
            if is_failure:
                reason = end_reason(event.retry, event.ended_attempts)
            content = event.content
            number, ended = self.known.end(
                key, event.queue, "failed" if is_failure else "finished", len(content)
            )
            row = self._row(number, key, event.queue)
            row[STATE] = "failed" if is_failure else "finished"
            row[ENDED], row[END_US] = ended, event.time_us
            row[WHY], row[SIZE], row[CONTENT] = reason, len(content), content
        elif outcome == "deleted":
            number = self._ended_before(event, key)
            row = None
        else:
            found = self.known.number(key)
            number = self.known.begin(key, event.queue) if found is None else found
            row = self._row(number, key, event.queue)
            if outcome == "will_retry":
                reason = wait_reason(event.retry, event.ended_attempts, by_hand=event.by_hand)
        if row is not None:
            row[ATTEMPTS], row[TARGET] = event.ended_attempts, event.target_address
            row[RESULT] = event.result or row[RESULT]  # an interrupted attempt has none
        body = event.excerpt.body
        self.attempts.append(
            (
                number,
                event.attempt,
                event.max_attempts,
                event.schedule_us,
                event.dispatch_us,
                event.duration_us,
                outcome,
                event.result,
                event.message,
                event.target_address,
                event.by_hand,
                event.next_retry_us,
                reason,
                written_headers(event.excerpt.headers),
                event.excerpt.is_cut,
                len(body) + len(event.message),
                body,
            )
        )
        self.known.attempts.add(1, len(body) + len(event.message))
        if event.ended_attempts > ATTEMPTS_PER_TASK and event.ended_attempts % _TRIM_EVERY == 0:
            self.long_stories.add(number)
        if outcome != "interrupted":
            counts = self._counts(event.queue, event.time_us)
            counts[TRIED] += 1
            if outcome != "deleted":
                counts[_KINDS[outcome]] += 1

    def _ended_before(self, event: events.AttemptEnded, key: Key) -> int:
        """Return the number of a task that was deleted or finished during this attempt."""
        number = self.known.number(key) or self.look_up(key)
        if number is None:  # it ended when nobody noticed, as in a purge before its first result
            number, ended = self.known.end(key, event.queue, "purged", 0)
            row = self._row(number, key, event.queue)
            row[STATE], row[ENDED], row[END_US] = "purged", ended, event.time_us
            row[WHY] = "it was deleted during its attempt"
            row[TARGET] = event.target_address
        self.late.append((event.ended_attempts, event.result, number))
        return number

    def _created(self, item: CreatedByHandler) -> None:
        event = item.event
        self._count(event.queue, event.time_us, CREATED)
        key = event.task, event.create_us
        if self.known.number(key) is not None:  # its first attempt was faster
            return
        row = self._row(self.known.begin(key, event.queue), key, event.queue)
        row[CREATOR], row[TARGET] = event.creator, event.target_address
        if item.parent is not None:
            row[PARENT] = self._seen(item.parent)
            row[PARENT_NAME] = item.parent.task

    def _printed(self, line: PrintedLine) -> None:
        size = len(line.text)
        number = self._seen(line.attempt)
        self.lines.append(
            (number, line.attempt.attempt, line.time_us, line.certainty, size, line.text)
        )
        self.known.lines.add(1, size)

    def _seen(self, attempt: events.AttemptStarted) -> int:
        """Return the number of a task that an attempt was made of."""
        key = attempt.task, attempt.create_us
        number = self.known.number(key) or self.look_up(key)
        if number is None:
            number = self.known.begin(key, attempt.queue)
            row = self._row(number, key, attempt.queue)
            row[TARGET] = attempt.target_address
        return number

    def _ended(
        self,
        event: events.TaskDeleted | events.TaskExpired,
        state: State,
        attempts: int,
        content: bytes,
        target: str,
        why: str,
    ) -> None:
        key = event.task, event.create_us
        number, ended = self.known.end(key, event.queue, state, len(content))
        row = self._row(number, key, event.queue)
        row[STATE], row[ENDED], row[END_US] = state, ended, event.time_us
        row[ATTEMPTS], row[WHY], row[SIZE], row[CONTENT] = attempts, why, len(content), content
        if target:
            row[TARGET] = target

    def _emptied(self, event: events.QueuePurged | events.QueueDeleted, why: str) -> None:
        """End the tasks of a queue that have attempts; of the others, nothing is known."""
        prefix = f"{event.queue}/tasks/"
        gone = [key for key in self.known.unfinished if key[0].startswith(prefix)]
        for key in gone:
            number, ended = self.known.end(key, event.queue, "purged", 0)
            row = self._row(number, key, event.queue)
            row[STATE], row[ENDED], row[END_US] = "purged", ended, event.time_us
            row[WHY] = why

    def _row(self, number: int, key: Key, queue: str) -> Row:
        """Return the row of a task in this batch.

        Of a task that is in the file already, `CREATOR` and `PARENT` stay as they are, and so do
        `ATTEMPTS`, `RESULT` and `TARGET` where the row has the values that it begins with.
        """
        row = self.tasks.get(number)
        if row is None:
            name, create_us = key
            row = self.tasks[number] = [
                number,
                self._queue(queue),
                name[len(queue) + 7 :],  # after `/tasks/`
                create_us,
                "unfinished",
                None,
                None,
                0,
                NO_ATTEMPT,
                "",
                "",
                "",
                None,
                "",
                0,
                None,
            ]
        return row

    def _queue(self, name: str) -> int:
        number = self.known.queues.get(name)
        if number is None:
            number = self.known.queues[name] = max(self.known.queues.values(), default=0) + 1
            self.queues.append((number, name))
        return number

    def _count(self, queue: str, time_us: int, what: int) -> None:
        self._counts(queue, time_us)[what] += 1

    def _counts(self, queue: str, time_us: int) -> list[int]:
        place = self._queue(queue), time_us - time_us % BUCKET_US
        counts = self.buckets.get(place)
        if counts is None:
            counts = self.buckets[place] = [0, 0, 0, 0, 0]
        return counts


_KINDS: Final = {"succeeded": FINISHED, "will_retry": RETRIED, "gave_up": FAILED}
