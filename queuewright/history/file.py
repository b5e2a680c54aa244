"""Opens the history's file; a damaged or foreign one is set aside, and a new one is begun.

The history is a convenience: whatever its file is like, the engine runs.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

FILE_NAME: Final = "history.sqlite"
SET_ASIDE: Final = "history.sqlite.damaged"

APPLICATION_ID: Final = 0x71776873  # "qwhs", in the file's header (sqlite.org/fileformat.html)
VERSION: Final = 1

_PRIMARY_CODE: Final = 0xFF
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

_SCHEMA: Final = """
-- A task that ended by an attempt has that attempt in its own row, from `attempt` to `body`: most
-- tasks have one attempt, and so they need one row.
CREATE TABLE queue (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE task (
    id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, name TEXT NOT NULL, create_us INTEGER NOT NULL,
    state TEXT NOT NULL, ended INTEGER, end_us INTEGER, attempts INTEGER NOT NULL,
    result INTEGER NOT NULL, target TEXT NOT NULL, why TEXT NOT NULL, creator TEXT NOT NULL,
    parent INTEGER, parent_name TEXT NOT NULL,
    attempt INTEGER, max_attempts INTEGER, schedule_us INTEGER, start_us INTEGER,
    duration_us INTEGER, message TEXT, by_hand INTEGER, headers TEXT, is_cut INTEGER,
    size INTEGER NOT NULL, body BLOB, content BLOB
);
CREATE INDEX task_by_name ON task (queue, name);
CREATE INDEX task_by_end ON task (queue, state, ended);
CREATE INDEX task_by_parent ON task (parent) WHERE parent IS NOT NULL;
CREATE TABLE attempt (
    id INTEGER PRIMARY KEY, task INTEGER NOT NULL, attempt INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL, schedule_us INTEGER NOT NULL, start_us INTEGER NOT NULL,
    duration_us INTEGER, outcome TEXT NOT NULL, result INTEGER NOT NULL, message TEXT NOT NULL,
    target TEXT NOT NULL, by_hand INTEGER NOT NULL, next_us INTEGER, reason TEXT NOT NULL,
    headers TEXT NOT NULL, is_cut INTEGER NOT NULL, size INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE INDEX attempt_by_task ON attempt (task);
CREATE TABLE line (
    id INTEGER PRIMARY KEY, task INTEGER NOT NULL, attempt INTEGER NOT NULL,
    time_us INTEGER NOT NULL, certainty TEXT NOT NULL, size INTEGER NOT NULL, text TEXT NOT NULL
);
CREATE INDEX line_by_task ON line (task);
CREATE TABLE bucket (
    queue INTEGER NOT NULL, start_us INTEGER NOT NULL, created INTEGER NOT NULL,
    attempts INTEGER NOT NULL, finished INTEGER NOT NULL, retried INTEGER NOT NULL,
    failed INTEGER NOT NULL, PRIMARY KEY (queue, start_us)
) WITHOUT ROWID;
"""


class UnusableError(Exception):
    """The file cannot be used, though it is not damaged: a full disk, a missing right."""


def connected(folder: Path) -> tuple[sqlite3.Connection, str | None]:
    """Open the history in a folder; return it, and a word about a file that was set aside.

    Raises:
        UnusableError: it cannot be opened or created.
    """
    path = folder / FILE_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            return _opened(path), None
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            word = f"the history is damaged: {error}; {set_aside(folder)}"
            return _opened(path), word
    except (OSError, sqlite3.Error) as error:
        raise UnusableError(str(error)) from error


def in_memory() -> sqlite3.Connection:
    """Return a history that lasts as long as the connection.

    It is in memory while it is small, then in an unnamed temporary file.
    """
    database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA synchronous = OFF")
    database.executescript(_SCHEMA)
    return database


def reading(folder: Path) -> sqlite3.Connection:
    """Return a connection that only reads."""
    uri = f"{(folder / FILE_NAME).absolute().as_uri()}?mode=ro"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether an error says that the file itself is wrong."""
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, ForeignFileError) or (
        code is not None and code & _PRIMARY_CODE in _DAMAGED
    )


class ForeignFileError(sqlite3.DatabaseError):
    """The file is a database, but not a history that this version can read."""


def set_aside(folder: Path) -> str:
    """Rename the file, so that a new one can be begun, and return what was done.

    A file that was set aside before is replaced.
    """
    for end in ("-wal", "-shm"):
        with suppress(OSError):
            (folder / f"{FILE_NAME}{end}").unlink(missing_ok=True)
    (folder / FILE_NAME).replace(folder / SET_ASIDE)
    return f"the file is now `{folder / SET_ASIDE}`, and a new history begins"


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        known, version = _number(database, "application_id"), _number(database, "user_version")
        is_new = not known and not _number(database, "schema_version")
        if not is_new and (known, version) != (APPLICATION_ID, VERSION):
            raise ForeignFileError(f"it is of another program or version: {known:#x}, {version}")
        database.execute("PRAGMA journal_mode = WAL")
        # The history survives the death of this process; a power cut may cost the last moments.
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA temp_store = MEMORY")
        database.execute("PRAGMA cache_size = -16384")
        if is_new:
            database.executescript(
                f"BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"
                f"{_SCHEMA} COMMIT;"
            )
    except BaseException:
        database.close()
        raise
    return database


def _number(database: sqlite3.Connection, pragma: str) -> int:
    found = database.execute(f"PRAGMA {pragma}").fetchone()
    return int(found[0])
