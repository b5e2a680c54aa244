"""What differs between the state file of the engine and that of Pub/Sub."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from queuewright.errors import Refusal


@dataclass(frozen=True)
class StateRefusals:
    """The refusals of calls that the state file prevents, in the words of its API."""

    full: Callable[[Path | None, str], Refusal]
    """A write without room on the disk: the file, None if it is temporary, and SQLite's reason."""
    missing: Callable[[Path], Refusal]
    """A write to a file that was deleted."""
    unreadable: Callable[[str], Refusal]
    """A read of damaged data, with the reason."""


@dataclass(frozen=True)
class StateKind:
    """A kind of state file."""

    program: str
    """Who uses it, in messages: `the engine`."""
    another: str
    """The same, if another one does: `another engine`."""
    file_name: str
    lock_name: str
    """The name, without suffix, of the lock and of the file with the id of the process that has
    it."""
    application_id: int
    """A number in the file's header (sqlite.org/fileformat.html)."""
    version: int
    schema: str
    """The statements that create the tables."""
    shorthand: str
    """The statements that every connection needs."""
    tables: frozenset[str]
    """The tables without which a file is damaged."""
    cache_kib: int
    """The memory for pages of an open file."""
    read: Callable[[sqlite3.Connection], None]
    """Reads everything that must be readable for a start, or raises a `DecodeError`."""
    unreadable: str
    """What is damaged then: `a queue in it cannot be read`."""
    complete: Callable[[sqlite3.Connection], None]
    """Adds what files of the same version may lack because an earlier queuewright made them."""
    lost: str
    """What the latest changes may be, if a log is damaged."""
    repeated: str
    """What happens again if the end of a log is cut off."""
    refusals: StateRefusals
