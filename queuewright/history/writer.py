"""The thread that writes the history: all that waits, in one transaction, some times a second.

It never stops the engine: what cannot be written is dropped, counted, and reported once.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from queuewright.history.batch import Batch
from queuewright.history.file import UnusableError, connected, in_memory, is_damage, set_aside
from queuewright.history.inbox import Inbox, Item
from queuewright.history.known import Key, Known
from queuewright.history.statements import write
from queuewright.history.trim import Bounds, trim

_LOG: Final = logging.getLogger(__name__)

GATHER_S: Final = 0.2
"""How long events gather before they are written."""
_MOST: Final = 4_000
"""Events in one transaction."""


class Writer:
    """Writes what an inbox has.

    Args:
        inbox: what waits.
        folder: where the file is; None keeps the history in memory.
        report: gets a sentence about each trouble, in the writer's thread.
        limits: how much is kept.
    """

    def __init__(
        self, inbox: Inbox, folder: Path | None, report: Callable[[str], None], limits: Bounds
    ) -> None:
        self._inbox = inbox
        self._folder = folder
        self._report = report
        self._limits = limits
        self.lock = threading.Lock()
        """Held while the history is written, set aside or closed."""
        self.database: sqlite3.Connection | None = None
        self.known: Known | None = None
        """What is in the file; None before it is open, and while it cannot be used."""
        self.openings = 0
        """How often a file was opened: a new one is another one for readers."""
        self._hurry = threading.Event()
        self._round = threading.Condition()
        self._asked = self._done = 0
        """The rounds of writing that `flush` has asked for, and those that are done."""
        self._is_closing = self._is_closed = False
        self._lost = 0
        """Events that could not be written since the trouble began."""
        self._is_failing = False
        self._told_dropped = 0
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def flush(self, timeout_s: float) -> bool:
        """Write all that waits; return whether that was done in time."""
        with self._round:
            self._asked += 1
            wanted = self._asked
        self._hurry.set()
        self._inbox.wake()
        with self._round:
            return self._round.wait_for(lambda: self._done >= wanted or self._is_closed, timeout_s)

    def close(self, timeout_s: float) -> None:
        """Write what waits, as far as there is time for it, and close the file."""
        self._is_closing = True
        self._hurry.set()
        self._inbox.wake()
        self._thread.join(timeout_s)

    def give_up_file(self, reason: str) -> None:
        """Begin a new file: a reader has found that this one is damaged."""
        with self.lock:
            self._set_aside(reason)

    def _run(self) -> None:
        with self.lock:
            self._open()
        while not self._is_closed:
            self._inbox.wait()
            self._hurry.wait(GATHER_S)
            self._hurry.clear()
            with self._round:
                asked, is_closing = self._asked, self._is_closing
            while items := self._inbox.take(_MOST):
                with self.lock:
                    self._write(items)
            self._tell_dropped()
            if is_closing:
                with self.lock:
                    self._close()
            with self._round:
                self._done, self._is_closed = asked, is_closing
                self._round.notify_all()

    def _open(self) -> bool:
        """Open the file if it is not open; return whether it is."""
        try:
            if self.database is None:
                if self._folder is None:
                    self.database = in_memory()
                else:
                    self.database, word = connected(self._folder)
                    if word is not None:
                        self._report(word)
                self.openings += 1
            if self.known is None:
                self.known = Known.loaded(self.database)
        except (UnusableError, sqlite3.Error) as error:
            self._fail(error)
            return False
        return True

    def _write(self, items: list[Item]) -> None:
        if not self._open():
            self._lost += len(items)
            return
        database, known = self.database, self.known
        assert database is not None
        assert known is not None
        batch = Batch(known, partial(_number, database, known))
        try:
            database.execute("BEGIN IMMEDIATE")
            for item in items:
                batch.add(item)
            write(database, batch)
            trim(database, batch, self._limits)
            database.execute("COMMIT")
        except Exception as error:
            with suppress(sqlite3.Error):
                database.execute("ROLLBACK")
            self.known = None  # it counts what was not written
            self._lost += len(items)
            if not isinstance(error, sqlite3.Error):
                _LOG.exception("writing the history failed in the history itself")
            self._fail(error)
            return
        if self._is_failing:
            self._is_failing = False
            self._report(f"the history is written again; {_missing(self._lost)} missing in it")
        self._lost = 0

    def _fail(self, error: Exception) -> None:
        """Report trouble, once until something was written again."""
        if isinstance(error, sqlite3.Error) and is_damage(error):
            self._set_aside(str(error))
        elif not self._is_failing:
            self._is_failing = True
            self._report(f"the history cannot be written: {error}; everything else goes on")

    def _set_aside(self, reason: str) -> None:
        """Rename a damaged file, and begin a new one with the next events."""
        self._close()
        if self._folder is None:
            return
        with suppress(OSError):
            self._report(f"the history is damaged: {reason}; {set_aside(self._folder)}")

    def _close(self) -> None:
        database, self.database, self.known = self.database, None, None
        if database is not None:
            with suppress(sqlite3.Error):
                database.close()

    def _tell_dropped(self) -> None:
        dropped = self._inbox.dropped
        if dropped > self._told_dropped:
            more = dropped - self._told_dropped
            self._report(f"{_missing(more)} missing in the history: too much came at once")
            self._told_dropped = dropped


def _missing(events: int) -> str:
    return "1 event is" if events == 1 else f"{events:,} events are"


def _number(database: sqlite3.Connection, known: Known, key: Key) -> int | None:
    """Return the number of a task in the file, or None."""
    name, create_us = key
    queue, _, task_id = name.rpartition("/tasks/")
    found = database.execute(
        "SELECT id FROM task WHERE queue = ? AND name = ? AND create_us = ? ORDER BY id DESC",
        (known.queues.get(queue), task_id, create_us),
    ).fetchone()
    return None if found is None else int(found[0])
