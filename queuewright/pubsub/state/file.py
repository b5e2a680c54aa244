"""Opens the state file, and refuses a damaged or foreign one.

SQLite's own lock keeps other processes out: it is exclusive, and ends with the process.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from queuewright.errors import TargetError
from queuewright.pubsub.protocol import refusals

FILE_NAME: Final = "pubsub.sqlite"
APPLICATION_ID: Final = 0x71777073  # "qwps", in the file's header (sqlite.org/fileformat.html)
VERSION: Final = 1

_PRIMARY_CODE: Final = 0xFF
_OF_THE_DISK: Final = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
)

_SCHEMA: Final = """
CREATE TABLE fact (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE topic (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, config BLOB NOT NULL);
CREATE TABLE subscription (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, topic INTEGER NOT NULL,
    config BLOB NOT NULL
);
CREATE TABLE message (
    id INTEGER PRIMARY KEY, publish_us INTEGER NOT NULL, subscriptions INTEGER NOT NULL
);
CREATE TABLE content (id INTEGER PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE delivery (
    subscription INTEGER NOT NULL, message INTEGER NOT NULL, size INTEGER NOT NULL,
    ordering_key TEXT NOT NULL, deliveries INTEGER NOT NULL, failures INTEGER NOT NULL,
    until_us INTEGER NOT NULL, state INTEGER NOT NULL,
    PRIMARY KEY (subscription, message)
) WITHOUT ROWID;
CREATE TRIGGER delivery_done AFTER DELETE ON delivery BEGIN
    DELETE FROM content WHERE id = OLD.message
        AND (SELECT subscriptions FROM message WHERE id = OLD.message) = 1;
    DELETE FROM message WHERE id = OLD.message AND subscriptions = 1;
    UPDATE message SET subscriptions = subscriptions - 1 WHERE id = OLD.message;
END;
"""
"""A message is deleted together with the last delivery of it."""


@dataclass
class StateFile:
    """An open state."""

    database: sqlite3.Connection
    path: Path | None

    def __post_init__(self) -> None:
        self._inode = None if self.path is None else self.path.stat().st_ino

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
            if isinstance(error, sqlite3.OperationalError) and _is_of_the_disk(error):
                raise refusals.state_full(str(error)) from error
            raise

    def close(self) -> None:
        """Move the log into the file, and close it."""
        if self.path is not None:
            with contextlib.suppress(sqlite3.Error):
                self.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.database.close()

    def _check_place(self) -> None:
        """Refuse writes to a deleted file: they would be lost when this process ends."""
        if self.path is None:
            return
        try:
            inode = os.stat(self.path).st_ino  # noqa: PTH116 - cheaper, before every write
        except (FileNotFoundError, NotADirectoryError):
            inode = None
        if inode != self._inode:
            raise refusals.state_missing(self.path)


def opened(folder: Path | None) -> StateFile:
    """Open the state in a folder, which is created if needed. None opens a temporary state.

    A temporary state is in memory while it is small, then in an unnamed temporary file.

    Raises:
        TargetError: the folder can't be used, another process uses it, or its file is damaged,
            foreign or of another version.
    """
    if folder is None:
        database = sqlite3.connect("", isolation_level=None)
        database.execute("PRAGMA synchronous = OFF")
        database.execute("PRAGMA cache_size = -4096")
        _create(database)
        return StateFile(database, None)
    path = folder / FILE_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        exists = path.exists() and path.stat().st_size > 0
        if exists:
            _check_header(path)
        return StateFile(_database(path, exists), path)
    except OSError as error:
        raise TargetError(
            f"the state file `{path}` cannot be used: {error.strerror or error}",
            hint="choose a folder that is writable",
        ) from error
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & _PRIMARY_CODE == sqlite3.SQLITE_BUSY:
            raise TargetError(
                f"the state file `{path}` is in use by another process",
                hint="stop it, or use another folder",
            ) from error
        if not _is_of_the_disk(error):
            raise _refused(path, f"is damaged ({error})") from error
        raise TargetError(
            f"the state file `{path}` cannot be used now: {error}; it was left as it is",
            hint="free space on its disk, or make it writable, and start again",
        ) from error
    except sqlite3.DatabaseError as error:
        raise _refused(path, f"is damaged ({error})") from error


def _database(path: Path, exists: bool) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, timeout=0)
    try:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = WAL")
        # A commit has reached the operating system when it returns, so it survives the death of
        # this process. Only a power cut can lose the latest commits.
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA wal_autocheckpoint = 4000")
        database.execute("PRAGMA cache_size = -4096")
        database.execute("PRAGMA temp_store = MEMORY")
        if not exists:
            _create(database)
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the header is read from the file
        found = database.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise _refused(path, f"is damaged ({found.splitlines()[-1]})")
        database.execute("BEGIN IMMEDIATE")
        database.execute("COMMIT")
    except BaseException:
        database.close()
        raise
    return database


def _create(database: sqlite3.Connection) -> None:
    database.executescript(
        f"BEGIN; {_SCHEMA} PRAGMA application_id = {APPLICATION_ID};"
        f"PRAGMA user_version = {VERSION}; COMMIT;"
    )


def _check_header(path: Path) -> None:
    with path.open("rb") as file:
        header = file.read(100)
    version = int.from_bytes(header[60:64], "big")
    if not header.startswith(b"SQLite format 3\0"):
        raise _refused(path, "is not a state file")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise _refused(path, "is the database of another program")
    if version != VERSION:
        raise _refused(
            path,
            f"has version {version} of the state, and this queuewright reads version {VERSION}",
        )


def _is_of_the_disk(error: sqlite3.OperationalError) -> bool:
    """Return whether the error is the disk's and not the file's."""
    return error.sqlite_errorcode & _PRIMARY_CODE in _OF_THE_DISK


def _refused(path: Path, what: str) -> TargetError:
    return TargetError(
        f"the state file `{path}` {what}; it was left as it is",
        hint="move it away to start with an empty state, or use another state folder",
    )
