"""What a dashboard reads from the engine, and what it does to many tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuewright.engine import StateCounts, TaskFacts, TaskFilter
from queuewright.engine.protocol import messages as m
from queuewright.errors import Refusal
from tests.engine.stage import QUEUE, URL, Stage, stage

RETRY = m.RetryConfig(max_attempts=4)
RETRY.min_backoff.seconds = 10


async def found(playing: Stage, wanted: TaskFilter, before: int | None = None) -> list[str]:
    return [
        each.id
        async for each in playing.service.search(QUEUE, wanted, before)
        if isinstance(each, TaskFacts)
    ]


async def filled(playing: Stage) -> None:
    """A paused queue with one retrying task, one scheduled one and two due ones."""
    await playing.create_queue(retry_config=RETRY)
    playing.handler.answers = [503]
    await playing.create_task(task_id="failed")
    await playing.engine.advance("1s")
    await playing.pause()
    later = m.Task()
    later.schedule_time.seconds = playing.clock.now_us() // 1_000_000 + 600
    await playing.create_task(task_id="later", schedule_time=later.schedule_time)
    for task_id in ("order-1", "order-2"):
        await playing.create_task(
            task_id=task_id,
            http_request=m.HttpRequest(
                url=URL, body=f'{{"Subject": "{task_id}"}}'.encode(), headers={"X-Kind": "Mail"}
            ),
        )


async def test_the_facts_of_a_queue_tell_each_state_and_what_is_oldest() -> None:
    async with stage() as playing:
        await filled(playing)
        await playing.engine.advance("2s")
        (facts,) = playing.service.queue_facts()
        assert facts.counts == StateCounts(scheduled=1, due=2, running=0, retrying=1)
        assert facts.oldest_due_us == playing.clock.now_us() - 2_000_000
        assert facts.next_start_us is None, "it is paused"
        assert playing.service.queue_facts("projects/a/locations/b/queues/none") == []


async def test_a_restart_counts_a_retrying_task_as_retrying(tmp_path: Path) -> None:
    async with stage(state=tmp_path) as playing:
        await filled(playing)
        clock = playing.clock
    async with stage(state=tmp_path, clock=clock) as playing:
        (facts,) = playing.service.queue_facts(QUEUE)
        assert facts.counts == StateCounts(scheduled=1, due=2, running=0, retrying=1)


async def test_tasks_are_found_newest_first_by_state_text_result_and_age() -> None:
    async with stage() as playing:
        await filled(playing)
        everything = ["order-2", "order-1", "later", "failed"]
        assert await found(playing, TaskFilter()) == everything
        assert await found(playing, TaskFilter(state="retrying")) == ["failed"]
        assert await found(playing, TaskFilter(state="due")) == ["order-2", "order-1"]
        assert await found(playing, TaskFilter(state="scheduled")) == ["later"]
        assert await found(playing, TaskFilter(text='subject": "ORDER-1')) == ["order-1"]
        assert await found(playing, TaskFilter(text="x-kind")) == ["order-2", "order-1"]
        assert await found(playing, TaskFilter(text="late")) == ["later"], "by its id"
        assert await found(playing, TaskFilter(result=503)) == ["failed"]
        now_us = playing.clock.now_us()
        assert await found(playing, TaskFilter(created_before_us=now_us)) == ["failed"]
        assert await found(playing, TaskFilter(created_after_us=now_us - 1)) == everything[:3]


async def test_a_search_goes_on_where_another_one_ended() -> None:
    async with stage() as playing:
        await filled(playing)
        numbers = [
            each.number
            async for each in playing.service.search(QUEUE, TaskFilter())
            if isinstance(each, TaskFacts)
        ]
        assert await found(playing, TaskFilter(), numbers[1]) == ["later", "failed"]
        assert await found(playing, TaskFilter(up_to=numbers[2])) == ["later", "failed"]
        assert await found(playing, TaskFilter(numbers=numbers[::3])) == ["order-2", "failed"]


async def test_a_running_task_is_neither_due_nor_retrying() -> None:
    async with stage() as playing:
        await playing.create_queue(retry_config=RETRY)
        playing.handler.takes = "30s"
        task = await playing.create_task(task_id="slow")
        await playing.engine.advance("1s")
        facts = playing.service.task_facts(task.name)
        assert facts is not None
        assert (facts.state, facts.attempts, len(facts.running_since_us)) == ("running", 1, 1)
        assert await found(playing, TaskFilter(state="due")) == []
        assert await found(playing, TaskFilter(state="running")) == ["slow"]


async def test_tasks_made_due_are_sent_within_the_rate_and_use_an_attempt() -> None:
    async with stage() as playing:
        await filled(playing)
        counts = [
            done async for done in playing.service.make_due(QUEUE, TaskFilter(state="retrying"))
        ]
        assert counts == [1]
        (facts,) = playing.service.queue_facts(QUEUE)
        assert facts.counts == StateCounts(scheduled=1, due=3, running=0, retrying=0)
        playing.handler.answers = [503]
        await playing.resume()
        await playing.engine.advance("0.5s")
        failed = await playing.get_task(f"{QUEUE}/tasks/failed")
        assert failed.dispatch_count == 2


async def test_a_task_made_due_stays_due_after_a_restart(tmp_path: Path) -> None:
    async with stage(state=tmp_path) as playing:
        await filled(playing)
        assert playing.service.make_task_due(f"{QUEUE}/tasks/later")
        assert not playing.service.make_task_due(f"{QUEUE}/tasks/later"), "it is due already"
        clock = playing.clock
    async with stage(state=tmp_path, clock=clock) as playing:
        (facts,) = playing.service.queue_facts(QUEUE)
        assert facts.counts.scheduled == 0
        assert facts.counts.due == 3


async def test_deleting_what_matches_leaves_the_rest() -> None:
    async with stage() as playing:
        await filled(playing)
        async for _ in playing.service.delete_all(QUEUE, TaskFilter(text="order-")):
            pass
        assert await found(playing, TaskFilter()) == ["later", "failed"]


async def test_a_search_in_a_queue_that_is_not_there_is_refused() -> None:
    async with stage() as playing:
        with pytest.raises(Refusal, match="Queue does not exist"):
            await found(playing, TaskFilter())
