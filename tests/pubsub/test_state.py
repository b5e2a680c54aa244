"""The state file: full disks, deleted, damaged and foreign files, two processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import resource
import shlex
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from queuewright.errors import TargetError
from queuewright.pubsub import PubSub
from queuewright.pubsub.rules.backlog import Changes, Message
from queuewright.pubsub.state.rows import Publication
from queuewright.pubsub.state.store import Store
from queuewright.state_file import idle_checkpoint
from tests.pubsub.stage import Stage, refused, stage

FILE = "pubsub.sqlite"
LOG = f"{FILE}-wal"


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
        assert f"cannot store this in `{tmp_path / FILE}`: database" in text
        assert "Make room on the disk and call again" in text
        s.server._store._database.execute("PRAGMA max_page_count = 1000000")
        await s.publish(b"later")
        assert await s.data() == [b"kept", b"later"]


@contextlib.contextmanager
def no_room(folder: Path) -> Iterator[None]:
    """Let no file of this process grow beyond the state's log, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((folder / LOG).stat().st_size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_messages_are_acknowledged_on_a_full_disk(tmp_path: Path) -> None:
    """They make room for new ones, as soon as the log is in the file."""
    async with stage(state=tmp_path) as s:
        await s.publish(*[b"x" * 20_000] * 20)
        received = await s.pull()
        with no_room(tmp_path):
            assert (await refused(s.publish(b"x" * 20_000)))[0] == "RESOURCE_EXHAUSTED"
            await s.ack(*[each.ack_id for each in received])
            assert s.server._store.checkpoint()
            await s.publish(b"y" * 20_000)
            assert await s.data() == [b"y" * 20_000]


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
    text = rf"is in use by another Pub/Sub \(process {os.getpid()}\)"
    with pytest.raises(TargetError, match=text):
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


async def filled(folder: Path) -> Path:
    """A sound state file that is large enough to have inner pages."""
    async with stage(state=folder) as s:
        await s.publish(*[b"x" * 1_000] * 200)
    return folder / FILE


def refusal(folder: Path) -> TargetError:
    """The refusal of a state; it was left as it is."""
    before = {path.name: path.read_bytes() for path in folder.iterdir() if "sqlite" in path.name}
    with pytest.raises(TargetError) as caught:
        PubSub(state=folder)
    after = {path.name: path.read_bytes() for path in folder.iterdir() if "sqlite" in path.name}
    assert {name: after[name] for name in before} == before
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
async def test_a_file_with_garbage_in_the_middle_is_refused(tmp_path: Path, at: float) -> None:
    file = await filled(tmp_path)
    content = bytearray(file.read_bytes())
    page = int(len(content) * at) // 4096 * 4096
    content[page : page + 4096] = b"\xa5" * 4096
    file.write_bytes(content)
    assert "is damaged" in str(refusal(tmp_path))


async def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    file = await filled(tmp_path)
    os.truncate(file, file.stat().st_size // 2)
    assert "is damaged" in str(refusal(tmp_path))


@pytest.mark.parametrize("table", ["topic", "subscription"])
async def test_a_file_with_an_unreadable_configuration_is_refused(
    tmp_path: Path, table: str
) -> None:
    file = await filled(tmp_path)
    with sqlite3.connect(file) as database:
        database.execute(f"UPDATE {table} SET config = x'ff'")
    database.close()
    text = "is damaged (a topic or subscription in it cannot be read)"
    assert text in str(refusal(tmp_path))


async def killed(folder: Path) -> Path:
    """The state of a server that was killed after five messages were published."""
    async with stage(state=folder / "live") as s:
        for number in range(5):
            await s.publish(b"%d" % number * 5_000)
        shutil.copytree(folder / "live", folder / "killed")
    return folder / "killed"


@pytest.mark.parametrize("is_missing", [True, False])
async def test_a_log_whose_file_was_lost_is_refused(tmp_path: Path, is_missing: bool) -> None:
    """Starting with an empty state would destroy what is in it."""
    folder = await killed(tmp_path)
    if is_missing:
        (folder / FILE).unlink()
    else:
        os.truncate(folder / FILE, 0)
    error = refusal(folder)
    assert f"is {'missing' if is_missing else 'empty'}, but its log `{folder / LOG}` has " in str(
        error
    )
    assert error.hint is not None
    assert "put the state file back beside its log" in error.hint
    (folder / LOG).rename(tmp_path / "away")
    async with stage(state=folder):
        pass


async def test_a_damaged_log_is_refused_and_can_be_cut_as_the_hint_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = await killed(tmp_path)
    content = bytearray((folder / LOG).read_bytes())
    content[len(content) // 2] ^= 0x40
    (folder / LOG).write_bytes(content)
    error = refusal(folder)
    assert f"the log `{folder / LOG}` of the state file is damaged at byte " in str(error)
    assert "Pub/Sub had accepted: new messages, acknowledgements and leases" in str(error)
    assert error.hint is not None
    assert "messages that were acknowledged in the lost part are delivered again" in error.hint
    command = re.search(r"`(python3 -c .*?)`", error.hint)
    assert command is not None
    *_, code, path = shlex.split(command[1])
    monkeypatch.setattr(sys, "argv", ["-c", path])
    exec(code)
    async with stage(state=folder, ready=False) as s:
        assert len(await s.pull()) in range(1, 5)


async def test_a_message_that_the_file_has_lost_does_not_hold_up_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with stage(state=tmp_path) as s:
        lost, garbled, _ = await s.publish(b"lost", b"garbled", b"whole")
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("DELETE FROM content WHERE id = ?", (int(lost),))
        database.execute("UPDATE content SET content = x'ff' WHERE id = ?", (int(garbled),))
    database.close()
    async with stage(state=tmp_path, ready=False) as s:
        assert await s.data() == [b"whole"]
    assert caplog.messages == [
        f"message {garbled} is damaged in the state file and is not delivered"
    ]


async def test_what_was_written_is_in_the_file_itself_once_pubsub_is_idle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log beside the file can be lost or left behind when a file is copied."""
    copy = tmp_path / "copy"
    copy.mkdir()
    monkeypatch.setattr(idle_checkpoint, "_IDLE_S", 0.0)
    async with stage(state=tmp_path / "live") as s:
        await s.publish(b"kept")
        for _ in range(10):
            await asyncio.sleep(0)
        shutil.copy(tmp_path / "live" / FILE, copy)
    async with stage(state=copy, ready=False) as s:
        assert await s.data() == [b"kept"]
