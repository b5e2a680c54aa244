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
from queuewright.history.reasons import dead_letter_reason, end_reason, wait_reason
from queuewright.history.records import State

Row = list[object]
"""A row in the order of its table's columns."""

STATE, ENDED, END_US, ATTEMPTS, RESULT, TARGET, WHY, CREATOR, PARENT, PARENT_NAME, LAST = range(
    4, 15
)
"""The places of columns in a row of `task`; at `LAST`, those of its last attempt begin."""
SIZE, BODY, CONTENT = range(23, 26)
_NO_ATTEMPT: Final = (None,) * (SIZE - LAST)

CREATED, TRIED, FINISHED, RETRIED, FAILED = range(5)
"""The places in the counts of a bucket."""

_TRIM_EVERY: Final = 20
_NO_BUCKET: Final[tuple[int, list[int]]] = (-BUCKET_US, [])


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
    _latest: dict[str, tuple[int, list[int]]] = field(default_factory=dict)
    """The latest bucket of each queue: its start and its counts."""
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
        outcome = event.outcome
        counts = self._counts(event.queue, event.time_us)
        if outcome != "interrupted":
            counts[TRIED] += 1
        if outcome == "succeeded":
            buried = dead_letter_reason(event.excerpt.body)
            counts[FAILED if buried else FINISHED] += 1
            self._finished(event, "failed" if buried else "finished", buried)
        elif outcome == "gave_up":
            counts[FAILED] += 1
            self._finished(event, "failed", end_reason(event.retry, event.ended_attempts))
        elif outcome == "deleted":
            self._attempt(event, self._ended_before(event), "")
        elif outcome == "will_retry":
            counts[RETRIED] += 1
            reason = wait_reason(event.retry, event.ended_attempts, by_hand=event.by_hand)
            self._attempt(event, self._unfinished(event), reason)
        else:
            self._attempt(event, self._unfinished(event), "")

    def _finished(self, event: events.AttemptEnded, state: State, why: str) -> None:
        """End a task by its last attempt."""
        task, queue, content = event.task, event.queue, event.content
        key = task, event.create_us
        headers, body, is_cut = event.excerpt
        size = len(content) + len(body)
        number, ended, is_new = self.known.end(key, queue, state, size)
        end: Row = [
            state,
            ended,
            event.time_us,
            event.ended_attempts,
            event.result,
            event.target_address,
            why,
        ]
        last: Row = [
            event.attempt,
            event.max_attempts,
            event.schedule_us,
            event.dispatch_us,
            event.duration_us,
            event.message,
            event.by_hand,
            written_headers(headers),
            is_cut,
            size,
            body,
            content,
        ]
        if is_new:  # as most are: it is made in one piece
            task_id = task[len(queue) + 7 :]  # after `/tasks/`
            first = number, self._queue(queue), task_id, event.create_us
            self.tasks[number] = [*first, *end, "", None, "", *last]
        else:
            row = self._row(number, key, queue)
            row[STATE : WHY + 1], row[LAST:] = end, last

    def _attempt(self, event: events.AttemptEnded, number: int, reason: str) -> None:
        """Add an attempt that did not end its task."""
        headers, body, is_cut = event.excerpt
        size = len(body) + len(event.message)
        self.attempts.append(
            (
                number,
                event.attempt,
                event.max_attempts,
                event.schedule_us,
                event.dispatch_us,
                event.duration_us,
                event.outcome,
                event.result,
                event.message,
                event.target_address,
                event.by_hand,
                event.next_retry_us,
                reason,
                written_headers(headers),
                is_cut,
                size,
                body,
            )
        )
        self.known.attempts.add(1, size)
        if event.ended_attempts > ATTEMPTS_PER_TASK and event.ended_attempts % _TRIM_EVERY == 0:
            self.long_stories.add(number)

    def _unfinished(self, event: events.AttemptEnded) -> int:
        """Note an attempt after which the task stays in its queue."""
        key = event.task, event.create_us
        number = self.known.number(key)
        if number is None:
            number = self.known.begin(key, event.queue)
        row = self._row(number, key, event.queue)
        row[ATTEMPTS], row[TARGET] = event.ended_attempts, event.target_address
        row[RESULT] = event.result or row[RESULT]  # an interrupted attempt has none
        return number

    def _ended_before(self, event: events.AttemptEnded) -> int:
        """Return the number of a task that was deleted or finished during this attempt."""
        key = event.task, event.create_us
        number = self.known.number(key) or self.look_up(key)
        if number is None:  # it ended when nobody noticed, as in a purge before its first result
            number, ended, _ = self.known.end(key, event.queue, "purged", 0)
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
        number, ended, _ = self.known.end(key, event.queue, state, len(content))
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
            number, ended, _ = self.known.end(key, event.queue, "purged", 0)
            row = self._row(number, key, event.queue)
            row[STATE], row[ENDED], row[END_US] = "purged", ended, event.time_us
            row[WHY] = why

    def _row(self, number: int, key: Key, queue: str) -> Row:
        """Return the row of a task in this batch.

        Of a task that is in the file already, `CREATOR` and its parent stay as they are, and so do
        `ATTEMPTS`, `RESULT` and `TARGET` where the row has the values that it begins with.
        """
        return self.tasks.get(number) or self._new_row(number, key, queue)

    def _new_row(self, number: int, key: Key, queue: str) -> Row:
        name, create_us = key
        row = self.tasks[number] = [
            *(number, self._queue(queue), name[len(queue) + 7 :], create_us),  # after `/tasks/`
            *("unfinished", None, None, 0, NO_ATTEMPT, "", "", "", None, ""),
            *_NO_ATTEMPT,
            *(0, None, None),
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
        """Return the counts of the bucket of a moment."""
        start_us, counts = self._latest.get(queue, _NO_BUCKET)
        if not 0 <= time_us - start_us < BUCKET_US:
            start_us = time_us - time_us % BUCKET_US
            place = self._queue(queue), start_us
            counts = self.buckets.setdefault(place, [0, 0, 0, 0, 0])
            self._latest[queue] = start_us, counts
        return counts
