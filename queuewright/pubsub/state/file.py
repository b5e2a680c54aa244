"""The kind of Pub/Sub's state file: its tables, and what its messages say."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from queuewright.pubsub.protocol import refusals
from queuewright.pubsub.protocol.messages import Subscription, Topic
from queuewright.state_file import StateFile, StateKind, StateRefusals, opened

FILE_NAME: Final = "pubsub.sqlite"

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


def opened_state(folder: Path | None) -> StateFile:
    """Open Pub/Sub's state in a folder; see `state_file.opened`."""
    return opened(folder, _KIND)


def _read(database: sqlite3.Connection) -> None:
    for (config,) in database.execute("SELECT config FROM topic"):
        Topic.FromString(config)
    for (config,) in database.execute("SELECT config FROM subscription"):
        Subscription.FromString(config)


def _complete(_: sqlite3.Connection) -> None:
    """Nothing: no version of this file has lacked anything yet."""


_KIND: Final = StateKind(
    program="Pub/Sub",
    another="another Pub/Sub",
    file_name=FILE_NAME,
    lock_name="pubsub",
    application_id=0x71777073,  # "qwps"
    version=1,
    schema=_SCHEMA,
    shorthand="",
    tables=frozenset({"fact", "topic", "subscription", "message", "content", "delivery"}),
    cache_kib=4_096,
    read=_read,
    unreadable="a topic or subscription in it cannot be read",
    complete=_complete,
    lost="new messages, acknowledgements and leases, and changes of topics and subscriptions",
    repeated="messages that were acknowledged in the lost part are delivered again",
    refusals=StateRefusals(refusals.state_full, refusals.state_missing, refusals.state_unreadable),
)
