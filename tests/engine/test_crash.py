"""`kill -9` at any moment: what was acknowledged is still there, and is delivered."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import grpc.aio
import pytest
from aiohttp import web
from google.protobuf.message import Message

from queuewright.engine.protocol import messages as m
from tests.engine.stage import LOCATION, QUEUE

CHILD = Path(__file__).with_name("engine_process.py")
PATIENCE_S = 60.0
DISCONNECTED = (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.CancelledError)


class Process:
    """An engine in a process, and the raw calls to it."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")

    @classmethod
    async def started(cls, state: Path) -> Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(CHILD),
            str(state),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=CHILD.parents[2],
            env=os.environ | {"PYTHONPATH": str(CHILD.parents[2])},
        )
        assert process.stdout is not None
        port = await process.stdout.readline()
        assert port, "the engine did not start"
        return cls(process, int(port))

    async def call(
        self, rpc: str, request: Message, answer: type[Message] = m.Task, *, version: str = "v2"
    ) -> Message:
        call = self._channel.unary_unary(
            f"/google.cloud.tasks.{version}.CloudTasks/{rpc}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        response: Message = await call(request)
        return response

    async def kill(self) -> None:
        self._process.kill()
        await self._process.wait()
        await self._channel.close()

    async def end(self) -> None:
        """Stop it normally."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert await self._process.wait() == 0
        await self._channel.close()


class Handler:
    """Counts the tasks that it has answered 200; fails some attempts, by their own seed."""

    def __init__(self, failing: float) -> None:
        self.failing = failing
        self.chance = random.Random(1)
        self.done: dict[str, int] = {}
        self.changed = asyncio.Event()
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        body = (await request.read()).decode()
        if self.chance.random() < self.failing:
            return web.Response(status=500)
        self.done[body] = self.done.get(body, 0) + 1
        self.changed.set()
        return web.Response()

    async def has_done(self, expected: set[str]) -> None:
        """Wait until all of these were answered 200."""
        while not expected <= self.done.keys():
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), PATIENCE_S)


@asynccontextmanager
async def handler(failing: float = 0.0) -> AsyncIterator[Handler]:
    serving = Handler(failing)
    app = web.Application()
    app.router.add_post("/", serving.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    serving.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        yield serving
    finally:
        await runner.cleanup()


def create(url: str, body: str, task_id: str = "") -> m.CreateTaskRequest:
    request = m.HttpRequest(url=url, body=body.encode())
    name = f"{QUEUE}/tasks/{task_id}" if task_id else ""
    return m.CreateTaskRequest(parent=QUEUE, task=m.Task(name=name, http_request=request))


def queue() -> m.CreateQueueRequest:
    retry = m.RetryConfig(max_attempts=-1)
    retry.min_backoff.nanos = 1_000_000
    retry.max_backoff.nanos = 10_000_000
    return m.CreateQueueRequest(parent=LOCATION, queue=m.Queue(name=QUEUE, retry_config=retry))


@pytest.mark.slow
async def test_a_thousand_undelivered_tasks_are_delivered_after_a_kill(tmp_path: Path) -> None:
    async with handler() as h:
        engine = await Process.started(tmp_path)
        await engine.call("CreateQueue", queue(), m.Queue)
        await engine.call("PauseQueue", m.PauseQueueRequest(name=QUEUE), m.Queue)
        for first in range(0, 1_000, 50):
            await asyncio.gather(
                *(
                    engine.call("CreateTask", create(h.url, str(number)))
                    for number in range(first, first + 50)
                )
            )
        await engine.kill()
        engine = await Process.started(tmp_path)
        await engine.call("ResumeQueue", m.ResumeQueueRequest(name=QUEUE), m.Queue)
        await h.has_done({str(number) for number in range(1_000)})
        await engine.end()


@pytest.mark.parametrize("kills", [4, pytest.param(50, marks=pytest.mark.slow)])
async def test_no_acknowledged_call_is_lost_by_kills_under_load(tmp_path: Path, kills: int) -> None:
    chance = random.Random(kills)
    acknowledged: set[str] = set()
    deleted: set[str] = set()
    async with handler(failing=0.3) as h:
        engine = await Process.started(tmp_path)
        await engine.call("CreateQueue", queue(), m.Queue)
        for round_ in range(kills):
            end = asyncio.Event()
            left = chance.randrange(1, 60)

            async def load(engine: Process, name: str, end: asyncio.Event) -> None:
                nonlocal left
                for number in range(100_000):
                    body = f"{name}-{number}"
                    await engine.call("CreateTask", create(h.url, body, f"n{body}"))
                    acknowledged.add(body)
                    later = create(h.url, f"deleted-{body}", f"d{body}")
                    later.task.schedule_time.GetCurrentTime()
                    later.task.schedule_time.seconds += 3_600
                    await engine.call("CreateTask", later)
                    delete = m.DeleteTaskRequest(name=later.task.name)
                    await engine.call("DeleteTask", delete)
                    deleted.add(delete.name)
                    left -= 1
                    if left <= 0:
                        end.set()

            workers = [
                asyncio.create_task(load(engine, f"{round_}-{worker}", end)) for worker in range(4)
            ]
            await asyncio.wait_for(end.wait(), PATIENCE_S)
            for _ in range(chance.randrange(20)):
                await asyncio.sleep(0)
            await engine.kill()
            ends = await asyncio.gather(*workers, return_exceptions=True)
            assert all(isinstance(end, DISCONNECTED) for end in ends), ends
            engine = await Process.started(tmp_path)
        await h.has_done(acknowledged)
        for name in deleted:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await engine.call("GetTask", m.GetTaskRequest(name=name))
            assert refused.value.code() is grpc.StatusCode.NOT_FOUND
        await engine.end()
    assert len(acknowledged) > kills
