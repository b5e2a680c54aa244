"""A clock that is set back makes no lease and no backoff longer."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from queuewright.engine import Clock, ManualClock, SystemClock
from queuewright.pubsub.delivery import subscription
from queuewright.pubsub.protocol import messages as m
from tests.engine.clocks import Clocks
from tests.pubsub.stage import Stage, stage

HOUR_S = 3_600


def playing(clock: Clock, state: Path | None = None) -> Stage:
    """A stage on a clock that is not moved by `advance`."""
    return Stage(clock, state)  # type: ignore[arg-type]


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


async def test_a_lease_lasts_as_long_as_before(clocks: Clocks) -> None:
    s = playing(SystemClock())
    async with s.server:
        await s.topic()
        await s.subscription()
        await s.publish(b"a")
        assert await s.data() == [b"a"]
        clocks.pass_s(4)
        clocks.wall_s -= HOUR_S
        assert await s.data() == []
        clocks.pass_s(5)
        assert await s.data() == [], "and no shorter"
        clocks.pass_s(1)
        assert await s.data() == [b"a"]


async def test_a_lease_that_is_extended_as_the_clock_is_set_back_lasts_its_span(
    clocks: Clocks,
) -> None:
    s = playing(SystemClock())
    async with s.server:
        await s.topic()
        await s.subscription()
        await s.publish(b"a")
        (held,) = await s.pull()
        clocks.wall_s -= HOUR_S
        await s.modify(60, held.ack_id)
        clocks.pass_s(59)
        assert await s.data() == []
        clocks.pass_s(1)
        assert await s.data() == [b"a"]


async def test_a_backoff_takes_no_longer(clocks: Clocks) -> None:
    s = playing(SystemClock())
    async with s.server:
        await s.topic()
        policy = m.RetryPolicy()
        policy.minimum_backoff.FromSeconds(30)  # type: ignore[attr-defined]
        await s.subscription(retry_policy=policy)
        await s.publish(b"a")
        (held,) = await s.pull()
        await s.modify(0, held.ack_id)
        clocks.wall_s -= HOUR_S
        clocks.pass_s(29)
        assert await s.data() == []
        clocks.pass_s(1)
        assert await s.data() == [b"a"]


async def test_a_clock_set_back_during_a_seek_counts_after_it(
    clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "_PIECE", 1)
    clock = SystemClock()
    s = playing(clock)
    async with s.server:
        await s.topic()
        await s.subscription()
        await s.publish(b"a", b"b")
        await s.pull(most=1)
        seeking = asyncio.create_task(s.seek(clock.now_us() - 1_000_000))
        await asyncio.sleep(0)
        clocks.wall_s -= HOUR_S
        clock.now_us()
        assert not seeking.done()
        await seeking
        assert await s.data() == [b"b"]
        clocks.pass_s(10)
        assert await s.data() == [b"a", b"b"]


async def test_the_file_has_the_lease_on_the_new_clock(clocks: Clocks, tmp_path: Path) -> None:
    s = playing(SystemClock(), tmp_path)
    async with s.server:
        await s.topic()
        await s.subscription()
        await s.publish(b"a")
        await s.pull()
        clocks.wall_s -= HOUR_S
        assert await s.data() == []
    s = playing(SystemClock(), tmp_path)
    async with s.server:
        assert await s.data() == []
        clocks.pass_s(10)
        assert await s.data() == [b"a"]


async def test_after_a_restart_no_lease_lasts_longer_than_one_can(tmp_path: Path) -> None:
    """The clock was set back by a day while nothing ran: 10 minutes are the most."""
    async with stage(state=tmp_path, clock=ManualClock(datetime(2026, 5, 2, tzinfo=UTC))) as s:
        await s.publish(b"a")
        assert await s.data() == [b"a"]
    clock = ManualClock(datetime(2026, 5, 1, tzinfo=UTC))
    async with stage(state=tmp_path, clock=clock, ready=False) as s:
        await s.advance("9m59s")
        assert await s.data() == []
        await s.advance("1s")
        assert await s.data() == [b"a"]
