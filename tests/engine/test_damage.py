"""A state file that is damaged or deleted while the engine uses it."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from queuewright.engine import DEVELOPER, ManualClock
from queuewright.engine.protocol import messages as m
from queuewright.engine.state.file import FILE_NAME
from queuewright.engine.state.store import Store
from queuewright.errors import Refusal, TargetError
from tests.engine.stage import QUEUE, Stage, stage


async def with_a_damaged_task(folder: Path, clock: ManualClock) -> list[m.Task]:
    """Create five tasks in a paused queue; the content of the third is unreadable."""
    async with stage(state=folder, clock=clock) as s:
        await s.create_queue(rate_limits=m.RateLimits(max_concurrent_dispatches=2))
        await s.pause()
        tasks = [await s.create_task(task_id=f"t{number}") for number in range(5)]
    spoil(
        folder,
        "UPDATE content SET task = x'ff' WHERE id = (SELECT id FROM task ORDER BY id"
        " LIMIT 1 OFFSET 2)",
    )
    return tasks


def spoil(folder: Path, statement: str) -> None:
    with sqlite3.connect(folder / FILE_NAME) as database:
        database.execute(statement)
    database.close()


def failures(s: Stage) -> list[str]:
    return [event.message for event in s.events if event.kind == "StateFailed"]


async def test_an_unreadable_task_does_not_block_the_other_tasks(tmp_path: Path) -> None:
    clock = ManualClock()
    tasks = await with_a_damaged_task(tmp_path, clock)
    async with stage(state=tmp_path, clock=clock) as s:
        await s.resume()
        await s.engine.advance("30s")
        assert len(s.handler.received) == 4
        assert failures(s) == [
            f"A task of {QUEUE} is tried again in 60 s. The engine cannot read this in its state "
            "file: the task's content is missing. Check the disk. "
            "A task or queue that stays unreadable can still be deleted."
        ]
        await s.engine.advance("1m")
        assert len(failures(s)) == 2
        await s.create_task()
        await s.engine.advance("0s")
        assert len(s.handler.received) == 5
        await s.service.delete_task(m.DeleteTaskRequest(name=tasks[2].name), DEVELOPER)
        assert await s.tasks() == []
        await s.engine.advance("1h")
        assert len(failures(s)) == 2


async def test_calls_on_an_unreadable_task_are_refused(tmp_path: Path) -> None:
    clock = ManualClock()
    tasks = await with_a_damaged_task(tmp_path, clock)
    async with stage(state=tmp_path, clock=clock) as s:
        for ask in (s.get_task, s.run):
            with pytest.raises(Refusal, match="cannot read this in its state file") as refused:
                await ask(tasks[2].name)
            assert refused.value.code == "DATA_LOSS"
        await s.service.purge_queue(m.PurgeQueueRequest(name=QUEUE), DEVELOPER)
        assert await s.tasks() == []


async def test_nothing_is_accepted_into_a_file_that_was_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    async with stage(state=folder) as s:
        await s.create_queue()
        shutil.rmtree(folder)
        for change in (s.create_task, s.pause):
            with pytest.raises(Refusal, match="` no longer exists") as refused:
                await change()
            assert refused.value.code == "FAILED_PRECONDITION"


async def test_nothing_is_accepted_while_another_file_is_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    async with stage(state=tmp_path) as s:
        await s.create_queue()
        aside = path.rename(tmp_path / "aside")
        path.write_bytes(b"")
        with pytest.raises(Refusal, match="no longer exists"):
            await s.create_task()
        aside.rename(path)
        await s.create_task()


async def test_a_queue_that_cannot_be_read_is_refused_at_the_start(tmp_path: Path) -> None:
    async with stage(state=tmp_path) as s:
        await s.create_queue()
    spoil(tmp_path, "UPDATE queue SET config = x'ff'")
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(TargetError, match=r"is damaged \(a queue in it cannot be read\)"):
        Store(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == before


async def test_an_unusable_disk_is_not_reported_as_damage(tmp_path: Path) -> None:
    """A full disk must not make anybody move a sound file away."""
    async with stage(state=tmp_path) as s:
        await s.create_queue()
    log = tmp_path / f"{FILE_NAME}-wal"
    log.mkdir()
    with pytest.raises(TargetError) as refused:
        Store(tmp_path)
    assert "cannot be used now: unable to open database file; it was left" in str(refused.value)
    assert refused.value.hint is not None
    assert "move it away" not in refused.value.hint
    log.rmdir()
    async with stage(state=tmp_path) as s:
        await s.create_task()
