"""Reads and writes an open state file."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filelock import FileLock

from queuewright.errors import Refusal
from queuewright.state_file.kind import StateRefusals

_PAGES_KEPT_FREE: Final = 256

_PRIMARY_CODE: Final = 0xFF
_OF_THE_DISK: Final = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
)

Row = tuple[Any, ...]


@dataclass
class StateFile:
    """An open state: the database, and the lock that keeps other processes out."""

    database: sqlite3.Connection
    path: Path | None
    """None for a temporary state."""
    _refusals: StateRefusals
    _lock: FileLock | None = None

    def __post_init__(self) -> None:
        self._inode = None if self.path is None else self.path.stat().st_ino
        self.on_write: Callable[[], None] | None = None
        """Called after every commit."""

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit the writes of the block, all or none.

        Raises:
            Refusal: nothing was written. RESOURCE_EXHAUSTED if the disk is full,
                FAILED_PRECONDITION if the file was deleted.
        """
        self._check_place()
        try:
            self.database.execute("BEGIN")
            yield self.database
            self.database.execute("COMMIT")
        except BaseException as error:
            if self.database.in_transaction:
                self.database.execute("ROLLBACK")
            self._refuse_without_room(error)
            raise
        if self.on_write is not None:
            self.on_write()

    def commit(self, write: Callable[[], None]) -> None:
        """Commit the writes of a function, all or none, on a full disk too if possible.

        The log can't grow then, but it can be used again from its start once it is in the file.
        What is new is not stored this way, so that the changes which make room find some.

        Raises:
            Refusal: as `transaction`.
        """
        try:
            with self.transaction():
                write()
        except Refusal as refusal:
            if refusal.code != "RESOURCE_EXHAUSTED" or not self.checkpoint():
                raise
            with self.transaction():
                write()

    def write(self, statement: str, values: Sequence[object]) -> None:
        """Commit the write of one statement.

        Raises:
            Refusal: as `transaction`.
        """
        self._check_place()
        try:
            self.database.execute(statement, values)
        except sqlite3.OperationalError as error:
            self._refuse_without_room(error)
            raise
        if self.on_write is not None:
            self.on_write()

    def checkpoint(self) -> bool:
        """Move the log into the file, so that the file alone holds everything.

        The log keeps its size and is used again from its start: that leaves room for small changes
        on a full disk. Returns whether everything was moved; without a disk there is nothing to do.
        """
        if self.path is None:
            return False
        try:
            busy, frames, moved = self.database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error:
            return False
        return not busy and frames == moved

    def shrink(self, most: int) -> int:
        """Give up to `most` free pages back to the disk; return how many.

        Some are kept for what is new: a quarter of the file, and a megabyte. The file is shorter
        after the next checkpoint. A large file of an earlier queuewright can't shrink.

        Raises:
            Refusal: as `transaction`.
        """
        free = number(self.database, "freelist_count")
        kept = max(_PAGES_KEPT_FREE, number(self.database, "page_count") // 4)
        if self.path is None or free <= kept:
            return 0
        self._check_place()
        try:
            # `execute` would make only the first step.
            self.database.executescript(f"PRAGMA incremental_vacuum({min(most, free - kept)})")
        except sqlite3.OperationalError as error:
            self._refuse_without_room(error)
            raise
        if self.on_write is not None:
            self.on_write()
        return free - number(self.database, "freelist_count")

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Return the rows of a query.

        Raises:
            Refusal: DATA_LOSS if the file is damaged.
        """
        try:
            return self.database.execute(statement, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._refusals.unreadable(str(error)) from error

    def _refuse_without_room(self, error: BaseException) -> None:
        if isinstance(error, sqlite3.OperationalError) and is_of_the_disk(error):
            raise self._refusals.full(self.path, str(error)) from error

    def _check_place(self) -> None:
        """Refuse writes to a deleted file: they would be lost when this process ends."""
        if self.path is None:
            return
        try:
            inode = os.stat(self.path).st_ino  # noqa: PTH116 - cheaper, before every write
        except (FileNotFoundError, NotADirectoryError):
            inode = None
        if inode != self._inode:
            raise self._refusals.missing(self.path)

    def close(self) -> None:
        """Move the log into the file, close it and release the lock."""
        if self.path is not None:
            with contextlib.suppress(sqlite3.Error):
                self.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.database.close()
        if self._lock is not None:
            self._lock.release()


def is_of_the_disk(error: sqlite3.OperationalError) -> bool:
    """Return whether the error is the disk's and not the file's."""
    return error.sqlite_errorcode & _PRIMARY_CODE in _OF_THE_DISK


def number(database: sqlite3.Connection, pragma: str) -> int:
    """Return the value of a pragma."""
    value: int = database.execute(f"PRAGMA {pragma}").fetchone()[0]
    return value
