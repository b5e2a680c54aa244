"""Opens and locks the state file, and refuses a damaged or foreign one.

A refused file is left unchanged, byte for byte: nothing is opened for writing before the lock, the
header and the structure have been checked.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout
from google.protobuf.message import DecodeError

from queuewright.engine.protocol import refusals
from queuewright.engine.protocol.messages import Policy, Queue
from queuewright.engine.state.log_check import HEADER_BYTES, damage
from queuewright.errors import Refusal, TargetError
from queuewright.terminal import shell_word

FILE_NAME: Final = "tasks.sqlite"
LOCK_NAME: Final = "engine.lock"
HOLDER_NAME: Final = "engine.pid"
"""The file with the id of the process that holds the lock."""

APPLICATION_ID: Final = 0x71777467  # "qwtg", in the file's header (sqlite.org/fileformat.html)
VERSION: Final = 1

_PAGES_KEPT_FREE: Final = 256
_PAGES_TO_REWRITE: Final = 4_096
"""A file with no more than 16 MiB in use is rewritten in a fraction of a second."""

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
CREATE TABLE queue (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, config BLOB NOT NULL,
    policy BLOB NOT NULL, purged_id INTEGER NOT NULL, task_ttl_us INTEGER,
    tombstone_ttl_us INTEGER, burst INTEGER
);
CREATE TABLE task (
    id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, name TEXT, schedule_us INTEGER NOT NULL,
    create_us INTEGER NOT NULL, dispatches INTEGER NOT NULL DEFAULT 0,
    responses INTEGER NOT NULL DEFAULT 0, executions INTEGER NOT NULL DEFAULT 0,
    previous INTEGER NOT NULL DEFAULT 0, first_dispatch_us INTEGER, last_schedule_us INTEGER,
    last_dispatch_us INTEGER, last_response_us INTEGER, tag TEXT
);
CREATE INDEX task_by_queue ON task (queue);
CREATE UNIQUE INDEX task_by_name ON task (queue, name) WHERE name IS NOT NULL;
CREATE TABLE content (id INTEGER PRIMARY KEY, task BLOB NOT NULL);
CREATE TABLE task_tombstone (
    queue INTEGER NOT NULL, name TEXT NOT NULL, until_us INTEGER NOT NULL,
    PRIMARY KEY (queue, name)
) WITHOUT ROWID;
CREATE INDEX task_tombstone_by_end ON task_tombstone (until_us);
CREATE TABLE queue_tombstone (name TEXT PRIMARY KEY, until_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE operation (
    request TEXT PRIMARY KEY, operation BLOB NOT NULL, until_us INTEGER NOT NULL, queue INTEGER
) WITHOUT ROWID;
"""

_PULL_INDEXES: Final = """
CREATE INDEX pull_task_by_time ON task (queue, schedule_us) WHERE tag IS NOT NULL;
CREATE INDEX pull_task_by_tag ON task (queue, tag, schedule_us) WHERE tag IS NOT NULL;
"""
"""Find the tasks to lease next. A push task has no tag; a pull task without one has the tag ""."""

_SHORTHAND: Final = """
CREATE TEMP VIEW new_task AS SELECT id, queue, name, schedule_us, create_us, NULL AS content
    FROM task;
CREATE TEMP TRIGGER new_task_kept INSTEAD OF INSERT ON new_task BEGIN
    INSERT INTO task (id, queue, name, schedule_us, create_us)
        VALUES (NEW.id, NEW.queue, NEW.name, NEW.schedule_us, NEW.create_us);
    INSERT INTO content VALUES (NEW.id, NEW.content);
END;
"""
"""Lets a single statement store a new task, so that no transaction around it is needed."""


Row = tuple[Any, ...]


@dataclass
class StateFile:
    """An open state: the database, and the lock that keeps other engines out."""

    database: sqlite3.Connection
    path: Path | None
    _lock: FileLock | None

    def __post_init__(self) -> None:
        self._inode = None if self.path is None else self.path.stat().st_ino
        self.on_write: Callable[[], None] | None = None
        """Called after every commit."""

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit the writes of the block, all or none.

        Raises:
            Refusal: nothing was written. RESOURCE_EXHAUSTED if the disk is full,
                FAILED_PRECONDITION if the file was deleted.
        """
        self._check_place()
        try:
            self.database.execute("BEGIN")
            yield
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
        New tasks are not stored this way, so that the changes which make room find some.

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

        Some are kept for new tasks: a quarter of the file, and a megabyte. The file is shorter
        after the next checkpoint. A large file of an earlier queuewright can't shrink.

        Raises:
            Refusal: as `transaction`.
        """
        free = _number(self.database, "freelist_count")
        kept = max(_PAGES_KEPT_FREE, _number(self.database, "page_count") // 4)
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
        return free - _number(self.database, "freelist_count")

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Return the rows of a query.

        Raises:
            Refusal: DATA_LOSS if the file is damaged.
        """
        try:
            return self.database.execute(statement, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise refusals.state_unreadable(str(error)) from error

    def _refuse_without_room(self, error: BaseException) -> None:
        if isinstance(error, sqlite3.OperationalError) and _is_of_the_disk(error):
            raise refusals.state_full(self.path, str(error)) from error

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

    def close(self) -> None:
        """Move the log into the file, close it and release the lock."""
        if self.path is not None:
            with contextlib.suppress(sqlite3.Error):
                self.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.database.close()
        if self._lock is not None:
            self._lock.release()


def opened(folder: Path | None) -> StateFile:
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
        database.execute("PRAGMA cache_size = -65536")
        _create(database)
        database.executescript(_SHORTHAND)
        return StateFile(database, None, None)
    path = folder / FILE_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _locked(folder)
    except OSError as error:
        raise TargetError(
            f"the state folder `{folder}` cannot be used: {error.strerror or error}",
            hint="choose a folder that is writable",
        ) from error
    try:
        return StateFile(_database(path), path, lock)
    except BaseException:
        lock.release()
        raise


def _locked(folder: Path) -> FileLock:
    """Lock the folder for this process. The lock ends with the process, even if it is killed."""
    lock, holder = FileLock(folder / LOCK_NAME), folder / HOLDER_NAME
    try:
        lock.acquire(timeout=0)
    except Timeout:
        process = _first_line(holder) or "unknown"
        raise TargetError(
            f"the state folder `{folder}` is in use by another engine (process {process})",
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


def _database(path: Path) -> sqlite3.Connection:
    with _sound(path):
        if path.exists() and path.stat().st_size > 0:
            _check_header(path)
            _check_log(path)
            _check_structure(path)
        else:
            _check_no_log(path)
            _create_file(path)
        database = sqlite3.connect(path, isolation_level=None)
        try:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute("PRAGMA journal_mode = WAL")
            # A commit has reached the operating system when it returns, so it survives the death of
            # this process. Only a power cut can lose the latest commits.
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute("PRAGMA wal_autocheckpoint = 4000")
            database.execute("PRAGMA cache_size = -65536")
            database.execute("PRAGMA temp_store = MEMORY")
            _complete(database)
            database.executescript(_SHORTHAND)
        except BaseException:
            database.close()
            raise
        return database


def _is_of_the_disk(error: sqlite3.OperationalError) -> bool:
    """Return whether the error is the disk's and not the file's."""
    return error.sqlite_errorcode & _PRIMARY_CODE in _OF_THE_DISK


def _create_file(path: Path) -> None:
    """Create the file with its tables. A crash leaves no file, or the whole one."""
    real = path.resolve()
    new = real.with_name(f"{real.name}-new")
    for leftover in (new, Path(f"{new}-journal")):
        leftover.unlink(missing_ok=True)
    database = sqlite3.connect(new, isolation_level=None)
    try:
        database.execute("PRAGMA auto_vacuum = INCREMENTAL")  # see `shrink`
        _create(database)
    finally:
        database.close()
    new.replace(real)


def _create(database: sqlite3.Connection) -> None:
    database.executescript(
        f"BEGIN; {_SCHEMA} {_PULL_INDEXES} PRAGMA application_id = {APPLICATION_ID};"
        f"PRAGMA user_version = {VERSION}; COMMIT;"
    )


def _complete(database: sqlite3.Connection) -> None:
    """Add what files of the same version may lack because an earlier queuewright made them."""
    columns = {row[1] for row in database.execute("PRAGMA table_info(operation)")}
    if "queue" not in columns:
        database.execute("ALTER TABLE operation ADD COLUMN queue INTEGER")
    if "tag" not in {row[1] for row in database.execute("PRAGMA table_info(task)")}:
        database.executescript(
            f"BEGIN; ALTER TABLE task ADD COLUMN tag TEXT; {_PULL_INDEXES} COMMIT;"
        )
    pages = _number(database, "page_count") - _number(database, "freelist_count")
    if not _number(database, "auto_vacuum") and pages <= _PAGES_TO_REWRITE:
        with contextlib.suppress(sqlite3.OperationalError):  # without room, it stays as it is
            database.executescript("PRAGMA auto_vacuum = INCREMENTAL; VACUUM")


def _number(database: sqlite3.Connection, pragma: str) -> int:
    value: int = database.execute(f"PRAGMA {pragma}").fetchone()[0]
    return value


def _check_header(path: Path) -> None:
    with path.open("rb") as file:
        header = file.read(100)
    application, version = header[68:72], header[60:64]
    if not header.startswith(b"SQLite format 3\0"):
        raise _refused(path, "is not a state file")
    if int.from_bytes(application, "big") != APPLICATION_ID:
        raise _refused(path, "is the database of another program")
    if int.from_bytes(version, "big") != VERSION:
        raise _refused(
            path,
            f"has version {int.from_bytes(version, 'big')} of the state, "
            f"and this queuewright reads version {VERSION}",
        )


def _check_no_log(path: Path) -> None:
    """Refuse the log of a file that was lost: a new file would replace it.

    The log is written only after the whole file, so a crash of the first start leaves none.
    """
    log = Path(f"{path}-wal")
    size = log.stat().st_size if log.is_file() else 0
    if size <= HEADER_BYTES:
        return
    state = "is empty" if path.exists() else "is missing"
    raise TargetError(
        f"the state file `{path}` {state}, but its log `{log}` has {size:,} bytes; both were left "
        "as they are. The log holds the latest changes, and needs the file",
        hint=f"put the state file back beside its log, or move `{log}` away to start with an "
        "empty state",
    )


def _check_log(path: Path) -> None:
    """Refuse a damaged log: SQLite would open the file without what follows the damage."""
    log = Path(f"{path}-wal")
    found = damage(log)
    if found is None:
        return
    if found.lost is None:
        what = "its header, so nothing in it can be read"
        cut = "go on with what the state file itself holds"
    else:
        what = (
            f"byte {found.good_bytes:,} or later, and at least {found.lost:,} change(s) after that "
            "cannot be read"
        )
        cut = "go on without what follows"
    raise TargetError(
        f"the log `{log}` of the state file is damaged at {what}; it was left as it is. Lost are "
        "the latest changes that the engine had accepted: new tasks, deleted and finished tasks, "
        "and changes of queues",
        hint="copy the state folder, then cut the log with "
        f"`python3 -c 'import os, sys; os.truncate(sys.argv[1], {found.good_bytes})' "
        f"{shell_word(str(log))}` "
        f"to {cut} (tasks that finished in the lost "
        "part are dispatched again), or move the state folder away to start with an empty state",
    )


def _check_structure(path: Path) -> None:
    """Read every table's tree and every queue once.

    The connection is read-only, so the file and the log stay unchanged.
    """
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        database.execute("PRAGMA cell_size_check = ON")
        found = [row[0] for row in database.execute("PRAGMA quick_check(1)")]
        tables = {row[0] for row in database.execute("SELECT name FROM sqlite_schema")}
        if found == ["ok"] and "queue" in tables:
            for config, policy in database.execute("SELECT config, policy FROM queue"):
                Queue.FromString(config)
                Policy.FromString(policy)
    finally:
        database.close()
    if found != ["ok"]:
        raise _refused(path, f"is damaged ({found[0].splitlines()[-1]})")
    if not {"fact", "queue", "task", "content", "operation"} <= tables:
        raise _refused(path, "is damaged (tables are missing)")


@contextlib.contextmanager
def _sound(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if not _is_of_the_disk(error):
            raise _refused(path, f"is damaged ({error})") from error
        raise TargetError(
            f"the state file `{path}` cannot be used now: {error}; it was left as it is",
            hint="free space on its disk, or make it writable, and start again",
        ) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise _refused(path, f"is damaged ({error})") from error
    except DecodeError as error:
        raise _refused(path, "is damaged (a queue in it cannot be read)") from error
    except OSError as error:
        raise _refused(path, f"cannot be read ({error.strerror or error})") from error


def _refused(path: Path, what: str) -> TargetError:
    return TargetError(
        f"the state file `{path}` {what}; it was left as it is",
        hint="move it away to start with an empty state, or use another state folder",
    )
