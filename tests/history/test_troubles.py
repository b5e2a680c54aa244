"""What the history does when it cannot do its work: it says so, and the engine goes on."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from queuewright.engine import events
from queuewright.engine.protocol import RetryConfig
from queuewright.history import History
from queuewright.history.bounds import Bound
from queuewright.history.file import FILE_NAME, SET_ASIDE
from queuewright.history.inbox import Inbox
from queuewright.history.trim import Bounds
from tests.history.stage import QUEUE, stage

FEW = Bounds(
    {
        "finished": Bound(20, 10_000),
        "failed": Bound(20, 10_000),
        "unfinished": Bound(20, 10_000),
    },
    attempts=Bound(30, 10_000),
    lines=Bound(30, 10_000),
)


async def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    """And a new one begins."""
    troubles: list[str] = []
    (tmp_path / FILE_NAME).write_bytes(b"nonsense" * 1000)
    history = History.opened(tmp_path, troubles.append)
    async with stage(history=history) as playing:
        name = await playing.create_task("t")
        await playing.drain()
        assert playing.task(name).record is not None
    assert troubles == [
        "the history is damaged: file is not a database; the file is now "
        f"`{tmp_path / SET_ASIDE}`, and a new history begins"
    ]
    assert (tmp_path / SET_ASIDE).read_bytes().startswith(b"nonsense")


async def test_damage_that_a_reader_meets_sets_the_file_aside(tmp_path: Path) -> None:
    """The next events are in a new one."""
    troubles: list[str] = []
    with History.opened(tmp_path) as history:
        async with stage(history=history) as playing:
            for _ in range(200):
                await playing.create_task(body=b"x" * 1000)
            await playing.drain()
    file = tmp_path / FILE_NAME
    data = bytearray(file.read_bytes())
    for page in range(2, len(data) // 4096):  # the schema and the queues stay
        data[page * 4096 : page * 4096 + 100] = b"\xff" * 100
    file.write_bytes(data)
    history = History.opened(tmp_path, troubles.append)
    async with stage(history=history) as playing:
        await playing.create_task("t")
        await playing.drain()
        history.flush()
        await playing.create_task("u")
        await playing.drain()
        history.flush()
        assert playing.history.tasks(QUEUE)
    assert len(troubles) == 1
    assert troubles[0].startswith("the history is damaged: database disk image is malformed")


async def test_a_history_of_another_version_is_set_aside(tmp_path: Path) -> None:
    """It is not changed."""
    database = sqlite3.connect(tmp_path / FILE_NAME)
    database.executescript("PRAGMA user_version = 99; CREATE TABLE t (x)")
    database.close()
    troubles: list[str] = []
    with History.opened(tmp_path, troubles.append) as history:
        history.flush()
    assert troubles[0].startswith("the history is damaged: it is of another program or version")


async def test_a_folder_that_cannot_be_used_stops_nothing(tmp_path: Path) -> None:
    """It is reported once, however much is lost."""
    (tmp_path / "file").touch()
    troubles: list[str] = []
    history = History.opened(tmp_path / "file", troubles.append)
    async with stage(history=history) as playing:
        for _ in range(3):
            await playing.create_task()
            await playing.drain()
            history.flush()
        assert await playing.queue_length() == 0
    assert len(troubles) == 1
    assert "cannot be written" in troubles[0]


async def test_the_oldest_make_room_by_state() -> None:
    """A flood of tasks that finish does not push those out that failed."""
    history = History.opened(None, limits=FEW)
    async with stage(history=history) as playing:
        await playing.create_queue(QUEUE, retry_config=RetryConfig(max_attempts=1))
        playing.answers = [500]
        failed = await playing.create_task("failed")
        await playing.drain()
        for number in range(100):
            await playing.create_task(f"t{number}")
        await playing.drain()
        finished = history.tasks(QUEUE, ("finished",), limit=1000)
        assert 15 <= len(finished) <= 20
        assert finished[0].name.endswith("/t99")
        assert history.counts[QUEUE, "finished"] == len(finished)
        assert playing.task(failed).record is not None


async def test_large_bodies_make_room_by_size() -> None:
    """A body of a megabyte takes the place of many small ones."""
    history = History.opened(None, limits=FEW)
    async with stage(history=history) as playing:
        for number in range(4):
            await playing.create_task(f"t{number}", b"x" * 4_000)
            await playing.drain()
            history.flush()
        assert [record.name[-2:] for record in history.tasks(QUEUE)] == ["t3", "t2"]


async def test_attempts_of_a_task_that_is_retried_for_long_are_bounded() -> None:
    """The latest are kept, and their number is known."""
    async with stage() as playing:
        await playing.create_queue(QUEUE, retry_config=RetryConfig(max_attempts=-1))
        playing.otherwise = 500
        name = await playing.create_task("t")
        await playing.advance("32d")
        found = playing.task(name)
    assert found.record is not None
    assert found.record.state == "expired"
    assert found.record.attempts > 500
    assert len(found.attempts) == 100
    assert found.attempts[-1].attempt == found.record.attempts


def test_what_comes_too_fast_is_dropped_and_counted() -> None:
    """By number and by size: memory stays bounded when the disk does not keep up."""
    event = events.QueuePurged(time_us=0, queue=QUEUE, origin="caller")
    many = Inbox(max_items=3)
    for _ in range(5):
        many.put(event, 0)
    large = Inbox(max_bytes=1_000)
    for _ in range(5):
        large.put(event, 600)
    assert (many.dropped, len(many.take(10))) == (2, 3)
    assert (large.dropped, len(large.take(10))) == (3, 2)
    large.put(event, 600)
    assert large.dropped == 3
