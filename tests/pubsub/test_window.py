"""A large backlog: most of it stays in the file, and nobody notices."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuewright.pubsub.delivery import subscription
from queuewright.pubsub.protocol import messages as m
from tests.pubsub.stage import SUBSCRIPTION, TOPIC, Stage, stage

WINDOW = 10


@pytest.fixture(autouse=True)
def small_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "_WINDOW", WINDOW)


def numbers(first: int, end: int) -> list[bytes]:
    return [b"%d" % number for number in range(first, end)]


def in_memory(s: Stage) -> int:
    return len(s.server._registry.subscription(SUBSCRIPTION).backlog)


async def test_only_a_part_of_a_backlog_is_in_memory() -> None:
    async with stage() as s:
        await s.publish(*numbers(0, 35))
        assert in_memory(s) == WINDOW
        assert await s.data(most=7) == numbers(0, 7)
        await s.publish(*numbers(35, 40))
        assert in_memory(s) < 2 * WINDOW + 7


async def test_messages_come_in_order_whatever_is_in_memory() -> None:
    async with stage() as s:
        await s.publish(*numbers(0, 35))
        found = await s.data(most=3)
        await s.publish(*numbers(35, 50))
        while got := await s.data(most=4):
            found += got
        await s.publish(*numbers(50, 52))
        assert found + await s.data() == numbers(0, 52)


async def test_one_pull_gets_more_than_is_in_memory() -> None:
    async with stage() as s:
        await s.publish(*numbers(0, 35))
        found: list[bytes] = []
        while got := await s.data(most=1000):
            found += got
        assert found == numbers(0, 35)


async def test_nothing_is_lost_by_failures_and_restarts(tmp_path: Path) -> None:
    async with stage(state=tmp_path) as s:
        await s.publish(*numbers(0, 45))
        received = await s.pull(most=10)
        await s.ack(*(each.ack_id for each in received[:4]))
        await s.modify(0, *(each.ack_id for each in received[4:8]))
        await s.modify(600, *(each.ack_id for each in received[8:]))
        clock = s.clock
    async with stage(state=tmp_path, clock=clock, ready=False) as s:
        assert in_memory(s) == WINDOW + 6
        found: list[bytes] = []
        while got := await s.pull(most=5):
            found += [each.message.data for each in got]
            await s.ack(*(each.ack_id for each in got))
        assert sorted(found) == sorted(numbers(4, 8) + numbers(10, 45))
        await s.advance("10m")
        assert await s.data() == numbers(8, 10)


async def test_a_seek_reaches_what_is_not_in_memory() -> None:
    async with stage() as s:
        await s.publish(*numbers(0, 30))
        await s.advance("1s")
        await s.publish(*numbers(30, 60))
        await s.seek(s.clock.now_us())
        assert await s.pull() == []
        await s.publish(*numbers(60, 62))
        assert await s.data() == numbers(60, 62)


async def test_with_ordering_every_key_is_in_memory() -> None:
    async with stage(ready=False) as s:
        await s.topic()
        await s.subscription(enable_message_ordering=True)
        for number in range(30):
            message = m.PubsubMessage(data=b"%d" % number, ordering_key=str(number % 3))
            await s.publisher.publish(m.PublishRequest(topic=TOPIC, messages=[message]))
        assert in_memory(s) == 30
        found: dict[str, list[int]] = {"0": [], "1": [], "2": []}
        while got := await s.pull():
            for each in got:
                found[each.message.ordering_key].append(int(each.message.data))
            await s.ack(*(each.ack_id for each in got))
        assert found == {str(n): list(range(n, 30, 3)) for n in range(3)}
