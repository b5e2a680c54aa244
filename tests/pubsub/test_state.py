"""The state file: full disks, deleted, damaged and foreign files, two processes."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from queuewright.errors import TargetError
from queuewright.pubsub import PubSub
from queuewright.pubsub.rules.backlog import Changes, Message
from queuewright.pubsub.state.rows import Publication
from queuewright.pubsub.state.store import Store
from tests.pubsub.stage import Stage, refused, stage

FILE = "pubsub.sqlite"


def fill_up(s: Stage) -> None:
    """Let the file not grow any more."""
    database = s.server._store._database
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")


async def test_a_full_disk_refuses_messages_and_loses_none(tmp_path: Path) -> None:
    async with stage(state=tmp_path) as s:
        await s.publish(b"kept")
        fill_up(s)
        code, text = await refused(s.publish(b"x" * 1_000_000))
        assert code == "RESOURCE_EXHAUSTED"
        assert "make room on the disk of the state folder" in text
        s.server._store._database.execute("PRAGMA max_page_count = 1000000")
        await s.publish(b"later")
        assert await s.data() == [b"kept", b"later"]


async def test_a_write_to_a_deleted_file_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    """Leases, acknowledgements and nacks that cannot be kept did not happen."""
    async with stage(state=tmp_path) as s:
        await s.publish(b"a", b"b")
        (received,) = await s.pull(most=1)
        (tmp_path / FILE).rename(tmp_path / "away")
        assert (await refused(s.publish(b"c")))[0] == "FAILED_PRECONDITION"
        assert (await refused(s.pull()))[0] == "FAILED_PRECONDITION"
        assert (await refused(s.ack(received.ack_id)))[0] == "FAILED_PRECONDITION"
        assert (await refused(s.modify(0, received.ack_id)))[0] == "FAILED_PRECONDITION"
        (tmp_path / "away").rename(tmp_path / FILE)
        assert await s.data() == [b"b"]
        await s.advance("10s")
        assert await s.data() == [b"a", b"b"]


def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(TargetError, match=r"is in use by another process"):
        Store(tmp_path)
    store.close()
    Store(tmp_path).close()


def test_numbers_are_never_given_twice(tmp_path: Path) -> None:
    store = Store(tmp_path)
    numbers = [store.new_id() for _ in range(3)]
    store.close()
    store = Store(tmp_path)
    assert store.new_id() not in numbers
    assert store.was_given(numbers[0])
    assert not store.was_given(10**9)
    store.close()


def test_a_large_acknowledgement_is_one_transaction(tmp_path: Path) -> None:
    """Either all of it is written or nothing."""
    store = Store(tmp_path)
    messages = [Message(store.new_id(), 1) for _ in range(3)]
    store.publish([Publication(message, 0, b"x", (7,)) for message in messages])
    broken = Changes([], [messages[0].id, object()])  # type: ignore[list-item]
    with pytest.raises(sqlite3.ProgrammingError):
        store.write(7, broken)
    assert len(list(store.fresh(7, 0, None))) == 3
    store.close()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"plain text, and more of it" * 10, "is not a state file"),
        (b"SQLite format 3\0" + b"\0" * 200, "is the database of another program"),
    ],
)
def test_a_foreign_file_is_refused_and_left_alone(
    tmp_path: Path, content: bytes, what: str
) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(TargetError, match=what) as caught:
        PubSub(state=tmp_path)
    assert caught.value.hint is not None
    assert (tmp_path / FILE).read_bytes() == content


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(TargetError, match="has version 99 of the state"):
        Store(tmp_path)


async def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    async with stage(state=tmp_path) as s:
        await s.publish(*[b"x" * 1_000] * 100)
    file = tmp_path / FILE
    content = bytearray(file.read_bytes())
    content[8192:12288] = b"\xff" * 4096
    file.write_bytes(content)
    with pytest.raises(TargetError, match="is damaged"):
        Store(tmp_path)
