"""The sweeper: works in small pieces, between which the event loop does other things."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from queuewright.engine import DEVELOPER
from queuewright.engine.protocol import messages as m
from queuewright.engine.state.file import FILE_NAME
from queuewright.engine.state.store import Store
from queuewright.state_file import opening
from tests.engine.stage import LOCATION, QUEUE, URL, Stage, stage

QUEUES = [f"{LOCATION}/queues/q{number}" for number in range(10)]
TASKS = 300
STEPS_ALLOWED = 15_000
"""Instructions of SQLite's machine between two turns of the loop: about 200 rows."""


async def filled(s: Stage) -> None:
    """Create ten paused queues of 300 named tasks."""
    for queue in QUEUES:
        await s.create_queue(queue)
        await s.pause(queue)
        for first in range(0, TASKS, 100):
            requests = [
                m.CreateTaskRequest(
                    task=m.Task(
                        name=f"{queue}/tasks/t{number}", http_request=m.HttpRequest(url=URL)
                    )
                )
                for number in range(first, first + 100)
            ]
            batch = m.BatchCreateTasksRequest(
                parent=queue, requests=requests, request_id=f"{queue[-3:].strip('/')}-{first}"
            )
            await s.service.batch_create_tasks(batch, DEVELOPER)


class Watch:
    """Counts what is done between two turns of the event loop."""

    def __init__(self, s: Stage) -> None:
        self.s = s
        self.steps = 0
        s.engine._store._database.set_progress_handler(self.count, 100)

    def count(self) -> int:
        self.steps += 100
        return 0

    async def most(self) -> tuple[int, int]:
        """Sweep; return the most instructions and the most events of one turn."""
        self.s.engine._dispatcher.sweep()
        most_steps = most_events = 0
        while self.s.engine._dispatcher.is_busy:
            steps, events = self.steps, len(self.s.events)
            await asyncio.sleep(0)
            most_steps = max(most_steps, self.steps - steps)
            most_events = max(most_events, len(self.s.events) - events)
        return most_steps, most_events


def rows(s: Stage, table: str) -> int:
    count: int = s.engine._store._database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return count


@pytest.mark.parametrize("what", ["nothing", "purged", "deleted", "expired", "outdated"])
async def test_no_turn_of_the_sweeper_handles_more_than_two_hundred_rows(what: str) -> None:
    async with stage() as s:
        await filled(s)
        await s.engine.advance("0s")
        watch = Watch(s)
        for queue in QUEUES:
            if what in ("purged", "outdated"):
                await s.service.purge_queue(m.PurgeQueueRequest(name=queue), DEVELOPER)
            if what == "deleted":
                await s.service.delete_queue(m.DeleteQueueRequest(name=queue), DEVELOPER)
        if what == "expired":
            s.clock._now_us += 32 * 86_400_000_000
        if what == "outdated":
            await watch.most()
            assert rows(s, "task_tombstone") == len(QUEUES) * TASKS
            s.clock._now_us += 2 * 86_400_000_000
        steps, events = await watch.most()
        assert 0 < steps <= STEPS_ALLOWED
        assert events <= 200
        assert rows(s, "task") == (len(QUEUES) * TASKS if what == "nothing" else 0)
        assert rows(s, "operation") == (0 if what in ("expired", "outdated") else 30)
        if what == "outdated":
            assert rows(s, "task_tombstone") == 0


def pragma(s: Stage, name: str) -> int:
    value: int = s.engine._store._database.execute(f"PRAGMA {name}").fetchone()[0]
    return value


async def fat(s: Stage) -> None:
    """Create tasks of ten megabytes and purge them."""
    await s.create_queue()
    await s.pause()
    for _ in range(100):
        await s.create_task(http_request=m.HttpRequest(url=URL, body=b"x" * 100_000))
    await s.service.purge_queue(m.PurgeQueueRequest(name=QUEUE), DEVELOPER)


async def test_the_file_shrinks_after_a_purge_a_hundred_pages_at_a_time(tmp_path: Path) -> None:
    async with stage(state=tmp_path) as s:
        await fat(s)
        full, most = pragma(s, "page_count"), 0
        while s.engine._dispatcher.is_busy:
            before = pragma(s, "page_count")
            await asyncio.sleep(0)
            most = max(most, before - pragma(s, "page_count"))
        assert full > 2_400
        assert 0 < most <= 200
        assert pragma(s, "page_count") < 600
        assert s.engine._store.checkpoint()
        assert (tmp_path / FILE_NAME).stat().st_size < 600 * 4096


@pytest.mark.parametrize(("allowed", "shrinks"), [(4_096, True), (10, False)])
async def test_a_file_made_by_an_earlier_queuewright_shrinks_if_it_is_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: int, shrinks: bool
) -> None:
    Store(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE_NAME) as earlier:
        earlier.execute("PRAGMA journal_mode = DELETE")
        earlier.execute("PRAGMA auto_vacuum = NONE")
        earlier.commit()
        earlier.execute("VACUUM")
    earlier.close()
    monkeypatch.setattr(opening, "_PAGES_TO_REWRITE", allowed)
    async with stage(state=tmp_path) as s:
        await fat(s)
        await s.engine.advance("1s")
        assert rows(s, "task") == 0
        assert (pragma(s, "page_count") < 600) is shrinks


async def test_a_queue_deleted_while_it_is_swept_is_not_swept_further() -> None:
    async with stage() as s:
        await filled(s)
        await s.engine.advance("0s")
        s.clock._now_us += 32 * 86_400_000_000
        s.engine._dispatcher.sweep()
        for _ in range(100):
            await asyncio.sleep(0)
            if any(event.kind == "ExpireTask" for event in s.events):
                break
        assert s.engine._dispatcher.is_busy
        for queue in QUEUES:
            await s.service.delete_queue(m.DeleteQueueRequest(name=queue), DEVELOPER)
        before = len(s.events)
        await s.engine.advance("0s")
        assert [event.kind for event in s.events[before:]] == []
        assert rows(s, "task") == 0
