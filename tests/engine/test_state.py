"""The state file: which files are refused, and what survives a restart."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from queuewright.engine import DEVELOPER, Engine, ManualClock, Settings
from queuewright.engine.protocol import messages as m
from queuewright.engine.state.file import FILE_NAME
from queuewright.engine.state.rows import NewTask, Tombstone
from queuewright.engine.state.store import Store
from queuewright.errors import Refusal, TargetError
from queuewright.state_file import StateKind, idle_checkpoint, opening
from tests.engine.stage import QUEUE, Stage, stage


def a_task(number: int, name: str | None = None, queue: int = 1) -> NewTask:
    return NewTask(number, queue, name, 5, 5, m.Task().SerializeToString())


def filled(folder: Path) -> Path:
    """Create a sound state file that is large enough to have inner pages."""
    store = Store(folder)
    store.insert([a_task(number, f"name-{number}") for number in store.new_ids(3_000)])
    store.close()
    return folder / FILE_NAME


def refusal(folder: Path) -> str:
    """Return the text of the refusal; check that it left the folder unchanged."""
    before = {path.name: path.read_bytes() for path in folder.iterdir() if "sqlite" in path.name}
    with pytest.raises(TargetError) as refused:
        Store(folder)
    after = {path.name: path.read_bytes() for path in folder.iterdir() if "sqlite" in path.name}
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) <= {f"{FILE_NAME}-shm", f"{FILE_NAME}-wal"}
    return str(refused.value)


def test_a_file_that_is_not_a_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("shopping list\n" * 20)
    assert "is not a state file; it was left as it is" in refusal(tmp_path)


def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE_NAME) as other:
        other.execute("CREATE TABLE mine (x)")
    other.close()
    assert "is the database of another program" in refusal(tmp_path)


def test_a_state_of_another_version_is_refused(tmp_path: Path) -> None:
    path = filled(tmp_path)
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 7")
    newer.close()
    assert "has version 7 of the state, and this queuewright reads version 1" in refusal(tmp_path)


@pytest.mark.parametrize("at", [0.2, 0.5, 0.9])
def test_a_file_with_garbage_in_the_middle_is_refused(tmp_path: Path, at: float) -> None:
    path = filled(tmp_path)
    content = bytearray(path.read_bytes())
    page = int(len(content) * at) // 4096 * 4096
    content[page : page + 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    assert "is damaged" in refusal(tmp_path)


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = filled(tmp_path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "is damaged" in refusal(tmp_path)


def test_a_header_without_tables_is_refused(tmp_path: Path) -> None:
    path = filled(tmp_path)
    with sqlite3.connect(path) as emptied:
        emptied.execute("DROP TABLE task")
    emptied.close()
    assert "is damaged (tables are missing)" in refusal(tmp_path)


def test_an_empty_file_is_the_beginning_of_a_state(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).touch()
    Store(tmp_path).close()
    assert (tmp_path / FILE_NAME).stat().st_size > 0


@pytest.mark.parametrize("is_missing", [True, False])
def test_a_log_whose_file_was_lost_is_refused(tmp_path: Path, is_missing: bool) -> None:
    """Starting with an empty state would destroy what is in it."""
    store = Store(tmp_path / "live")
    store.insert([a_task(number) for number in store.new_ids(5)])
    folder = tmp_path / "lost"
    shutil.copytree(tmp_path / "live", folder)
    store.close()
    if is_missing:
        (folder / FILE_NAME).unlink()
    else:
        os.truncate(folder / FILE_NAME, 0)
    log = folder / f"{FILE_NAME}-wal"
    text = refusal(folder)
    assert f"is {'missing' if is_missing else 'empty'}, but its log `{log}` has " in text
    assert f"{log.stat().st_size:,} bytes" in text
    log.rename(tmp_path / "away")
    Store(folder).close()


@pytest.mark.parametrize("size", [0, 32])
def test_a_log_that_holds_nothing_does_not_prevent_the_start(tmp_path: Path, size: int) -> None:
    """No more than a header: nothing can be lost."""
    (tmp_path / f"{FILE_NAME}-wal").write_bytes(b"x" * size)
    Store(tmp_path).close()
    assert (tmp_path / FILE_NAME).stat().st_size > 0


@pytest.mark.parametrize("step", ["_create", "_complete"])
def test_a_crash_of_the_first_start_does_not_prevent_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Before and after each step that writes."""
    original = getattr(opening, step)

    def copied_around(database: sqlite3.Connection, kind: StateKind) -> None:
        shutil.copytree(tmp_path / "live", tmp_path / "before")
        original(database, kind)
        shutil.copytree(tmp_path / "live", tmp_path / "after")

    monkeypatch.setattr(opening, step, copied_around)
    Store(tmp_path / "live").close()
    monkeypatch.undo()
    for folder in ("before", "after"):
        store = Store(tmp_path / folder)
        store.insert([a_task(number) for number in store.new_ids(1)])
        store.close()
        assert list((tmp_path / folder).glob("*-new*")) == []


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TargetError, match=r"the state folder .* cannot be used"):
        Store(tmp_path / "file" / "state")


def test_a_second_engine_on_the_same_state_learns_which_process_has_it(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from queuewright.engine.state.store import Store\n"
        f"store = Store(Path({str(tmp_path)!r})); print('ready', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        with pytest.raises(TargetError) as refused:
            Store(tmp_path)
        assert f"in use by another engine (process {other.pid})" in str(refused.value)
        other.kill()
    Store(tmp_path).close()


def test_an_engine_that_could_not_be_made_leaves_the_state_free(tmp_path: Path) -> None:
    filled(tmp_path)
    good = (tmp_path / FILE_NAME).read_bytes()
    (tmp_path / FILE_NAME).write_bytes(b"x" * 200)
    with pytest.raises(TargetError):
        Store(tmp_path)
    (tmp_path / FILE_NAME).write_bytes(good)
    Store(tmp_path).close()


def test_a_number_is_never_given_twice_even_after_all_tasks_are_gone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    [first] = store.new_ids(1)
    store.insert([a_task(first)])
    store.delete([(first, None)])
    store.close()
    store = Store(tmp_path)
    assert store.new_ids(1)[0] > first
    assert store.was_given(first)
    store.close()


def test_pending_results_are_visible_at_once_and_written_later(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.insert([a_task(number, f"n{number}") for number in store.new_ids(3)])
    row = store.task(1)
    assert row is not None
    store.note_failed(row._replace(schedule_us=99, dispatches=1))
    store.note_ended([(2, Tombstone(1, "n2", 1_000))])
    for _ in ("noted", "written"):
        assert [(task.id, task.schedule_us) for task in store.tasks(1, 0, 10)] == [(1, 99), (3, 5)]
        assert store.task(2) is None
        assert store.find(1, "n2") is None
        assert store.tombstone_us(1, "n2") == 1_000
        store.catch_up()
        assert not store.is_behind
    store.close()


def test_a_page_full_of_ended_tasks_is_not_the_end_of_the_list() -> None:
    store = Store(None)
    store.insert([a_task(number) for number in store.new_ids(4)])
    store.note_ended([(1, None), (2, None)])
    assert [task.id for task in store.tasks(1, 0, 2)] == [3, 4]
    store.close()


def full(store: Store) -> None:
    """Stop the file from growing."""
    database = store._database
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages}")


async def fill_up(s: Stage, kept: list[m.Task], body: m.HttpRequest) -> None:
    for _ in range(1_000):
        task = await s.create_task(http_request=body)
        kept.append(task)


async def test_a_full_disk_refuses_new_work_and_loses_none(tmp_path: Path) -> None:
    async with stage(state=tmp_path) as s:
        await s.create_queue()
        await s.pause()
        body = m.HttpRequest(url="https://h/", body=b"x" * 100_000)
        kept = [await s.create_task(http_request=body) for _ in range(5)]
        store = s.engine._store
        full(store)
        with pytest.raises(Refusal) as refused:
            await fill_up(s, kept, body)
        assert refused.value.code == "RESOURCE_EXHAUSTED"
        assert f"cannot store this in `{tmp_path / FILE_NAME}`: database" in refused.value.message
        assert "Make room on the disk and call again" in refused.value.message
        assert [task.name for task in await s.tasks()] == [task.name for task in kept]
        await s.resume()
        await s.engine.drain()
        assert len(s.handler.received) == len(kept)


@contextlib.contextmanager
def no_room(folder: Path) -> Iterator[None]:
    """Let no file of this process grow beyond the state's log, as a full disk does."""
    size = (folder / f"{FILE_NAME}-wal").stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("kind", ["file", "log"])
async def test_pause_resume_delete_and_purge_work_on_a_full_disk(tmp_path: Path, kind: str) -> None:
    async with stage(state=tmp_path) as s, contextlib.AsyncExitStack() as stack:
        await s.create_queue()
        await s.create_queue(f"{QUEUE}-2")
        await s.pause()
        body = m.HttpRequest(url="https://h/", body=b"x" * 20_000)
        kept = [await s.create_task(task_id=f"t{n}", http_request=body) for n in range(20)]
        if kind == "file":
            full(s.engine._store)
        else:
            stack.enter_context(no_room(tmp_path))
        with pytest.raises(Refusal, match="cannot store this"):
            await fill_up(s, kept, body)
        await s.resume(f"{QUEUE}-2")
        await s.pause(f"{QUEUE}-2")
        for task in kept[:5]:
            await s.service.delete_task(m.DeleteTaskRequest(name=task.name), DEVELOPER)
        names = [task.name for task in kept[5:10]]
        batch = m.BatchDeleteTasksRequest(parent=QUEUE, names=names, request_id="some")
        await s.service.batch_delete_tasks(batch, DEVELOPER)
        await s.service.delete_queue(m.DeleteQueueRequest(name=f"{QUEUE}-2"), DEVELOPER)
        assert len(await s.tasks()) == len(kept) - 10
        await s.service.purge_queue(m.PurgeQueueRequest(name=QUEUE), DEVELOPER)
        await s.engine.advance("1s")
        left = s.engine._store._database.execute("SELECT count(*) FROM content").fetchone()[0]
        assert left == 0, "the sweeper made room"
        await s.create_task(http_request=body)


async def test_dispatching_continues_while_nothing_can_be_written(tmp_path: Path) -> None:
    async with stage(state=tmp_path) as s:
        await s.create_queue()
        s.handler.answers = [500]
        store = s.engine._store
        await s.create_task()
        await s.create_task()
        store._database.execute("PRAGMA query_only = ON")
        await s.engine.drain()
        assert len(s.handler.received) == 3
        assert await s.tasks() == []
        with pytest.raises(Refusal, match="cannot store this"):
            await s.create_task()
        s.engine._dispatcher._write_behind.now()
        s.engine._dispatcher._write_behind.now()
        assert [event.status for event in s.events if event.kind == "StateFailed"] == [
            "RESOURCE_EXHAUSTED"
        ]
        store._database.execute("PRAGMA query_only = OFF")
        s.engine._dispatcher._write_behind.now()
        assert not store.is_behind


async def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    clock = ManualClock()
    async with stage(state=tmp_path, clock=clock) as s:
        queue = await s.create_queue(rate_limits=m.RateLimits(max_dispatches_per_second=5))
        await s.create_queue(f"{QUEUE}-2")
        s.handler.answers = [500]
        task = await s.create_task(
            task_id="named", http_request=m.HttpRequest(url="https://h/", body=b"b")
        )
        await s.engine.advance("0s")
        paused = await s.pause()
        await s.service.delete_queue(m.DeleteQueueRequest(name=f"{QUEUE}-2"), DEVELOPER)
        policy = m.Policy(bindings=[m.Binding(role="roles/viewer", members=["user:a"])])
        await s.service.set_iam_policy(
            m.SetIamPolicyRequest(resource=QUEUE, policy=policy), DEVELOPER
        )
        before = await s.get_task(task.name, view=2)
        assert before.dispatch_count == 1
    async with stage(state=tmp_path, clock=clock) as s:
        shown = await s.service.get_queue(m.GetQueueRequest(name=QUEUE), DEVELOPER)
        assert shown == paused
        assert shown.rate_limits == queue.rate_limits
        assert await s.get_task(task.name, view=2) == before
        kept = await s.service.get_iam_policy(m.GetIamPolicyRequest(resource=QUEUE), DEVELOPER)
        assert kept.bindings == policy.bindings
        with pytest.raises(Refusal, match="existed too recently"):
            await s.create_queue(f"{QUEUE}-2")
        await s.resume()
        await s.engine.drain()
        assert s.handler.headers(0)["X-CloudTasks-TaskPreviousResponse"] == "500"
        with pytest.raises(Refusal, match="already exists"):
            await s.create_task(task_id="named")


async def test_what_was_written_is_in_the_file_itself_once_the_engine_is_idle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log beside the file can be lost or left behind when a file is copied."""
    copy = tmp_path / "copy"
    copy.mkdir()
    monkeypatch.setattr(idle_checkpoint, "_IDLE_S", 0.0)
    async with stage(state=tmp_path / "live") as s:
        await s.create_queue()
        await s.pause()
        tasks = [(await s.create_task()).name for _ in range(3)]
        for _ in range(10):
            await asyncio.sleep(0)
        shutil.copy(tmp_path / "live" / FILE_NAME, copy)
    async with stage(state=copy) as s:
        assert [task.name for task in await s.tasks()] == tasks


class Loop:
    """The part of an event loop that plans calls, with a time that moves by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.planned: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> None:
        self.planned.append((when, callback))

    def call_later(self, delay: float, callback: Callable[[], None]) -> Loop:
        self.call_at(self.now + delay, callback)
        return self

    def step(self) -> None:
        self.now, callback = self.planned.pop(0)
        callback()


def test_a_checkpoint_waits_until_nothing_has_been_written_for_two_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, store = Loop(), Store(tmp_path)
    checkpoints: list[float] = []
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    monkeypatch.setattr(store, "checkpoint", lambda: checkpoints.append(loop.now))
    watch = idle_checkpoint.IdleCheckpoint(store)
    watch.start()
    loop.now = 101.5
    store.insert([a_task(number) for number in store.new_ids(1)])
    loop.step()
    assert checkpoints == []
    loop.step()
    assert checkpoints == [103.5]
    assert loop.planned == [], "nothing is planned while nothing is written"
    store.close()


async def test_a_task_in_flight_at_a_stop_is_delivered_after_the_next_start(tmp_path: Path) -> None:
    clock = ManualClock()
    async with stage(state=tmp_path, clock=clock) as s:
        await s.create_queue()
        s.handler.takes = "1h"
        await s.create_task()
        await s.engine.advance("1s")
        assert s.handler.now_running == 1
    assert s.handler.now_running == 0
    assert s.outcomes() == ["interrupted"]
    async with stage(state=tmp_path, clock=clock) as s:
        await s.engine.drain()
        assert s.handler.headers(0)["X-CloudTasks-TaskRetryCount"] == "0"
        assert s.outcomes() == ["succeeded"]


@pytest.mark.parametrize("removed", ["delete", "purge", "delete_queue"])
async def test_a_task_deleted_in_flight_before_a_stop_is_not_delivered_later(
    removed: str, tmp_path: Path
) -> None:
    """And the stop does not promise that."""
    clock = ManualClock()
    async with stage(state=tmp_path, clock=clock) as s:
        await s.create_queue()
        s.handler.takes = "1h"
        task = await s.create_task()
        await s.engine.advance("1s")
        assert s.handler.now_running == 1
        if removed == "delete":
            await s.service.delete_task(m.DeleteTaskRequest(name=task.name), DEVELOPER)
        elif removed == "purge":
            await s.service.purge_queue(m.PurgeQueueRequest(name=QUEUE), DEVELOPER)
        else:
            await s.service.delete_queue(m.DeleteQueueRequest(name=QUEUE), DEVELOPER)
    assert s.outcomes() == ["deleted"]


async def test_stop_lets_a_running_attempt_end_within_the_grace() -> None:
    async with stage(settings=Settings(stop_grace=timedelta(seconds=30))) as s:
        await s.create_queue()
        started, ended = asyncio.Event(), asyncio.Event()

        async def slow(_: object) -> int:
            started.set()
            await asyncio.sleep(0)
            ended.set()
            return 200

        s.engine._sender._handler = slow  # type: ignore[attr-defined]
        await s.create_task()
        await started.wait()
    assert ended.is_set()
    assert s.outcomes() == ["succeeded"]


async def test_an_engine_in_memory_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engine = Engine()
    await engine.start()
    await engine.stop()
    assert os.listdir(tmp_path) == []  # noqa: PTH208 (nothing waits for this folder)


@pytest.mark.parametrize("change", ["pause", "resume", "update", "purge", "policy"])
async def test_each_change_of_a_queue_is_kept_by_itself(tmp_path: Path, change: str) -> None:
    clock = ManualClock()
    async with stage(state=tmp_path, clock=clock) as s:
        await s.create_queue()
        if change == "resume":
            await s.pause()
    async with stage(state=tmp_path, clock=clock) as s:
        service = s.service
        await {
            "pause": s.pause,
            "resume": s.resume,
            "update": lambda: service.update_queue(
                m.UpdateQueueRequest(
                    queue=m.Queue(name=QUEUE, retry_config=m.RetryConfig(max_attempts=3))
                ),
                DEVELOPER,
            ),
            "purge": lambda: service.purge_queue(m.PurgeQueueRequest(name=QUEUE), DEVELOPER),
            "policy": lambda: service.set_iam_policy(
                m.SetIamPolicyRequest(
                    resource=QUEUE,
                    policy=m.Policy(bindings=[m.Binding(role="roles/viewer", members=["user:a"])]),
                ),
                DEVELOPER,
            ),
        }[change]()
        before = await shown(s)
    async with stage(state=tmp_path, clock=clock) as s:
        assert await shown(s) == before


async def shown(s: Stage) -> tuple[m.Queue, m.Policy]:
    queue = await s.service.get_queue(m.GetQueueRequest(name=QUEUE), DEVELOPER)
    policy = await s.service.get_iam_policy(m.GetIamPolicyRequest(resource=QUEUE), DEVELOPER)
    return queue, policy


async def test_purged_tasks_stay_purged_even_if_they_were_not_swept(tmp_path: Path) -> None:
    clock = ManualClock()
    purging = Stage(clock, tmp_path, None)  # never started: nobody sweeps
    await purging.create_queue()
    purged = await purging.create_task(task_id="purged")
    await purging.service.purge_queue(m.PurgeQueueRequest(name=QUEUE), DEVELOPER)
    kept = await purging.create_task()
    await purging.engine.stop()
    async with stage(state=tmp_path, clock=clock) as s:
        await s.engine.drain()
        names = [event.task for event in s.events if event.kind == "AttemptDispatch"]
        assert names == [kept.name]
        with pytest.raises(Refusal, match="already exists"):
            await s.create_task(task_id="purged")
    assert purged.name not in names
