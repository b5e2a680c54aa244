"""Purges, seeks, expiry and deletions of many messages are done piece by piece.

A piece is what the event loop waits for; other calls get their turn in between.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from queuewright.engine import ManualClock
from queuewright.pubsub.delivery import subscription
from queuewright.pubsub.protocol import messages as m
from queuewright.pubsub.state import store
from tests.pubsub.stage import PROJECT, SUBSCRIPTION, Stage, refused, stage

PIECE = 10
COUNT = 95
OTHER = f"{PROJECT}/subscriptions/other"


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_PIECE", PIECE)
    monkeypatch.setattr(subscription, "_PIECE", PIECE)


class Pieces:
    """Counts the messages that each step of the event loop has changed in the file.

    A step is what lies between two turns of another task.
    """

    def __init__(self, s: Stage) -> None:
        self._database = s.server._store._database
        self.changes: list[int] = []
        self._before = self._database.total_changes
        self._watch = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(0)
            total = self._database.total_changes
            if total != self._before:
                self.changes.append(total - self._before)
            self._before = total

    async def stop(self) -> list[int]:
        self._watch.cancel()
        await asyncio.wait([self._watch])
        return self.changes


def numbers(first: int, last: int) -> list[bytes]:
    return [b"%d" % number for number in range(first, last)]


def stored(s: Stage) -> int:
    """How many messages the file has."""
    count: int = s.server._store._database.execute("SELECT count(*) FROM content").fetchone()[0]
    return count


async def purge(s: Stage) -> None:
    await s.seek(s.clock.now_us())


async def delete(s: Stage) -> None:
    request = m.DeleteSubscriptionRequest(subscription=SUBSCRIPTION)
    await s.subscriber.delete_subscription(request)


async def detach(s: Stage) -> None:
    request = m.DetachSubscriptionRequest(subscription=SUBSCRIPTION)
    await s.publisher.detach_subscription(request)


async def expire(s: Stage) -> None:
    await s.advance("7d")


@pytest.mark.parametrize("drop", [purge, delete, detach, expire])
async def test_messages_are_deleted_in_pieces(drop: object) -> None:
    """Of each message: a delivery, a content and the message itself.

    The watcher may see two pieces at once, and with them the change of the subscription.
    """
    assert callable(drop)
    async with stage() as s:
        await s.publish(*numbers(0, COUNT))
        pieces = Pieces(s)
        await drop(s)
        await s.advance("0s")
        changes = await pieces.stop()
        assert stored(s) == 0
        assert sum(changes) >= 3 * COUNT
        assert max(changes) <= 2 * 3 * PIECE + 3


async def test_a_purge_takes_effect_before_anything_is_deleted() -> None:
    async with stage() as s:
        await s.publish(*numbers(0, COUNT))
        (held,) = await s.pull(most=1)
        await purge(s)
        assert stored(s) == COUNT
        assert await s.pull() == []
        await s.publish(b"new")
        await s.ack(held.ack_id)
        assert await s.data() == [b"new"]
        await s.advance("0s")
        assert stored(s) == 1


async def test_a_purge_survives_the_end_of_the_process(tmp_path: Path) -> None:
    """The next one deletes what is left."""
    async with stage(state=tmp_path) as s:
        await s.publish(*numbers(0, COUNT))
        await s.server._sweeper.stop()
        await purge(s)
        await s.publish(b"new")
        assert stored(s) == COUNT + 1
    async with stage(state=tmp_path, ready=False) as s:
        assert await s.data() == [b"new"]
        await s.advance("0s")
        assert stored(s) == 1


async def test_a_seek_to_the_past_goes_by_pieces_and_others_go_on() -> None:
    """Another subscription's messages are pulled and acknowledged meanwhile."""
    async with stage() as s:
        await s.subscription(OTHER, retain_acked_messages=True)
        await s.publish(*numbers(0, COUNT))
        await s.advance("1s")
        time_us = s.clock.now_us()
        await s.publish(b"later")
        await s.advance("1s")
        pieces = Pieces(s)
        seeking = asyncio.create_task(s.seek(time_us))
        turns = 0
        while not seeking.done():
            turns += 1
            (received,) = await s.pull(OTHER, most=1)
            await s.ack(received.ack_id, name=OTHER)
        changes = await pieces.stop()
        assert turns >= 3
        assert max(changes) <= 2 * 3 * PIECE + 3
        assert await s.data() == [b"later"]


async def test_a_seek_back_goes_by_pieces() -> None:
    async with stage(ready=False) as s:
        await s.topic()
        await s.subscription(retain_acked_messages=True)
        await s.publish(*numbers(0, COUNT))
        old = [each.ack_id for each in await s.pull()]
        await s.ack(*old)
        pieces = Pieces(s)
        await s.seek(0)
        changes = await pieces.stop()
        assert len(changes) >= COUNT // PIECE
        assert max(changes) <= 2 * PIECE
        received = await s.pull()
        assert [each.message.data for each in received] == numbers(0, COUNT)
        assert not {each.ack_id for each in received} & set(old)
        await s.ack(*old)
        await s.advance("10s")
        assert await s.data() == numbers(0, COUNT)


async def test_what_comes_during_a_seek_waits_for_its_end_and_is_not_lost() -> None:
    """Messages, acknowledgements, deadlines and pulls."""
    async with stage() as s:
        await s.publish(*numbers(0, COUNT))
        await s.advance("1s")
        time_us = s.clock.now_us()
        await s.publish(b"done", b"given back", b"kept")
        await s.advance("1s")
        held = (await s.pull())[COUNT:]
        seeking = asyncio.create_task(s.seek(time_us))
        await asyncio.sleep(0)
        calls = asyncio.gather(
            s.ack(held[0].ack_id), s.modify(0, held[1].ack_id), s.publish(b"new"), s.data()
        )
        await asyncio.sleep(0)
        assert not seeking.done()
        await seeking
        pulled = (await calls)[3]
        assert sorted(pulled + await s.data()) == [b"given back", b"new"]
        await s.advance("10s")
        assert sorted(await s.data()) == [b"given back", b"kept", b"new"]


@pytest.mark.parametrize("is_ordered", [True, False])
async def test_a_large_backlog_is_read_in_pieces_after_a_seek(is_ordered: bool) -> None:
    """With ordering, all of it: each message may wait for an earlier one."""
    async with stage(ready=False) as s:
        await s.topic()
        await s.subscription(enable_message_ordering=is_ordered)
        await s.publish(*numbers(0, COUNT), key="k" if is_ordered else "")
        seeking = asyncio.create_task(s.seek(s.clock.now_us() - 1))
        turns = 0
        while not seeking.done():
            turns += 1
            await asyncio.sleep(0)
        assert turns >= 2 * (COUNT // PIECE)
        found = []
        while received := await s.pull():
            found += [each.message.data for each in received]
            await s.ack(*(each.ack_id for each in received))
        assert found == numbers(0, COUNT)


@pytest.mark.parametrize("end", ["delete", "stop"])
async def test_a_seek_ends_with_its_subscription(end: str) -> None:
    async with stage() as s:
        await s.publish(*numbers(0, COUNT))
        seeking = asyncio.create_task(refused(s.seek(s.clock.now_us() - 1)))
        await asyncio.sleep(0)
        if end == "delete":
            await delete(s)
        else:
            await s.server.stop()
        assert (await seeking)[0] == ("NOT_FOUND" if end == "delete" else "UNAVAILABLE")


async def test_the_file_shrinks_after_a_purge(tmp_path: Path) -> None:
    async with stage(state=tmp_path, clock=ManualClock()) as s:
        await s.publish(*[b"x" * 100_000] * 40)
        s.server._store.checkpoint()
        before = (tmp_path / "pubsub.sqlite").stat().st_size
        await purge(s)
        await s.advance("0s")
        s.server._store.checkpoint()
        assert before > 4_000_000
        assert (tmp_path / "pubsub.sqlite").stat().st_size < 1_500_000
