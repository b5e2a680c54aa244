"""Handlers that hang while a manual clock moves: real time is waited for once, not at each step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from queuewright.engine import OutgoingRequest
from tests.engine.stage import QUEUE, Stage, stage

OTHER = f"{QUEUE}-other"


class Waits:
    """Takes the place of `asyncio.wait_for`: notes each wait, and lets it pass in no time."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.seconds: list[float] = []
        self.meanwhile: Callable[[], None] | None = None
        patch.setattr(asyncio, "wait_for", self.wait)

    async def wait(self, awaited: Coroutine[Any, Any, bool], seconds: float) -> bool:
        self.seconds.append(seconds)
        if self.meanwhile is not None:
            self.meanwhile()
            self.meanwhile = None
            return await awaited
        awaited.close()
        raise TimeoutError


def handled_by(s: Stage, handler: Callable[[OutgoingRequest], Coroutine[Any, Any, int]]) -> None:
    s.engine._sender._handler = handler  # type: ignore[attr-defined]


async def hang(_: OutgoingRequest) -> int:
    await asyncio.Event().wait()
    return 200


async def test_an_hour_of_a_hanging_handler_costs_its_patience_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits = Waits(monkeypatch)
    async with stage() as s:
        await s.create_queue()
        handled_by(s, hang)
        await s.create_task()
        await s.engine.advance("1h")
        assert s.outcomes() == ["will_retry"] * 5, "each took the ten minutes of its deadline"
        assert waits.seconds == [1.0] + [pytest.approx(0.1)] * 5


async def test_time_does_not_wait_for_a_hanging_attempt_at_every_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits = Waits(monkeypatch)
    async with stage() as s:
        await s.create_queue()
        await s.create_queue(OTHER)
        s.handler.otherwise = 500
        steady = s.handler

        async def handler(request: OutgoingRequest) -> Any:
            if dict(request.headers)["X-CloudTasks-QueueName"] == "emails":
                return await hang(request)
            return await steady(request)

        handled_by(s, handler)
        await s.create_task()
        await s.create_task(OTHER)
        await s.engine.advance("9m")
        assert len(s.handler.received) > 8
        assert waits.seconds == [1.0]


async def test_other_queues_keep_the_full_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = Waits(monkeypatch)
    async with stage() as s:
        await s.create_queue()
        await s.create_queue(OTHER)
        answered = asyncio.Event()

        async def handler(request: OutgoingRequest) -> int:
            if dict(request.headers)["X-CloudTasks-QueueName"] == "emails":
                return await hang(request)
            await answered.wait()
            return 200

        handled_by(s, handler)
        await s.create_task()
        await s.engine.advance("1s")
        await s.create_task(OTHER)
        waits.meanwhile = answered.set
        await s.engine.advance("1s")
        assert s.outcomes() == ["succeeded"]
        assert waits.seconds == [1.0, 1.0]


async def test_a_handler_that_waits_for_the_clock_is_not_hanging(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither itself nor through a task of its own."""
    waits = Waits(monkeypatch)
    async with stage() as s:
        await s.create_queue()

        async def handler(_: OutgoingRequest) -> int:
            await s.clock.sleep("1m")
            await asyncio.create_task(s.clock.sleep("1m"))
            return 200

        handled_by(s, handler)
        await s.create_task()
        await s.engine.advance("3m")
        assert s.outcomes() == ["succeeded"]
        assert waits.seconds == []
