"""Malformed input of every kind: the engine refuses it and keeps running."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
import pytest

from queuewright.engine import Engine, QueueOptions, Settings
from queuewright.engine.api.rest_routes import ROUTES
from queuewright.engine.protocol import messages, messages_beta, messages_lease

LOCATION = "projects/p/locations/l"
QUEUE = f"{LOCATION}/queues/q"
PULL_QUEUE = f"{LOCATION}/queues/pull"

GRPC_CODES = {
    "OK",
    "ABORTED",
    "ALREADY_EXISTS",
    "FAILED_PRECONDITION",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "OUT_OF_RANGE",
    "RESOURCE_EXHAUSTED",
    "UNIMPLEMENTED",
}
"""The codes that may answer a caller's mistake."""

HTTP_STATUSES = {200, 400, 404, 405, 408, 409, 411, 413, 414, 417, 429, 431, 501, 505}

STRINGS = [
    "",
    "q",
    QUEUE,
    f"{QUEUE}/tasks/t",
    PULL_QUEUE,
    f"{PULL_QUEUE}/tasks/t",
    "tag=x",
    LOCATION,
    "projects/p",
    "projects/../../etc/passwd",
    "a" * 3_000,
    "\0",
    "\n",
    "Ω≈ç√",
    "%00%ff",
    "http://127.0.0.1:1/x",
    "http://[::1",
    "https://h:99999999/",
    "state: PAUSED AND (",
    "NaN",
]
NUMBERS = [0, 1, -1, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63), 501]
FLOATS = [0.0, -0.0, -1.0, 1e308, float("inf"), float("-inf"), float("nan"), 500.0001]


def filled(message: Any, chance: random.Random, depth: int = 0) -> Any:
    """Fill some of a message's fields with values from the edges of what they hold."""
    for field in message.DESCRIPTOR.fields:
        if chance.random() < 0.4 or depth > 4:
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].message_type is None:
                getattr(message, field.name)[chance.choice(STRINGS)] = chance.choice(STRINGS)
        elif field.is_repeated and field.message_type is not None:
            for _ in range(chance.randrange(4)):
                filled(getattr(message, field.name).add(), chance, depth + 1)
        elif field.message_type is not None:
            inner = getattr(message, field.name)
            inner.SetInParent()
            filled(inner, chance, depth + 1)
        else:
            values = [scalar(field, chance) for _ in range(3)]
            if field.is_repeated:
                getattr(message, field.name).extend(values)
            else:
                setattr(message, field.name, values[0])
    return message


def scalar(field: Any, chance: random.Random) -> Any:
    kind = field.cpp_type
    if field.enum_type is not None:
        return chance.choice([0, 1, 2, 99, -1])
    if kind == field.CPPTYPE_STRING:
        text = chance.choice(STRINGS)
        return text.encode() if field.type == field.TYPE_BYTES else text
    if kind in (field.CPPTYPE_DOUBLE, field.CPPTYPE_FLOAT):
        return chance.choice(FLOATS)
    if kind == field.CPPTYPE_BOOL:
        return chance.random() < 0.5
    small = kind in (field.CPPTYPE_INT32, field.CPPTYPE_UINT32)
    return chance.choice([n for n in NUMBERS if not small or -(2**31) <= n < 2**31])


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return the bytes with some changed, dropped or added."""
    result = bytearray(data)
    for _ in range(chance.randrange(1, 6)):
        place = chance.randrange(len(result) + 1)
        match chance.randrange(3):
            case 0:
                result[place : place + 1] = chance.randbytes(1)
            case 1:
                del result[place : place + chance.randrange(9)]
            case _:
                result[place:place] = chance.randbytes(chance.randrange(9))
    return bytes(result)


class Attacker:
    """Sends malformed requests and counts the answers."""

    def __init__(self, grpc_port: int, http_port: int, seed: int) -> None:
        self.chance = random.Random(seed)
        self.seen: Counter[str] = Counter()
        self.wrong: list[tuple[Any, ...]] = []
        self.grpc_port = grpc_port
        self.http_port = http_port
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{grpc_port}")
        self.stalled: list[asyncio.StreamWriter] = []
        self.calls = [
            (f"/google.cloud.tasks.{version}.CloudTasks/{name.removesuffix('Request')}", kind)
            for version, classes in (
                ("v2", messages),
                ("v2beta3", messages_beta),
                ("v2beta2", messages_lease),
            )
            for name, kind in vars(classes).items()
            if name.endswith("Request") and name not in ("HttpRequest", "AppEngineHttpRequest")
        ]

    async def send(self) -> None:
        """Send one malformed request of any kind."""
        kinds: list[Callable[[], Awaitable[None]]] = [
            self.protobuf,
            self.protobuf,
            self.json,
            self.json,
            self.http,
            self.frames,
        ]
        await self.chance.choice(kinds)()

    async def protobuf(self) -> None:
        """A message of edge values, whole or damaged, or no message at all, over gRPC."""
        method, kind = self.chance.choice(self.calls)
        data = filled(kind(), self.chance).SerializeToString()
        match self.chance.randrange(4):
            case 0:
                data = damaged(data, self.chance)
            case 1:
                data = self.chance.randbytes(self.chance.randrange(200))
        if self.chance.random() < 0.05:
            method += self.chance.choice(["X", "/y", "%00"])
        call = self.channel.unary_unary(method)
        metadata = (("x-goog-request-params", self.chance.choice(["", "name=%zz", "=&="])),)
        try:
            await call(data, timeout=20, metadata=metadata)
            code = "OK"
        except grpc.aio.AioRpcError as error:
            code = error.code().name
        if code not in GRPC_CODES:
            self.wrong.append((code, method, data))
        self.seen[f"grpc {code}"] += 1

    async def json(self) -> None:
        """A request to a path of the API with a body that is almost right."""
        chance = self.chance
        route = chance.choice(ROUTES)
        tasks = [f"{QUEUE}/tasks/t", f"{PULL_QUEUE}/tasks/t"]
        name = chance.choice([QUEUE, PULL_QUEUE, LOCATION, *tasks, "projects/p", "x%2fy", "%ff"])
        path = re.sub(r"\{[^}]*\}", lambda _: name, route.template)
        version = chance.choice(["v2", "v2", "v2beta3", "v2beta2", "v9"])
        body = json.dumps(self.value(0)).encode()
        if chance.random() < 0.3:
            body = damaged(body, chance)
        query = chance.choice(
            ["", "?pageSize=x", "?$alt=json;enum-encoding=int", "?a=%zz&;&=", "?%ff"]
        )
        head = f"{route.method} /{version}/{path}{query} HTTP/1.1\r\nHost: localhost\r\n"
        head += "Connection: close\r\n"
        await self.raw(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def value(self, depth: int) -> Any:
        chance = self.chance
        if depth > 3 or chance.random() < 0.3:
            return chance.choice([*STRINGS, *NUMBERS, 1.5, True, None, [], {}, 10**30])
        keys = [
            "name",
            "task",
            "queue",
            "httpRequest",
            "url",
            "headers",
            "body",
            "retryConfig",
            "minBackoff",
            "rateLimits",
            "scheduleTime",
            "requests",
            "names",
            "policy",
            "pullTarget",
            "pullMessage",
            "maxTasks",
            "leaseDuration",
            "filter",
            "colour",
        ]
        if chance.random() < 0.2:
            return [self.value(depth + 1) for _ in range(chance.randrange(4))]
        return {chance.choice(keys): self.value(depth + 1) for _ in range(chance.randrange(5))}

    async def http(self) -> None:
        """What is hardly HTTP: broken lines and headers, wrong lengths, bodies that never end."""
        chance = self.chance
        start = f"POST /v2/{QUEUE}/tasks HTTP/1.1\r\nHost: localhost\r\n"
        request = chance.choice(
            [
                b"\r\n\r\n",
                b"GET\r\n\r\n",
                b"GET / HTTP/9.9\r\n\r\n",
                b"\x16\x03\x01\x02\x00\x01\x00",
                b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
                b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
                b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 3_000 + b"\r\n",
                f"{start}Content-Length: -1\r\n\r\n".encode(),
                f"{start}Content-Length: x\r\n\r\n{{}}".encode(),
                f"{start}Content-Length: 5\r\nContent-Length: 6\r\n\r\n{{}}".encode(),
                f"{start}Transfer-Encoding: chunked\r\n\r\nzz\r\n".encode(),
                f"{start}Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n".encode(),
                f"{start}Content-Length: 9999999999\r\n\r\n{{".encode(),
                f"{start}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{{}}".encode(),
                f"{start}Expect: 200-maybe\r\nContent-Length: 2\r\n\r\n{{}}".encode(),
                f"{start}X-HTTP-Method-Override: \x01\r\nContent-Length: 2\r\n\r\n{{}}".encode(),
                chance.randbytes(chance.randrange(1, 300)),
            ]
        )
        await self.raw(request, stall=chance.random() < 0.1)

    async def raw(self, request: bytes, *, stall: bool = False) -> None:
        """Send bytes to the REST port and look at the first line of the answer, if one comes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.http_port)
        if stall:
            writer.write(request[: len(request) // 2])
            self.stalled.append(writer)
            return
        try:
            writer.write(request)
            await writer.drain()
            if self.chance.random() < 0.2:
                writer.write_eof()  # half-closed: the answer may come or not
            async with asyncio.timeout(0.3):
                answer = await reader.read(200)
        except (OSError, TimeoutError):
            answer = b""
        await closed(writer)
        found = re.match(rb"HTTP/1\.[01] (\d+)", answer)
        if found and int(found[1]) not in HTTP_STATUSES:
            self.wrong.append((found[1].decode(), request[:300], answer))
        self.seen[f"http {found[1].decode() if found else 'closed'}"] += 1

    async def frames(self) -> None:
        """Bytes to the gRPC port that are no HTTP/2, or are until they are not."""
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        settings = b"\0\0\0\x04\0\0\0\0\0"
        tail = self.chance.randbytes(self.chance.randrange(1, 200))
        data = self.chance.choice([tail, preface + tail, preface + settings + tail, preface[:9]])
        _, writer = await asyncio.open_connection("127.0.0.1", self.grpc_port)
        writer.write(data)
        if self.chance.random() < 0.1:
            self.stalled.append(writer)
            return
        await closed(writer)
        self.seen["frames"] += 1

    async def end(self) -> None:
        """Let go of everything."""
        for writer in self.stalled:
            await closed(writer)
        await self.channel.close()


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        return


def descriptors() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208 - the folder changes while it is read


async def gone(leak: Callable[[], bool]) -> bool:
    """Return whether closed connections and files disappear within a little time."""
    for _ in range(200):
        if not leak():
            return True
        await asyncio.sleep(0.02)
    return False


@pytest.mark.parametrize(
    ("seed", "count"), [(1, 60), pytest.param(2, 1_000, marks=pytest.mark.slow)]
)
async def test_malformed_requests_leave_it_running(
    seed: int, count: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Fuzzed protobufs, JSON, names, headers and connections get their codes, and leak nothing."""
    engine = Engine(seed=seed, settings=Settings(stop_grace=timedelta(0)))
    await engine.start()
    try:
        attacker = await attacked(engine, seed, count)
        assert attacker.wrong == []
        failed = [record.getMessage() for record in caplog.records if "failed" in record.message]
        assert failed == []
        assert [record for record in caplog.records if record.exc_info] == []
    finally:
        await engine.stop()


async def attacked(engine: Engine, seed: int, count: int) -> Attacker:
    """Attack an engine, then check that it still works."""
    await engine.declare_queue(messages.Queue(name=QUEUE, state=2))
    await engine.declare_queue(messages.Queue(name=PULL_QUEUE), QueueOptions(pull=True))
    grpc_port = await engine.serve_grpc(port=0)
    http_port = await engine.serve_http(port=0)
    first = Attacker(grpc_port, http_port, seed)  # what is opened once, is open from here on
    await first.protobuf()
    await first.json()
    await first.end()
    files, tasks = descriptors(), len(asyncio.all_tasks())
    attacker = Attacker(grpc_port, http_port, seed)
    for _ in range(count):
        await attacker.send()
    await attacker.end()
    assert sum(attacker.seen.values()) + len(attacker.stalled) == count
    assert {"grpc INVALID_ARGUMENT", "http 400", "frames"} <= attacker.seen.keys()
    assert await gone(lambda: descriptors() > files), "file handles are left open"
    assert await gone(lambda: len(asyncio.all_tasks()) > tasks), "asyncio tasks are left over"
    async with grpc.aio.insecure_channel(f"127.0.0.1:{grpc_port}") as channel:
        call = channel.unary_unary("/google.cloud.tasks.v2.CloudTasks/GetQueue")
        request = messages.GetQueueRequest(name=f"{LOCATION}/queues/none")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(request.SerializeToString(), timeout=20)
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    return attacker
