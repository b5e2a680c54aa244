"""Opens and locks a state file.

Nothing is opened for writing before the lock, the header and the structure have been checked.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from queuewright.errors import TargetError
from queuewright.state_file.checks import (
    check_header,
    check_log,
    check_no_log,
    check_structure,
    sound,
)
from queuewright.state_file.file import StateFile, number
from queuewright.state_file.kind import StateKind

_PAGES_TO_REWRITE: Final = 4_096
"""A file with no more than 16 MiB in use is rewritten in a fraction of a second."""


def opened(folder: Path | None, kind: StateKind) -> StateFile:
    """Open the state in a folder, which is created if needed. None opens a temporary state.

    A temporary state is in memory while it is small, then in an unnamed temporary file, so memory
    does not limit its size.

    Raises:
        TargetError: the folder can't be used, another process uses it, or its file is damaged,
            foreign or of another version.
    """
    if folder is None:
        database = sqlite3.connect("", isolation_level=None)
        database.execute("PRAGMA synchronous = OFF")
        database.execute(f"PRAGMA cache_size = -{kind.cache_kib}")
        _create(database, kind)
        database.executescript(kind.shorthand)
        return StateFile(database, None, kind.refusals)
    path = folder / kind.file_name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _locked(folder, kind)
    except OSError as error:
        raise TargetError(
            f"the state folder `{folder}` cannot be used: {error.strerror or error}",
            hint="choose a folder that is writable",
        ) from error
    try:
        return StateFile(_database(path, kind), path, kind.refusals, lock)
    except BaseException:
        lock.release()
        raise


def _locked(folder: Path, kind: StateKind) -> FileLock:
    """Lock the folder for this process. The lock ends with the process, even if it is killed."""
    lock, holder = FileLock(folder / f"{kind.lock_name}.lock"), folder / f"{kind.lock_name}.pid"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        process = _first_line(holder) or "unknown"
        raise TargetError(
            f"the state folder `{folder}` is in use by {kind.another} (process {process})",
            hint=f"stop it (`kill {process}`), or use another folder",
        ) from None
    try:
        holder.write_text(f"{os.getpid()}\n", encoding="utf-8")
    except BaseException:
        lock.release()
        raise
    return lock


def _first_line(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").partition("\n")[0]
    except OSError:
        return ""


def _database(path: Path, kind: StateKind) -> sqlite3.Connection:
    with sound(path, kind):
        if path.exists() and path.stat().st_size > 0:
            check_header(path, kind)
            check_log(path, kind)
            check_structure(path, kind)
        else:
            check_no_log(path)
            _create_file(path, kind)
        database = sqlite3.connect(path, isolation_level=None)
        try:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute("PRAGMA journal_mode = WAL")
            # A commit has reached the operating system when it returns, so it survives the death of
            # this process. Only a power cut can lose the latest commits.
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute("PRAGMA wal_autocheckpoint = 4000")
            database.execute(f"PRAGMA cache_size = -{kind.cache_kib}")
            database.execute("PRAGMA temp_store = MEMORY")
            _complete(database, kind)
            database.executescript(kind.shorthand)
        except BaseException:
            database.close()
            raise
        return database


def _create_file(path: Path, kind: StateKind) -> None:
    """Create the file with its tables. A crash leaves no file, or the whole one."""
    real = path.resolve()
    new = real.with_name(f"{real.name}-new")
    for leftover in (new, Path(f"{new}-journal")):
        leftover.unlink(missing_ok=True)
    database = sqlite3.connect(new, isolation_level=None)
    try:
        database.execute("PRAGMA auto_vacuum = INCREMENTAL")  # see `StateFile.shrink`
        _create(database, kind)
    finally:
        database.close()
    new.replace(real)


def _create(database: sqlite3.Connection, kind: StateKind) -> None:
    database.executescript(
        f"BEGIN; {kind.schema} PRAGMA application_id = {kind.application_id};"
        f"PRAGMA user_version = {kind.version}; COMMIT;"
    )


def _complete(database: sqlite3.Connection, kind: StateKind) -> None:
    """Add what files of the same version may lack because an earlier queuewright made them."""
    kind.complete(database)
    pages = number(database, "page_count") - number(database, "freelist_count")
    if not number(database, "auto_vacuum") and pages <= _PAGES_TO_REWRITE:
        with contextlib.suppress(sqlite3.OperationalError):  # without room, it stays as it is
            database.executescript("PRAGMA auto_vacuum = INCREMENTAL; VACUUM")
