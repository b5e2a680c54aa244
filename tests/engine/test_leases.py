"""Leases: what the conformance table cannot show."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.cloud.tasks_v2beta2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from queuewright.cloud_tasks.roles import TASK_DELETER, TASK_RUNNER
from queuewright.engine import (
    DEVELOPER,
    Caller,
    Engine,
    ManualClock,
    QueueOptions,
    SystemClock,
    events,
)
from queuewright.engine.api import beta2
from queuewright.engine.protocol import messages as v2
from queuewright.engine.protocol import messages_lease as m
from queuewright.engine.rules.lease_filter import Tagged, lease_filter
from queuewright.engine.rules.leases import check_held, lease_us, proof_us
from queuewright.engine.state.file import FILE_NAME
from queuewright.errors import Refusal
from tests.engine.clocks import Clocks
from tests.engine.stage import LOCATION, QUEUE, Stage, stage
from tests.engine.test_crash import DISCONNECTED, PATIENCE_S, Process
from tests.engine.test_state import full, no_room

WORKER = "serviceAccount:worker@acme.iam.gserviceaccount.com"
MINUTE = Duration(seconds=60)


async def create_pull_queue(engine: Engine, max_attempts: int = 0) -> None:
    config = v2.Queue(name=QUEUE, retry_config=v2.RetryConfig(max_attempts=max_attempts))
    await engine.declare_queue(config, QueueOptions(pull=True))


def new(task_id: str, payload: bytes = b"", tag: str = "") -> m.CreateTaskRequest:
    message = m.PullMessage(payload=payload, tag=tag)
    name = f"{QUEUE}/tasks/{task_id}"
    return m.CreateTaskRequest(parent=QUEUE, task=m.Task(name=name, pull_message=message))


def lease_request(max_tasks: int = 10, view: int = 0, filter_: str = "") -> m.LeaseTasksRequest:
    return m.LeaseTasksRequest(
        parent=QUEUE,
        max_tasks=max_tasks,
        lease_duration=MINUTE,
        response_view=view,
        filter=filter_,
    )


def acknowledge(task: m.Task) -> m.AcknowledgeTaskRequest:
    return m.AcknowledgeTaskRequest(name=task.name, schedule_time=task.schedule_time)


async def create(engine: Engine, count: int, tags: int = 0) -> None:
    for number in range(count):
        request = new(f"t{number}", tag=f"tag{number % tags}" if tags else "")
        await engine.service.create_pull_task(request, DEVELOPER)


async def leased(engine: Engine, max_tasks: int = 10, view: int = 0) -> list[m.Task]:
    response = await engine.service.lease_tasks(lease_request(max_tasks, view), DEVELOPER)
    return list(response.tasks)


def ids(tasks: list[m.Task]) -> list[str]:
    return [task.name.rpartition("/")[2] for task in tasks]


# The rules


def test_every_rpc_of_v2beta2_is_served() -> None:
    """The version has exactly the RPCs that Google's client can call."""
    rpcs = {
        name.replace("_", "")
        for name, value in vars(CloudTasksGrpcTransport).items()
        if isinstance(value, property)
    } - {"grpcchannel", "kind"}
    assert {rpc.lower() for rpc in beta2.version(Engine().service).methods} == rpcs


@pytest.mark.parametrize(
    "span",
    [
        None,
        Duration(),
        Duration(seconds=-1),
        Duration(nanos=999_999_999),
        Duration(seconds=1, nanos=-1),
        Duration(seconds=1, nanos=2_000_000_000),
        Duration(seconds=604_801),
        Duration(seconds=2**62),
    ],
)
def test_a_lease_has_a_second_to_seven_days(span: Duration | None) -> None:
    with pytest.raises(Refusal) as refused:
        lease_us(span)
    assert refused.value.code == "INVALID_ARGUMENT"


def test_the_longest_lease_has_seven_days() -> None:
    assert lease_us(Duration(seconds=604_800)) == 604_800_000_000


def test_a_proof_counts_to_the_microsecond() -> None:
    """What a client adds below a microsecond changes nothing."""
    at = Timestamp(seconds=1, nanos=234_567_999)
    assert proof_us(at) == 1_234_567
    check_held(1_234_567, 1, proof_us(at), now_us=0)
    with pytest.raises(Refusal, match="not the task's current one"):
        check_held(1_234_567, 1, 1_234_568, now_us=0)


@pytest.mark.parametrize("seconds", [2**62, -(2**62)])
def test_a_proof_outside_any_calendar_is_refused(seconds: int) -> None:
    with pytest.raises(Refusal, match="not the task's current one"):
        check_held(1, 1, proof_us(Timestamp(seconds=seconds)), now_us=0)


@pytest.mark.parametrize("text", ["x", "tag", "TAG=x", " tag=x", "tag_function=", "tag_function=x"])
def test_other_filters_are_refused(text: str) -> None:
    with pytest.raises(Refusal, match="Invalid filter"):
        lease_filter(text)


def test_a_tag_may_look_like_a_function() -> None:
    assert lease_filter("tag=oldest_tag()") == Tagged("oldest_tag()")


# The service


async def test_two_workers_never_get_the_same_task() -> None:
    """Many calls at the same instant share the tasks among them."""
    async with stage() as s:
        await create_pull_queue(s.engine)
        await create(s.engine, 95)
        calls = [leased(s.engine, max_tasks=10) for _ in range(10)]
        found = [name for tasks in await asyncio.gather(*calls) for name in ids(tasks)]
        assert len(found) == len(set(found)) == 95


async def test_concurrent_clients_share_the_tasks() -> None:
    """Over gRPC, with connections of their own."""
    async with Engine() as engine:
        await create_pull_queue(engine)
        await create(engine, 70)
        port = await engine.serve_grpc(port=0)

        async def worker() -> list[str]:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                call = channel.unary_unary(f"/{beta2.SERVICE}/LeaseTasks")
                answer = await call(lease_request(8).SerializeToString())
                return ids(list(m.LeaseTasksResponse.FromString(answer).tasks))

        found = [
            name for names in await asyncio.gather(*(worker() for _ in range(9))) for name in names
        ]
        assert len(found) == len(set(found)) == 70


async def test_a_worker_needs_permissions() -> None:
    """`tasks.run` to lease, renew and cancel, `tasks.delete` to acknowledge."""
    async with stage() as s:
        await create_pull_queue(s.engine)
        await create(s.engine, 1)
        caller, service = Caller(WORKER), s.engine.service
        with pytest.raises(Refusal, match=r"cloudtasks\.tasks\.run"):
            await service.lease_tasks(lease_request(), caller)
        s.engine.grant(WORKER, TASK_RUNNER, QUEUE)
        (task,) = (await service.lease_tasks(lease_request(view=2), caller)).tasks
        renew = m.RenewLeaseRequest(
            name=task.name, schedule_time=task.schedule_time, lease_duration=MINUTE
        )
        task = await service.renew_lease(renew, caller)
        with pytest.raises(Refusal, match=r"cloudtasks\.tasks\.delete"):
            await service.acknowledge_task(acknowledge(task), caller)
        s.engine.grant(WORKER, TASK_DELETER, QUEUE)
        await service.acknowledge_task(acknowledge(task), caller)


async def test_a_lease_response_has_at_most_32_mb() -> None:
    """What does not fit stays in the queue, and BASIC has room for all of it."""
    async with stage() as s:
        await create_pull_queue(s.engine)
        for number in range(40):
            request = new(f"t{number}", payload=b"x" * 1_000_000)
            await s.engine.service.create_pull_task(request, DEVELOPER)
        first = await s.engine.service.lease_tasks(lease_request(40, view=2), DEVELOPER)
        assert len(first.tasks) == 33
        assert first.ByteSize() <= 32 * 1024 * 1024
        assert ids(await leased(s.engine, 40)) == [f"t{number}" for number in range(33, 40)]


async def test_leases_are_events(tmp_path: Path) -> None:
    async with stage(state=tmp_path) as s:
        await create_pull_queue(s.engine, max_attempts=2)
        await create(s.engine, 2)
        (a, b), service = await leased(s.engine), s.engine.service
        renew = m.RenewLeaseRequest(
            name=a.name, schedule_time=a.schedule_time, lease_duration=MINUTE
        )
        await service.acknowledge_task(
            acknowledge(await service.renew_lease(renew, DEVELOPER)), DEVELOPER
        )
        cancel = m.CancelLeaseRequest(name=b.name, schedule_time=b.schedule_time)
        await service.cancel_lease(cancel, DEVELOPER)
        await leased(s.engine)
        await s.engine.advance("60s")
        assert await leased(s.engine) == []
        seen = [
            (event.kind, event.task[-2:], getattr(event, "attempt", None))
            for event in s.events
            if hasattr(event, "task")
        ]
        assert seen == [
            ("CreateTask", "t0", None),
            ("CreateTask", "t1", None),
            ("LeaseTask", "t0", 1),
            ("LeaseTask", "t1", 1),
            ("RenewLease", "t0", 1),
            ("AcknowledgeTask", "t0", 1),
            ("CancelLease", "t1", 1),
            ("LeaseTask", "t1", 2),
            ("GiveUpTask", "t1", 2),
        ]
        made = next(event for event in s.events if isinstance(event, events.TaskCreated))
        assert (made.target_type, made.target_address) == ("PULL", "")


async def test_a_batch_of_v2_deletes_pull_tasks_and_creates_none() -> None:
    async with stage() as s:
        await create_pull_queue(s.engine)
        await create(s.engine, 2)
        names = [f"{QUEUE}/tasks/t0", f"{QUEUE}/tasks/t1"]
        delete = v2.BatchDeleteTasksRequest(parent=QUEUE, names=names)
        await s.service.batch_delete_tasks(delete, DEVELOPER)
        assert [event.kind for event in s.events].count("DeleteTask") == 2
        assert await leased(s.engine) == []
        task = v2.Task(http_request=v2.HttpRequest(url="https://a.example"))
        batch = v2.BatchCreateTasksRequest(
            parent=QUEUE, requests=[v2.CreateTaskRequest(parent=QUEUE, task=task)]
        )
        failed = v2.BatchCreateTasksMetadata()
        (await s.service.batch_create_tasks(batch, DEVELOPER)).metadata.Unpack(failed)
        assert "pull queue" in failed.failed_requests[0].message


async def test_a_purged_task_is_not_leased_before_it_is_swept() -> None:
    """The sweeper has not run when the lease is asked for."""
    async with stage() as s:
        await create_pull_queue(s.engine)
        await create(s.engine, 3, tags=1)
        purge, service = v2.PurgeQueueRequest(name=QUEUE), s.service
        await service.purge_queue(purge, DEVELOPER)
        assert service.stats(QUEUE).tasks_count == 0
        for filter_ in ("", "tag=tag0", "tag_function=oldest_tag()"):
            request = lease_request(filter_=filter_)
            assert not (await service.lease_tasks(request, DEVELOPER)).tasks


async def test_a_task_that_is_too_old_is_not_leased_before_it_is_swept() -> None:
    """As after a laptop has slept: the sweeper has not run when the lease is asked for."""
    async with stage() as s:
        await create_pull_queue(s.engine)
        await create(s.engine, 1)
        end_us = s.clock.now_us() + 31 * 86_400 * 1_000_000
        while s.clock.step(end_us - 1):
            pass
        request = new("young")
        await s.service.create_pull_task(request, DEVELOPER)
        while s.clock.step(end_us):
            pass
        assert ids(await leased(s.engine)) == ["young"]


async def test_a_lease_whose_task_is_unreadable_is_not_renewed(tmp_path: Path) -> None:
    """A call that is refused changes nothing."""
    async with stage(state=tmp_path) as s:
        await create_pull_queue(s.engine)
        await create(s.engine, 1)
        (task,) = await leased(s.engine)
        s.engine._store._database.execute("DELETE FROM content")
        await s.engine.advance("1s")
        proof = {"name": task.name, "schedule_time": task.schedule_time, "response_view": 2}
        renew = m.RenewLeaseRequest(**proof, lease_duration=MINUTE)
        with pytest.raises(Refusal, match="content is missing"):
            await s.service.renew_lease(renew, DEVELOPER)
        with pytest.raises(Refusal, match="content is missing"):
            await s.service.cancel_lease(m.CancelLeaseRequest(**proof), DEVELOPER)
        await s.service.acknowledge_task(acknowledge(task), DEVELOPER)


async def test_a_set_back_clock_keeps_due_tasks_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """A running lease ends at its time on the new clock."""
    clocks = Clocks(monkeypatch)
    async with Engine(clock=SystemClock()) as engine:
        await create_pull_queue(engine)
        await create(engine, 1)
        (held,) = await leased(engine)
        clocks.pass_s(30)
        await engine.service.create_pull_task(new("due"), DEVELOPER)
        clocks.wall_s -= 20
        assert ids(await leased(engine)) == []
        for _ in range(20):  # the dispatcher takes note of it
            await asyncio.sleep(0)
        assert ids(await leased(engine)) == ["due"]
        await engine.service.acknowledge_task(acknowledge(held), DEVELOPER)


# The state


async def test_leases_survive_a_restart(tmp_path: Path) -> None:
    clock = ManualClock()
    async with stage(state=tmp_path, clock=clock) as s:
        await create_pull_queue(s.engine, max_attempts=5)
        await create(s.engine, 3, tags=2)
        (held,) = await leased(s.engine, 1)
    async with stage(state=tmp_path, clock=clock) as s:
        assert ids(await leased(s.engine)) == ["t1", "t2"]
        await s.engine.service.acknowledge_task(acknowledge(held), DEVELOPER)
        await s.engine.advance("60s")
        tasks = await s.engine.service.lease_tasks(lease_request(filter_="tag=tag1"), DEVELOPER)
        assert [task.status.attempt_dispatch_count for task in tasks.tasks] == [2]
        assert s.engine.service.options(QUEUE).pull


async def test_an_unreadable_task_is_not_leased_and_the_others_are(tmp_path: Path) -> None:
    async with stage(state=tmp_path) as s:
        await create_pull_queue(s.engine)
        await create(s.engine, 2)
        s.engine._store._database.execute(
            "DELETE FROM content WHERE id = (SELECT min(id) FROM task)"
        )
        assert ids(await leased(s.engine, view=2)) == ["t1"]
        assert "StateFailed" in [event.kind for event in s.events]
        delete = v2.DeleteTaskRequest(name=f"{QUEUE}/tasks/t0")
        await s.service.delete_task(delete, DEVELOPER)


async def test_a_state_from_before_pull_queues_is_taken_over(tmp_path: Path) -> None:
    """Its tasks are kept, and it can hold pull queues from then on."""
    async with stage(state=tmp_path) as s:
        await s.create_queue(f"{LOCATION}/queues/push")
        await s.pause(f"{LOCATION}/queues/push")
        await s.create_task(f"{LOCATION}/queues/push", "old")
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        database.executescript(
            "DROP INDEX pull_task_by_time; DROP INDEX pull_task_by_tag;"
            "ALTER TABLE task DROP COLUMN tag;"
        )
    database.close()
    async with stage(state=tmp_path) as s:
        await create_pull_queue(s.engine)
        await create(s.engine, 1)
        assert ids(await leased(s.engine)) == ["t0"]
        assert [task.name[-3:] for task in await s.tasks(f"{LOCATION}/queues/push")] == ["old"]


async def fill_up(engine: Engine) -> None:
    for number in range(1_000):
        request = new(f"more{number}", payload=b"x" * 20_000)
        await engine.service.create_pull_task(request, DEVELOPER)


@pytest.mark.parametrize("kind", ["file", "log"])
async def test_workers_can_go_on_working_on_a_full_disk(tmp_path: Path, kind: str) -> None:
    """They take, renew, give back and acknowledge tasks; new tasks are refused."""
    async with stage(state=tmp_path) as s, AsyncExitStack() as stack:
        await create_pull_queue(s.engine, max_attempts=3)
        await create(s.engine, 4)
        if kind == "file":
            full(s.engine._store)
        else:
            stack.enter_context(no_room(tmp_path))
        with pytest.raises(Refusal, match="cannot store this"):
            await fill_up(s.engine)
        (a, b), service = await leased(s.engine, 2), s.engine.service
        renew = m.RenewLeaseRequest(
            name=a.name, schedule_time=a.schedule_time, lease_duration=MINUTE
        )
        a = await service.renew_lease(renew, DEVELOPER)
        await service.acknowledge_task(acknowledge(a), DEVELOPER)
        cancel = m.CancelLeaseRequest(name=b.name, schedule_time=b.schedule_time)
        await service.cancel_lease(cancel, DEVELOPER)
        assert ids(await leased(s.engine, 3))[:2] == ["t1", "t2"]


@contextmanager
def counted_steps(database: sqlite3.Connection) -> Iterator[list[int]]:
    """Count the steps of SQLite's machine, in tens."""
    steps = [0]

    def step() -> int:
        steps[0] += 1
        return 0

    database.set_progress_handler(step, 10)
    yield steps
    database.set_progress_handler(None, 0)


@pytest.mark.parametrize("filter_", ["", "tag=tag3", "tag_function=oldest_tag()"])
async def test_a_lease_does_not_read_the_tasks_that_it_does_not_take(filter_: str) -> None:
    """It takes as many steps with 100 waiting tasks as with 10,000."""
    costs = []
    for count in (100, 10_000):
        async with stage() as s:
            await create_pull_queue(s.engine)
            await create(s.engine, 20, tags=5)
            await crowd(s, count)
            with counted_steps(s.engine._store._database) as steps:
                response = await s.service.lease_tasks(lease_request(3, 2, filter_), DEVELOPER)
            assert len(response.tasks) == 3
            costs.append(steps[0])
    few, many = costs
    assert many < few * 1.5


async def crowd(s: Stage, count: int) -> None:
    """Store many waiting tasks at once, with a thousand tags."""
    store, now_us = s.engine._store, s.clock.now_us()
    queue = s.engine._registry.get(QUEUE)
    assert queue is not None
    store._database.executemany(
        "INSERT INTO task (id, queue, schedule_us, create_us, tag) VALUES (?, ?, ?, ?, ?)",
        [
            (number, queue.number, now_us, now_us, f"many{number % 1_000}")
            for number in store.new_ids(count)
        ],
    )


# Death


async def test_leases_survive_a_kill(tmp_path: Path) -> None:
    """What a worker holds stays its own, and it can finish it; nobody else gets it."""
    engine = await Process.started(tmp_path)
    queue = m.Queue(name=QUEUE, pull_target=m.PullTarget())
    await lease_call(
        engine, "CreateQueue", m.CreateQueueRequest(parent=LOCATION, queue=queue), m.Queue
    )
    for number in range(20):
        await lease_call(engine, "CreateTask", new(f"t{number}"), m.Task)
    held = await lease_call(engine, "LeaseTasks", lease_request(8), m.LeaseTasksResponse)
    await engine.kill()
    engine = await Process.started(tmp_path)
    others = await lease_call(engine, "LeaseTasks", lease_request(1_000), m.LeaseTasksResponse)
    assert len(held.tasks) == 8
    assert len(others.tasks) == 12
    assert not set(ids(held.tasks)) & set(ids(others.tasks))
    for task in held.tasks:
        await lease_call(engine, "AcknowledgeTask", acknowledge(task), Empty)
    left = await lease_call(
        engine, "ListTasks", m.ListTasksRequest(parent=QUEUE), m.ListTasksResponse
    )
    assert sorted(ids(left.tasks)) == sorted(ids(others.tasks))
    await engine.end()


async def lease_call(engine: Process, rpc: str, request: Message, answer: type[Message]) -> Any:
    return await engine.call(rpc, request, answer, version="v2beta2")


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
async def test_no_finished_work_comes_back_and_none_is_lost_by_kills_under_load(
    tmp_path: Path, kills: int
) -> None:
    """Workers create, lease and acknowledge while the engine is killed again and again."""
    chance = random.Random(kills)
    created: set[str] = set()
    finished: set[str] = set()
    engine = await Process.started(tmp_path)
    queue = m.Queue(name=QUEUE, pull_target=m.PullTarget())
    await lease_call(
        engine, "CreateQueue", m.CreateQueueRequest(parent=LOCATION, queue=queue), m.Queue
    )
    for round_ in range(kills):
        end = asyncio.Event()
        left = chance.randrange(1, 40)

        async def producer(engine: Process, name: str) -> None:
            for number in range(100_000):
                await lease_call(engine, "CreateTask", new(f"{name}-{number}"), m.Task)
                created.add(f"{name}-{number}")

        async def worker(engine: Process, end: asyncio.Event) -> None:
            nonlocal left
            while True:
                try:
                    response = await lease_call(
                        engine, "LeaseTasks", lease_request(5), m.LeaseTasksResponse
                    )
                except grpc.aio.AioRpcError as error:
                    if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                        raise
                    continue
                assert not finished & set(ids(response.tasks)), "finished work came back"
                for task in response.tasks:
                    await lease_call(engine, "AcknowledgeTask", acknowledge(task), Empty)
                    finished.update(ids([task]))
                    left -= 1
                    if left <= 0:
                        end.set()

        workers = [asyncio.create_task(producer(engine, str(round_)))]
        workers += [asyncio.create_task(worker(engine, end)) for _ in range(2)]
        await asyncio.wait_for(end.wait(), PATIENCE_S)
        await engine.kill()
        ends = await asyncio.gather(*workers, return_exceptions=True)
        assert all(isinstance(end, DISCONNECTED) for end in ends), ends
        engine = await Process.started(tmp_path)
    listed: set[str] = set()
    request = m.ListTasksRequest(parent=QUEUE)
    while True:
        page = await lease_call(engine, "ListTasks", request, m.ListTasksResponse)
        listed.update(ids(page.tasks))
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert not listed & finished
    # A call whose answer was lost in a kill may have been carried out.
    assert len(created - finished - listed) <= 2 * kills
    assert len(finished) >= kills
    await engine.end()
