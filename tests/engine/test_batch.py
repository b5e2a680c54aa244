"""Many tasks in one call."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from queuewright.engine import DEVELOPER, Caller, ManualClock
from queuewright.engine.protocol import messages as m
from queuewright.engine.service import operations
from queuewright.engine.state.file import FILE_NAME
from queuewright.errors import Refusal
from tests.engine.stage import LOCATION, QUEUE, URL, Stage, stage


def task(task_id: str = "", url: str = URL) -> m.CreateTaskRequest:
    name = f"{QUEUE}/tasks/{task_id}" if task_id else ""
    return m.CreateTaskRequest(task=m.Task(name=name, http_request=m.HttpRequest(url=url)))


async def create(s: Stage, *requests: m.CreateTaskRequest, request_id: str = "") -> m.Operation:
    request = m.BatchCreateTasksRequest(parent=QUEUE, requests=requests, request_id=request_id)
    return await s.service.batch_create_tasks(request, DEVELOPER)


async def delete(s: Stage, *names: str, request_id: str = "") -> m.Operation:
    request = m.BatchDeleteTasksRequest(parent=QUEUE, names=names, request_id=request_id)
    return await s.service.batch_delete_tasks(request, DEVELOPER)


def created(operation: m.Operation) -> tuple[m.BatchCreateTasksMetadata, list[str]]:
    metadata, response = m.BatchCreateTasksMetadata(), m.BatchCreateTasksResponse()
    assert operation.metadata.Unpack(metadata)
    if operation.HasField("response"):
        assert operation.response.Unpack(response)
    return metadata, [task.name for task in response.tasks]


def deleted(operation: m.Operation) -> m.BatchDeleteTasksMetadata:
    metadata = m.BatchDeleteTasksMetadata()
    assert operation.metadata.Unpack(metadata)
    return metadata


async def test_a_batch_creates_all_its_tasks_and_is_done() -> None:
    async with stage() as s:
        await s.create_queue()
        operation = await create(s, *[task() for _ in range(100)])
        metadata, names = created(operation)
        assert operation.done
        assert operation.name.startswith(f"{LOCATION}/operations/")
        assert metadata.state == 2
        assert len(set(names)) == 100
        await s.engine.drain()
        assert len(s.handler.received) == 100


async def test_failed_requests_are_listed_by_index_and_the_others_are_carried_out() -> None:
    async with stage() as s:
        await s.create_queue()
        await s.pause()
        metadata, names = created(await create(s, task("a"), task(url="ftp://h"), task("a")))
        assert names == [f"{QUEUE}/tasks/a"]
        assert metadata.state == 5
        assert {index: status.code for index, status in metadata.failed_requests.items()} == {
            1: 3,
            2: 6,
        }
        assert [shown.name for shown in await s.tasks()] == names


async def test_a_batch_in_which_all_fails_ends_in_an_error() -> None:
    async with stage() as s:
        await s.create_queue()
        operation = await create(s, task(url=""))
        assert (operation.error.code, operation.error.message) == (
            10,
            "None of the requests succeeded, refer to BatchCreateTasksMetadata.failed_requests for "
            "individual error details",
        )
        assert created(operation)[0].state == 3
        operation = await delete(s, f"{QUEUE}/tasks/none")
        assert operation.error.code == 10
        assert deleted(operation).state == 4


async def test_a_batch_deletes_its_tasks() -> None:
    async with stage() as s:
        await s.create_queue()
        await s.pause()
        _, names = created(await create(s, task("a"), task(), task()))
        operation = await delete(s, names[0], names[1], names[1])
        assert deleted(operation).state == 3
        assert list(deleted(operation).failed_requests) == [2]
        assert [shown.name for shown in await s.tasks()] == [names[2]]
        with pytest.raises(Refusal, match="already exists"):
            await s.create_task(task_id="a")


@pytest.mark.parametrize(("count", "fits"), [(0, False), (1, True), (100, True), (101, False)])
async def test_a_batch_has_one_to_a_hundred_tasks(count: int, fits: bool) -> None:
    async with stage() as s:
        await s.create_queue()
        if fits:
            await create(s, *[task()] * count)
        else:
            with pytest.raises(Refusal, match="1 to 100 entries"):
                await create(s, *[task()] * count)


async def test_a_batch_deletes_up_to_a_thousand() -> None:
    async with stage() as s:
        await s.create_queue()
        await delete(s, *[f"{QUEUE}/tasks/t"] * 1000)
        with pytest.raises(Refusal, match="1 to 1000 entries"):
            await delete(s, *[f"{QUEUE}/tasks/t"] * 1001)


async def test_a_repeated_request_id_finds_the_first_operation_even_after_a_restart(
    tmp_path: Path,
) -> None:
    clock = ManualClock()
    async with stage(state=tmp_path, clock=clock) as s:
        await s.create_queue()
        await s.pause()
        first = await create(s, task(), request_id="once")
        assert first.name == f"{LOCATION}/operations/once"
        assert await create(s, task(), request_id="once") == first
    async with stage(state=tmp_path, clock=clock) as s:
        assert await create(s, task(), request_id="once") == first
        assert len(await s.tasks()) == 1
        with pytest.raises(Refusal, match="operation of another kind"):
            await delete(s, "x", request_id="once")


async def test_a_request_id_used_again_after_a_day_is_counted_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise the room for the latest operations shrinks until a call fails that was stored."""
    monkeypatch.setattr(operations, "_RECENT_BYTES", 2_000)
    async with stage() as s:
        await s.create_queue()
        for _ in range(30):
            operation = await create(s, task(), request_id="daily")
            await s.engine.advance("25h")
            request = m.GetOperationRequest(name=operation.name)
            assert await s.service.get_operation(request, DEVELOPER) == operation
        assert len(s.handler.received) == 30


async def test_a_file_of_an_earlier_queuewright_keeps_its_operations(tmp_path: Path) -> None:
    clock = ManualClock()
    async with stage(state=tmp_path, clock=clock) as s:
        await s.create_queue()
        first = await create(s, task(), request_id="once")
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        database.execute("ALTER TABLE operation DROP COLUMN queue")
    database.close()
    async with stage(state=tmp_path, clock=clock) as s:
        assert await create(s, task(), request_id="once") == first
        second = await create(s, task(), request_id="twice")
        assert await create(s, task(), request_id="twice") == second


async def test_get_operation_returns_the_operation_of_a_batch() -> None:
    async with stage() as s:
        await s.create_queue()
        operation = await create(s, task())
        request = m.GetOperationRequest(name=operation.name)
        assert await s.service.get_operation(request, DEVELOPER) == operation
        request.name += "x"
        with pytest.raises(Refusal, match=r"Requested entity was not found\."):
            await s.service.get_operation(request, DEVELOPER)


async def test_a_batch_for_another_queue_inside_is_refused_one_by_one() -> None:
    async with stage() as s:
        await s.create_queue()
        other = task()
        other.parent = f"{LOCATION}/queues/other"
        metadata, names = created(await create(s, other, task()))
        assert list(metadata.failed_requests) == [0]
        assert len(names) == 1


async def test_a_principal_needs_its_right_for_a_batch_too() -> None:
    async with stage() as s:
        await s.create_queue()
        request = m.BatchCreateTasksRequest(parent=QUEUE, requests=[task()])
        with pytest.raises(Refusal, match="lacks IAM permission"):
            await s.service.batch_create_tasks(request, Caller("user:a"))
