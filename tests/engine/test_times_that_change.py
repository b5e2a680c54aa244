"""Clocks that are set, spans without end, and times that no calendar has."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from queuewright.engine import (
    DEVELOPER,
    Answer,
    Engine,
    Event,
    InProcessSender,
    OutgoingRequest,
    Settings,
    SystemClock,
)
from queuewright.engine.dispatch.attempts import retry_after_us
from queuewright.engine.events import AttemptEnded
from queuewright.engine.protocol import messages as m
from tests.engine.clocks import Clocks
from tests.engine.stage import QUEUE, URL, stage

LONGEST_S = 315_576_000_000
"""What a protobuf `Duration` can say."""


class Live:
    """An engine on the machine's clocks, whose handler sets them back by an hour, once."""

    def __init__(self, clocks: Clocks, tasks: int) -> None:
        self.clocks = clocks
        self.tasks = tasks
        self.is_set_back = False
        self.ended: list[AttemptEnded] = []
        self.is_done = asyncio.Event()
        sender = InProcessSender(self.handle)
        self.engine = Engine(clock=SystemClock(), sender=sender, on_event=self.hear)

    def handle(self, _request: OutgoingRequest) -> int:
        self.clocks.pass_s(4)
        if not self.is_set_back:
            self.clocks.wall_s -= 3_600
            self.is_set_back = True
        return 200

    def hear(self, event: Event) -> None:
        if isinstance(event, AttemptEnded):
            self.ended.append(event)
            if len(self.ended) == self.tasks:
                self.is_done.set()

    async def run(self, **queue: Any) -> None:
        async with self.engine as engine, asyncio.timeout(30):
            await engine.declare_queue(m.Queue(name=QUEUE, **queue))
            task = m.Task(http_request=m.HttpRequest(url=URL))
            for _ in range(self.tasks):
                request = m.CreateTaskRequest(parent=QUEUE, task=task)
                await engine.service.create_task(request, DEVELOPER)
            await self.is_done.wait()


async def test_a_clock_that_is_set_back_does_not_delay_what_was_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    live = Live(Clocks(monkeypatch), tasks=5)
    await live.run(rate_limits=m.RateLimits(max_concurrent_dispatches=1))
    assert [event.outcome for event in live.ended] == ["succeeded"] * 5


async def test_a_retry_waits_no_longer_when_the_clock_is_set_back() -> None:
    """A clock set back by 4 s during a backoff of 10 s ends it at 6 s of the new time."""
    async with stage() as s:
        config = m.RetryConfig()
        config.min_backoff.seconds = 10
        await s.create_queue(retry_config=config)
        s.handler.answers = [500]
        await s.create_task()
        await s.engine.advance("0s")
        s.engine._dispatcher.clock_set_back(4_000_000)
        await s.engine.advance("1m")
        assert s.handler.gaps_s() == [6]


async def test_an_attempts_duration_is_right_though_the_clock_was_set_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    live = Live(Clocks(monkeypatch), tasks=1)
    await live.run()
    assert live.ended[0].duration_us == 4_000_000


async def test_a_backoff_that_no_calendar_can_hold_ends_with_the_year_9999() -> None:
    async with stage() as s:
        config = m.RetryConfig()
        config.min_backoff.seconds = config.max_backoff.seconds = LONGEST_S
        await s.create_queue(retry_config=config)
        s.handler.otherwise = 500
        task = await s.create_task()
        await s.engine.advance("1s")
        assert s.outcomes() == ["will_retry"]
        shown = await s.get_task(task.name)
        assert shown.schedule_time.ToJsonString() == "9999-12-31T23:59:59.999999Z"
        await s.run(task.name)
        await s.engine.advance("1s")
        assert s.outcomes() == ["will_retry", "will_retry"]


@pytest.mark.parametrize(
    "header", ["9" * 5_000, "0" * 5_000 + "7", "Fri, 31 Dec 99999 23:59:59 GMT", "٣", "²"]
)
async def test_no_retry_after_harms_its_task(header: str) -> None:
    async with stage(settings=Settings(throttling=True)) as s:
        await s.create_queue()
        s.handler.answers = [Answer(503, header)]
        await s.create_task()
        await s.engine.advance("2h")
        assert s.outcomes() == ["will_retry", "succeeded"]


def test_a_long_number_of_seconds_is_still_a_number() -> None:
    assert retry_after_us("0" * 5_000 + "7", 0) == 7_000_000
    assert retry_after_us("0", 0) == 0
    assert retry_after_us("9" * 5_000, 0) == 9_999_999_999 * 1_000_000


async def test_plans_do_not_pile_up() -> None:
    """Each task here is due before the one that was created before it."""
    async with stage() as s:
        await s.create_queue()
        later = m.Task()
        for earlier_s in range(5_000):
            later.schedule_time.FromMicroseconds(
                s.clock.now_us() + (90_000 - earlier_s) * 1_000_000
            )
            await s.create_task(schedule_time=later.schedule_time)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert len(s.engine._dispatcher._plans) < 1_100


async def test_a_queue_that_waits_for_tomorrow_is_planned_once() -> None:
    async with stage() as s:
        await s.create_queue()
        later = m.Task()
        later.schedule_time.FromMicroseconds(s.clock.now_us() + 86_400_000_000)
        await s.create_task(schedule_time=later.schedule_time)
        for _ in range(100):
            await s.create_task()
            await s.engine.advance("1s")
        assert len(s.engine._dispatcher._plans) <= 2
