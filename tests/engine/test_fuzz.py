"""Requests that nobody should send: the engine answers each, and keeps nothing of it."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from pathlib import Path

import grpc
import grpc.aio
from google.protobuf.message import Message

from queuewright.engine import Engine
from queuewright.engine import messages as m
from tests.engine.stage import LOCATION, QUEUE, URL

ALLOWED = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.UNIMPLEMENTED,
}
RPCS = {
    "CreateQueue": m.CreateQueueRequest,
    "UpdateQueue": m.UpdateQueueRequest,
    "ListQueues": m.ListQueuesRequest,
    "GetQueue": m.GetQueueRequest,
    "CreateTask": m.CreateTaskRequest,
    "ListTasks": m.ListTasksRequest,
    "GetTask": m.GetTaskRequest,
    "RunTask": m.RunTaskRequest,
    "DeleteTask": m.DeleteTaskRequest,
    "BatchCreateTasks": m.BatchCreateTasksRequest,
    "BatchDeleteTasks": m.BatchDeleteTasksRequest,
    "SetIamPolicy": m.SetIamPolicyRequest,
    "TestIamPermissions": m.TestIamPermissionsRequest,
    "GetCmekConfig": m.GetCmekConfigRequest,
    "UpdateCmekConfig": m.UpdateCmekConfigRequest,
}
STRINGS = [
    "", QUEUE, f"{QUEUE}/tasks/t", LOCATION, "projects/acme", "\0", "ü" * 50, "../..", "x" * 3_000,
    URL, "https://[", "https://" + "a" * 3_000, "/", "*", "state:", "(((", "rateLimits.x", "-1",
    f"{QUEUE}/tasks/{'9' * 20}", f"{QUEUE}/tasks/", "a\r\nb: c",
]  # fmt: skip
NUMBERS = [0, 1, -1, 2, 7, 500, 2**31 - 1, -(2**31)]
FLOATS = [0.0, -0.0, 1.0, -1.0, 1e308, float("nan"), float("inf"), 5e-324]


def scrambled(message: Message, chance: random.Random, depth: int = 0) -> None:
    """Set random fields to odd values."""
    for field in message.DESCRIPTOR.fields:
        if chance.random() < 0.4 or depth > 4:
            continue
        value = getattr(message, field.name)
        if field.message_type and field.message_type.GetOptions().map_entry:
            if not field.message_type.fields_by_name["value"].message_type:
                value[chance.choice(STRINGS)] = chance.choice(STRINGS)
        elif field.message_type:
            scrambled(value.add() if field.is_repeated else value, chance, depth + 1)
        else:
            single = {
                field.TYPE_STRING: lambda: chance.choice(STRINGS),
                field.TYPE_BYTES: lambda: chance.randbytes(chance.choice([0, 1, 100_000])),
                field.TYPE_DOUBLE: lambda: chance.choice(FLOATS),
                field.TYPE_BOOL: lambda: chance.random() < 0.5,
                field.TYPE_ENUM: lambda: chance.choice([0, 1, 2, 3, 99]),
            }.get(field.type, lambda: chance.choice(NUMBERS))()
            if field.is_repeated:
                value.append(single)
            else:
                setattr(message, field.name, single)


def request(rpc: str, chance: random.Random) -> bytes:
    """A request that is odd: scrambled fields, damaged bytes, or no protobuf at all."""
    message = RPCS[rpc]()
    scrambled(message, chance)
    for place in ("parent", "name"):
        if chance.random() < 0.7 and place in message.DESCRIPTOR.fields_by_name:
            is_location = rpc in ("CreateQueue", "ListQueues")
            setattr(message, place, LOCATION if is_location else QUEUE)
    raw = bytearray(message.SerializeToString())
    kind = chance.random()
    if kind < 0.3 and raw:
        for _ in range(chance.randrange(1, 8)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
    elif kind < 0.4:
        raw = raw[: chance.randrange(len(raw) + 1)]
    elif kind < 0.45:
        raw = bytearray(chance.randbytes(chance.randrange(200)))
    return bytes(raw)


def open_files() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        if Path(folder).exists():
            return len(os.listdir(folder))  # noqa: PTH208 (only their number counts)
    raise AssertionError("this system doesn't tell")


async def test_a_thousand_odd_requests_are_answered_and_leave_nothing_behind() -> None:
    chance = random.Random(5)
    before = asyncio.all_tasks()
    engine = Engine(seed=1)
    await engine.start()
    port = await engine.serve_grpc(port=0)
    await engine.declare_queue(m.Queue(name=QUEUE, state=2))
    seen: set[grpc.StatusCode] = set()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        for number in range(1_000):
            rpc = chance.choice(list(RPCS))
            call = channel.unary_unary(f"/google.cloud.tasks.v2.CloudTasks/{rpc}")
            raw = request(rpc, chance)
            try:
                await call(raw)
                code = grpc.StatusCode.OK
            except grpc.aio.AioRpcError as error:
                code = error.code()
            assert code in ALLOWED, (number, rpc, raw)
            seen.add(code)
        assert grpc.StatusCode.OK in seen
        assert grpc.StatusCode.INVALID_ARGUMENT in seen
        get = channel.unary_unary("/google.cloud.tasks.v2.CloudTasks/GetQueue")
        await get(m.GetQueueRequest(name=QUEUE).SerializeToString())
    await engine.stop()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before


async def test_connections_that_say_nothing_or_nonsense_do_not_disturb_the_others() -> None:
    engine = Engine(seed=1)
    await engine.start()
    port = await engine.serve_grpc(port=0)
    await engine.declare_queue(m.Queue(name=QUEUE))
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(50)]
    for index, connection in enumerate(sockets):
        if index % 3 == 0:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        elif index % 3 == 1:
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + os.urandom(200))
            connection.shutdown(socket.SHUT_WR)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        get = channel.unary_unary("/google.cloud.tasks.v2.CloudTasks/GetQueue")
        answer = await get(m.GetQueueRequest(name=QUEUE).SerializeToString())
        assert m.Queue.FromString(answer).name == QUEUE
    for connection in sockets:
        connection.close()
    await engine.stop()


async def test_engines_that_come_and_go_leave_no_file_open(tmp_path: Path) -> None:
    async def life(number: int) -> None:
        engine = Engine(state=tmp_path / str(number))
        await engine.start()
        await engine.serve_grpc(port=0)
        await engine.serve_http(port=0)
        await engine.declare_queue(m.Queue(name=QUEUE))
        await engine.stop()

    await life(0)
    before = open_files()
    for number in range(1, 6):
        await life(number)
    assert open_files() <= before
