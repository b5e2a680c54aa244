"""The history of an engine: takes its events, and answers what happened."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, Final, ParamSpec, Self, TypeVar

from queuewright.engine import Event, events
from queuewright.errors import TargetError
from queuewright.history import reader
from queuewright.history.bounds import LONGEST_LINE
from queuewright.history.file import is_damage, reading
from queuewright.history.inbox import CreatedByHandler, Inbox, PrintedLine
from queuewright.history.lines import assigned
from queuewright.history.records import (
    ENDS,
    AttemptRecord,
    Bucket,
    State,
    TaskContent,
    TaskHistory,
    TaskRecord,
)
from queuewright.history.running import RunningAttempts
from queuewright.history.trim import DEFAULT, Bounds
from queuewright.history.writer import Writer

_FLUSH_S: Final = 2.0
"""How long a reader waits for the newest events."""
_CLOSE_S: Final = 5.0
_MOST_OF_A_NAME: Final = 20

P = ParamSpec("P")
T = TypeVar("T")


class History:
    """What happened in an engine: attempts, and tasks that are gone.

    ::

        history = History.opened(folder)
        engine = Engine(state=folder, on_event=history.record)
        ...
        await asyncio.to_thread(history.task, name)
        ...
        history.close()

    `record`, `printed`, `attempt`, `running` and `counts` belong on the engine's event loop and
    never wait. The other methods read the file, so call them in a thread. They see all that was
    recorded before.

    Args:
        folder: where its file is kept; None keeps it in memory.
        report: gets a sentence about each trouble, in another thread. No trouble is an error.
        limits: how much is kept.
    """

    def __init__(
        self,
        folder: Path | None,
        report: Callable[[str], None] = lambda _: None,
        limits: Bounds = DEFAULT,
    ) -> None:
        self.working_on: Callable[[str], events.AttemptStarted | None] = lambda _: None
        """Returns the attempt that a handler works on, by its label (`Caller.label`), if that is
        certain: it made what the handler creates."""
        self._folder = folder
        self._inbox = Inbox()
        self._writer = Writer(self._inbox, folder, report, limits)
        self._running = RunningAttempts()
        self._takers: dict[type[Event], Callable[[Any], None]] = {
            events.AttemptStarted: self._running.started,
            events.AttemptEnded: self._attempt_ended,
            events.TaskCreated: self._created,
            events.TaskDeleted: self._gone,
            events.TaskExpired: self._gone,
            events.QueuePurged: self._emptied,
            events.QueueDeleted: self._emptied,
        }
        self._database: sqlite3.Connection | None = None
        self._opening = 0
        self._reading = threading.Lock()

    @classmethod
    def opened(
        cls,
        folder: Path | None,
        report: Callable[[str], None] = lambda _: None,
        limits: Bounds = DEFAULT,
    ) -> Self:
        """Return a history that writes. Its file is opened by the thread that writes it."""
        history = cls(folder, report, limits)
        history._writer.start()
        return history

    def close(self) -> None:
        """Write what waits, and close the file. What cannot be written in time is lost."""
        self._writer.close(_CLOSE_S)
        with self._reading:
            self._close_reader()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # On the event loop

    def record(self, event: Event) -> None:
        """Take an event of the engine."""
        take = self._takers.get(type(event))
        if take is not None:
            take(event)

    def printed(
        self, line: str, time_us: int, during: Sequence[events.AttemptStarted | None]
    ) -> None:
        """Take a log line of a handler.

        Args:
            line: the line.
            time_us: when it arrived.
            during: the requests that its process works on; None is one that is no attempt.
        """
        for attempt, certainty in assigned(line, during):
            if self._running.may_print(attempt):
                text = line[:LONGEST_LINE]
                self._inbox.put(PrintedLine(attempt, time_us, text, certainty), len(text))

    def attempt(self, task: str, attempt: int) -> events.AttemptStarted | None:
        """Return an attempt that runs, by the task's full name and its number."""
        return self._running.find(task, attempt)

    def running(self, task: str | None = None) -> list[AttemptRecord]:
        """Return the attempts that run, the longest-running first: of a task, or all."""
        return self._running.records(task)

    @property
    def counts(self) -> dict[tuple[str, State], int]:
        """How many tasks of each queue are in the history, by the queue's full name and state.

        They are counted when tasks are written, so this costs nothing. A moment old.
        """
        known = self._writer.known
        if known is None:
            return {}
        return {place: total.rows for place, total in list(known.tasks.items())}

    # In a thread

    def task(self, name: str) -> TaskHistory:
        """Return all that is known about the latest task of a name.

        Args:
            name: the task's full name.

        Raises:
            TargetError: the history cannot be read.
        """
        records = self._read(reader.named, name, _MOST_OF_A_NAME)
        latest = records[0] if records else None
        running = tuple(self.running(name))
        if latest is None:
            return TaskHistory(record=None, content=None, attempts=running, children=(), earlier=())
        return TaskHistory(
            record=latest,
            content=self._read(reader.content, latest.number),
            attempts=tuple(self._read(reader.attempts, latest, running)),
            children=tuple(self._read(reader.children, latest.number)),
            earlier=tuple(records[1:]),
        )

    def attempts(self, record: TaskRecord) -> list[AttemptRecord]:
        """Return the attempts of a task that have ended, oldest first, with their log lines.

        Raises:
            TargetError: the history cannot be read.
        """
        return self._read(reader.attempts, record)

    def content(self, number: int) -> TaskContent | None:
        """Return what a task that is gone has sent, by its number; None if that is forgotten.

        Raises:
            TargetError: the history cannot be read.
        """
        return self._read(reader.content, number)

    def tasks(
        self,
        queue: str,
        states: Collection[State] = ENDS,
        *,
        text: str = "",
        before: int | None = None,
        limit: int = 50,
    ) -> list[TaskRecord]:
        """Return tasks of a queue that are gone, the latest first.

        Args:
            queue: the queue's full name. It need not exist any more.
            states: which tasks.
            text: only tasks with this in their id, headers or body.
            before: the `order` of the last task of the page before; None: the first page.
            limit: how many at most.

        Raises:
            TargetError: the history cannot be read.
        """
        return self._read(reader.tasks, queue, states, text, before, limit)

    def buckets(self, queue: str, since_us: int) -> list[Bucket]:
        """Return what happened in a queue since a moment, in buckets of `BUCKET_US`, oldest first.

        Buckets in which nothing happened are left out. An hour is kept.

        Raises:
            TargetError: the history cannot be read.
        """
        return self._read(reader.buckets, queue, since_us)

    def flush(self) -> bool:
        """Wait until all that was recorded is written; return whether it is, within 2 s."""
        return self._writer.flush(_FLUSH_S)

    def _attempt_ended(self, event: events.AttemptEnded) -> None:
        more = self._running.ended(event)
        if more is not None:
            self._inbox.put(more, 0)
        self._inbox.put(event, len(event.content) + len(event.excerpt.body))

    def _created(self, event: events.TaskCreated) -> None:
        if event.creator:
            parent = self.working_on(event.creator)
            self._inbox.put(CreatedByHandler(event, parent), 0)
        else:
            self._inbox.put(event, 0)

    def _gone(self, event: events.TaskDeleted | events.TaskExpired) -> None:
        self._inbox.put(event, len(event.content))

    def _emptied(self, event: events.QueuePurged | events.QueueDeleted) -> None:
        self._inbox.put(event, 0)

    def _read(
        self, query: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kw: P.kwargs
    ) -> T:
        self.flush()
        try:
            if self._folder is None:
                with self._writer.lock:
                    if self._writer.database is None:
                        raise TargetError("the history is closed")
                    return query(self._writer.database, *args, **kw)
            with self._reading:
                return query(self._reader(self._folder), *args, **kw)
        except sqlite3.Error as error:
            if is_damage(error):
                self._writer.give_up_file(str(error))
            raise TargetError(f"the history cannot be read: {error}") from error

    def _reader(self, folder: Path) -> sqlite3.Connection:
        if self._database is None or self._opening != self._writer.openings:
            self._close_reader()
            self._opening = self._writer.openings
            self._database = reading(folder)
        return self._database

    def _close_reader(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            with suppress(sqlite3.Error):
                database.close()
