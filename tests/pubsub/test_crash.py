"""`kill -9` at any moment: what was acknowledged stays so, and nothing else is lost."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast

import grpc
import grpc.aio
import pytest

from queuewright.engine import ManualClock
from queuewright.pubsub.protocol import messages as m
from tests.pubsub.calls import call, until
from tests.pubsub.stage import SUBSCRIPTION, TOPIC, stage

CHILD = Path(__file__).with_name("server_process.py")
DISCONNECTED = (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.CancelledError)


class Work:
    """Publishes and pulls, and keeps what was certain."""

    def __init__(self) -> None:
        self.published: set[bytes] = set()
        self.perhaps_published: set[bytes] = set()
        self.acknowledged: set[bytes] = set()
        self.perhaps_acknowledged: set[bytes] = set()
        self.count = 0
        self.came_again: list[bytes] = []

    def has_acknowledged(self, count: int) -> bool:
        return len(self.acknowledged) >= count

    async def publish(self, channel: grpc.aio.Channel) -> None:
        with suppress(*DISCONNECTED):
            while True:
                self.count += 10
                batch = {b"%d" % n for n in range(self.count - 10, self.count)}
                self.perhaps_published |= batch
                messages = [m.PubsubMessage(data=each) for each in batch]
                await call(channel, "Publish", m.PublishRequest(topic=TOPIC, messages=messages))
                self.published |= batch

    async def work(self, channel: grpc.aio.Channel, chance: random.Random) -> None:
        with suppress(*DISCONNECTED):
            while True:
                pull = m.PullRequest(subscription=SUBSCRIPTION, max_messages=7)
                response = cast("m.PullResponse", await call(channel, "Pull", pull))
                kept = [each for each in response.received_messages if chance.random() < 0.7]
                if not kept:
                    continue
                data = {each.message.data for each in kept}
                self.came_again += data & self.acknowledged
                self.perhaps_acknowledged |= data
                acknowledge = m.AcknowledgeRequest(
                    subscription=SUBSCRIPTION, ack_ids=[each.ack_id for each in kept]
                )
                await call(channel, "Acknowledge", acknowledge)
                self.acknowledged |= data


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
async def test_no_kill_loses_a_message_or_an_acknowledgement(tmp_path: Path, kills: int) -> None:
    chance = random.Random(1)
    async with stage(state=tmp_path):
        pass
    work = Work()
    for _ in range(kills):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(CHILD),
            str(tmp_path),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=CHILD.parents[2],
            env=os.environ | {"PYTHONPATH": str(CHILD.parents[2])},
        )
        assert process.stdout is not None
        port = int(await process.stdout.readline())
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        calls = [
            asyncio.create_task(work.publish(channel)),
            *(asyncio.create_task(work.work(channel, chance)) for _ in range(3)),
        ]
        enough = len(work.acknowledged) + chance.randrange(100, 600)
        await until(partial(work.has_acknowledged, enough))
        process.kill()
        await process.wait()
        await asyncio.gather(*calls)
        await channel.close()

    left: set[bytes] = set()
    async with stage(state=tmp_path, clock=ManualClock(datetime.now(UTC)), ready=False) as s:
        await s.advance("10m")
        while found := await s.data(most=1000):
            left |= set(found)
    assert work.came_again == []
    assert work.published - work.perhaps_acknowledged <= left
    assert left <= work.perhaps_published - work.acknowledged
