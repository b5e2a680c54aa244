"""Checks a state file before it is opened, and refuses a damaged or foreign one.

A refused file is left unchanged, byte for byte.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.message import DecodeError

from queuewright.errors import TargetError
from queuewright.state_file.file import is_of_the_disk
from queuewright.state_file.kind import StateKind
from queuewright.state_file.log_check import HEADER_BYTES, damage
from queuewright.terminal import shell_word


@contextlib.contextmanager
def sound(path: Path, kind: StateKind) -> Iterator[None]:
    """Turn the errors of the block into refusals of the file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if not is_of_the_disk(error):
            raise _refused(path, f"is damaged ({error})") from error
        raise TargetError(
            f"the state file `{path}` cannot be used now: {error}; it was left as it is",
            hint="free space on its disk, or make it writable, and start again",
        ) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise _refused(path, f"is damaged ({error})") from error
    except DecodeError as error:
        raise _refused(path, f"is damaged ({kind.unreadable})") from error
    except OSError as error:
        raise _refused(path, f"cannot be read ({error.strerror or error})") from error


def check_header(path: Path, kind: StateKind) -> None:
    """Refuse the file of another program or version."""
    with path.open("rb") as file:
        header = file.read(100)
    application, version = header[68:72], header[60:64]
    if not header.startswith(b"SQLite format 3\0"):
        raise _refused(path, "is not a state file")
    if int.from_bytes(application, "big") != kind.application_id:
        raise _refused(path, "is the database of another program")
    if int.from_bytes(version, "big") != kind.version:
        raise _refused(
            path,
            f"has version {int.from_bytes(version, 'big')} of the state, "
            f"and this queuewright reads version {kind.version}",
        )


def check_no_log(path: Path) -> None:
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


def check_log(path: Path, kind: StateKind) -> None:
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
        f"the latest changes that {kind.program} had accepted: {kind.lost}",
        hint="copy the state folder, then cut the log with "
        f"`python3 -c 'import os, sys; os.truncate(sys.argv[1], {found.good_bytes})' "
        f"{shell_word(str(log))}` "
        f"to {cut} ({kind.repeated}), or move the state folder away to start with an empty state",
    )


def check_structure(path: Path, kind: StateKind) -> None:
    """Read every table's tree once, and everything that must be readable.

    The connection is read-only, so the file and the log stay unchanged.
    """
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        database.execute("PRAGMA cell_size_check = ON")
        found = [row[0] for row in database.execute("PRAGMA quick_check(1)")]
        tables = {row[0] for row in database.execute("SELECT name FROM sqlite_schema")}
        if found == ["ok"] and kind.tables <= tables:
            kind.read(database)
    finally:
        database.close()
    if found != ["ok"]:
        raise _refused(path, f"is damaged ({found[0].splitlines()[-1]})")
    if not kind.tables <= tables:
        raise _refused(path, "is damaged (tables are missing)")


def _refused(path: Path, what: str) -> TargetError:
    return TargetError(
        f"the state file `{path}` {what}; it was left as it is",
        hint="move it away to start with an empty state, or use another state folder",
    )
