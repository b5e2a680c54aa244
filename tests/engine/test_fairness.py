"""How queues share the attempts that can be in flight at one time."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from queuewright.engine import DEVELOPER, Settings
from queuewright.engine.protocol import messages as m
from queuewright.engine.rules.slots import Slots
from tests.engine.stage import LOCATION, Stage, stage

FAST = m.RateLimits(max_dispatches_per_second=500, max_concurrent_dispatches=1000)


def small_stage(max_in_flight: int) -> AbstractAsyncContextManager[Stage]:
    return stage(settings=Settings(max_in_flight=max_in_flight, stop_grace=timedelta(0)))


async def hanging_queue(s: Stage, name: str, tasks: int, *, takes: str = "1h") -> list[m.Task]:
    """A queue with this many tasks whose handler takes long, as many of them as may run."""
    s.handler.takes = takes
    await fast_queue(s, name)
    created = await fill(s, name, tasks)
    await s.engine.advance("3s")
    return created


async def fast_queue(s: Stage, name: str) -> None:
    await s.create_queue(f"{LOCATION}/queues/{name}", rate_limits=FAST)


async def fill(s: Stage, name: str, tasks: int) -> list[m.Task]:
    deadline = m.Task()
    deadline.dispatch_deadline.seconds = 1800
    return [
        await s.create_task(
            f"{LOCATION}/queues/{name}", dispatch_deadline=deadline.dispatch_deadline
        )
        for _ in range(tasks)
    ]


async def start_together(s: Stage, names: list[str], tasks: int) -> None:
    for name in names:
        await fast_queue(s, name)
        await s.pause(f"{LOCATION}/queues/{name}")
        await fill(s, name, tasks)
    for name in names:
        await s.resume(f"{LOCATION}/queues/{name}")


def received(s: Stage, queue: str) -> int:
    return sum(dict(r.headers)["X-CloudTasks-QueueName"] == queue for r in s.handler.received)


async def test_a_slow_queue_does_not_delay_another() -> None:
    async with small_stage(20) as s:
        await hanging_queue(s, "slow", 1000)
        assert 0 < s.handler.now_running < 20
        s.handler.takes = "0s"
        await s.create_queue(f"{LOCATION}/queues/quiet")
        await s.create_task(f"{LOCATION}/queues/quiet")
        await s.engine.advance("0s")
        assert received(s, "quiet") == 1


async def test_slow_queues_leave_a_slot_to_each_of_the_others() -> None:
    async with small_stage(60) as s:
        slow = [f"slow{number}" for number in range(20)]
        quiet = [f"quiet{number}" for number in range(10)]
        for name in slow + quiet:
            await fast_queue(s, name)
        s.handler.takes = "1h"
        for name in slow:
            await fill(s, name, 20)
            await s.engine.advance("1s")
        for name in quiet:
            await fill(s, name, 1)
            await s.engine.advance("0s")
            assert received(s, name) == 1


async def test_queues_that_start_together_get_equal_shares() -> None:
    async with small_stage(40) as s:
        s.handler.takes = "1h"
        await start_together(s, ["a", "b", "c", "d"], tasks=40)
        await s.engine.advance("0s")
        assert [received(s, name) for name in ("a", "b", "c", "d")] == [8, 8, 8, 8]


async def test_free_slots_go_round_among_the_queues_that_wait() -> None:
    async with small_stage(4) as s:
        s.handler.takes = "10s"
        names = [f"q{number}" for number in range(8)]
        await start_together(s, names, tasks=3)
        for served in (4, 8, 12, 16, 20, 24):
            await s.engine.advance("0s")
            assert sum(received(s, name) for name in names) == served
            counts = [received(s, name) for name in names]
            assert max(counts) - min(counts) <= 1
            await s.engine.advance("10s")


async def test_a_task_that_has_no_slot_has_not_begun() -> None:
    """As `GetTask` shows it, it waits: no attempt, no dispatch."""
    async with small_stage(4) as s:
        tasks = await hanging_queue(s, "slow", 10)
        shown = [await s.get_task(task.name) for task in tasks]
        begun = s.handler.now_running
        assert sorted(task.dispatch_count for task in shown) == [0] * (10 - begun) + [1] * begun
        assert [event.kind for event in s.events].count("AttemptDispatch") == begun


async def test_a_task_that_was_deleted_before_it_was_sent_is_never_delivered() -> None:
    async with small_stage(4) as s:
        tasks = await hanging_queue(s, "slow", 54, takes="10s")
        waiting = [task for task in tasks if (await s.get_task(task.name)).dispatch_count == 0]
        assert len(waiting) >= 50
        for task in waiting:
            await s.service.delete_task(m.DeleteTaskRequest(name=task.name), DEVELOPER)
        await s.engine.advance("1h")
        assert len(s.handler.received) == 54 - len(waiting)
        assert await s.tasks(f"{LOCATION}/queues/slow") == []


async def test_a_purge_takes_the_tasks_that_have_not_been_sent() -> None:
    async with small_stage(4) as s:
        await hanging_queue(s, "slow", 54, takes="10s")
        sent = len(s.handler.received)
        queue = f"{LOCATION}/queues/slow"
        await s.service.purge_queue(m.PurgeQueueRequest(name=queue), DEVELOPER)
        await s.engine.advance("1h")
        assert len(s.handler.received) == sent < 10


async def test_a_pause_holds_the_tasks_that_have_not_been_sent() -> None:
    async with small_stage(4) as s:
        await hanging_queue(s, "slow", 54, takes="10s")
        sent = len(s.handler.received)
        await s.pause(f"{LOCATION}/queues/slow")
        await s.engine.advance("1h")
        assert len(s.handler.received) == sent < 10
        await s.resume(f"{LOCATION}/queues/slow")
        await s.engine.drain()
        assert len(s.handler.received) == 54


async def test_a_deleted_queues_attempts_hold_their_slots_until_they_end() -> None:
    async with small_stage(4) as s:
        await hanging_queue(s, "slow", 10, takes="10s")
        await s.service.delete_queue(
            m.DeleteQueueRequest(name=f"{LOCATION}/queues/slow"), DEVELOPER
        )
        await hanging_queue(s, "next", 10, takes="10s")
        assert s.handler.most_running <= 4
        await s.engine.drain()
        assert received(s, "next") == 10


async def test_a_task_run_by_hand_waits_for_no_slot() -> None:
    async with small_stage(4) as s:
        tasks = await hanging_queue(s, "slow", 10)
        for task in tasks:
            await s.run(task.name)
        await s.engine.advance("0s")
        assert s.handler.now_running >= 10


async def test_without_a_limit_only_the_queues_own_limits_count() -> None:
    async with stage() as s:
        await hanging_queue(s, "slow", 1000)
        assert s.handler.now_running == 1000


@given(
    limit=st.integers(1, 60),
    queues=st.integers(1, 30),
    moves=st.lists(st.tuples(st.integers(0, 29), st.booleans()), max_size=200),
)
def test_slots_are_never_more_than_there_are_and_one_is_left_for_each_idle_queue(
    limit: int, queues: int, moves: list[tuple[int, bool]]
) -> None:
    """As long as there are no more than two slots for each queue."""
    slots = Slots(limit)
    held = [0] * queues
    for move, is_start in moves:
        queue = move % queues
        if is_start and slots.may_take(queue, queues):
            slots.take(queue)
            held[queue] += 1
        elif not is_start and held[queue]:
            slots.give_back(queue)
            held[queue] -= 1
        assert sum(held) <= limit
        if queues <= limit // 2:
            assert all(slots.may_take(idle, queues) for idle in range(queues) if not held[idle])
            assert limit - sum(held) >= held.count(0)
