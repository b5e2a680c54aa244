"""The kind of the engine's state file: its tables, and what its messages say."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from queuewright.engine.protocol import refusals
from queuewright.engine.protocol.messages import Policy, Queue
from queuewright.state_file import StateFile, StateKind, StateRefusals, opened

FILE_NAME: Final = "tasks.sqlite"

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


def opened_state(folder: Path | None) -> StateFile:
    """Open the engine's state in a folder; see `state_file.opened`."""
    return opened(folder, _KIND)


def _read(database: sqlite3.Connection) -> None:
    for config, policy in database.execute("SELECT config, policy FROM queue"):
        Queue.FromString(config)
        Policy.FromString(policy)


def _complete(database: sqlite3.Connection) -> None:
    columns = {row[1] for row in database.execute("PRAGMA table_info(operation)")}
    if "queue" not in columns:
        database.execute("ALTER TABLE operation ADD COLUMN queue INTEGER")
    if "tag" not in {row[1] for row in database.execute("PRAGMA table_info(task)")}:
        database.executescript(
            f"BEGIN; ALTER TABLE task ADD COLUMN tag TEXT; {_PULL_INDEXES} COMMIT;"
        )


_KIND: Final = StateKind(
    program="the engine",
    another="another engine",
    file_name=FILE_NAME,
    lock_name="engine",
    application_id=0x71777467,  # "qwtg"
    version=1,
    schema=f"{_SCHEMA} {_PULL_INDEXES}",
    shorthand=_SHORTHAND,
    tables=frozenset({"fact", "queue", "task", "content", "operation"}),
    cache_kib=65_536,
    read=_read,
    unreadable="a queue in it cannot be read",
    complete=_complete,
    lost="new tasks, deleted and finished tasks, and changes of queues",
    repeated="tasks that finished in the lost part are dispatched again",
    refusals=StateRefusals(refusals.state_full, refusals.state_missing, refusals.state_unreadable),
)
