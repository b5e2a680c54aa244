"""Runs a case of the conformance table: real clients, a real engine, time moved by hand.

A case is a list of steps. `$L` is the location, `$Q` the queue, `$T` the target's URL and `$P` its
port. `$in(5m)` and `$ago(5m)` are moments, `$text(n)` and `$bytes(n)` are n characters of text and
n bytes in base64, `{$times: [3, x]}` is `[x, x, x]`, and `"~[0-9]+"` is a pattern.

    call: CreateTask          an RPC through the client; `with` is the request in JSON
    task: {...}               creates an HTTP task in `$Q`
    tasks: 3                  creates three of them
    http: [GET, /v2/$Q]       a plain request, for what the clients cannot send
      gives / lacks           fields that the answer has or lacks
      refused: [CODE, text]   or the expected refusal
    answers: [500, 200]       the next answers of the target; then 200
    advance: 10m | drain      moves time
    dispatched: {...}         the requests that reached the target since the previous check
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import yaml
from aiohttp import web
from google.api_core.exceptions import GoogleAPICallError
from google.auth import jwt
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import tasks_v2, tasks_v2beta2, tasks_v2beta3
from google.cloud.tasks_v2.services.cloud_tasks import transports as transports_v2
from google.cloud.tasks_v2beta2.services.cloud_tasks import transports as transports_v2beta2
from google.cloud.tasks_v2beta3.services.cloud_tasks import transports as transports_v2beta3
from google.protobuf import json_format

from queuewright.engine import Engine, ManualClock, Settings
from queuewright.engine.protocol import messages, messages_beta, messages_lease
from queuewright.engine.protocol.times import moment, span_us

LOCATION = "projects/acme-dev/locations/europe-west1"
QUEUE = f"{LOCATION}/queues/emails"

JSON = Any

_VERSIONS = {
    "v2": (tasks_v2, transports_v2, messages),
    "v2beta3": (tasks_v2beta3, transports_v2beta3, messages_beta),
    "v2beta2": (tasks_v2beta2, transports_v2beta2, messages_lease),
}
_SYNCHRONOUS = (
    tasks_v2.CloudTasksClient,
    tasks_v2beta3.CloudTasksClient,
    tasks_v2beta2.CloudTasksClient,
)


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    name: str
    claim: str
    source: str
    steps: tuple[dict[str, JSON], ...]
    over: tuple[str, ...] = ("grpc", "rest")
    version: str = "v2"
    queue: dict[str, JSON] | None = None
    """The configuration of `$Q`, which is created before the steps. None creates no queue."""
    settings: Mapping[str, JSON] = field(default_factory=dict)


def table() -> list[Case]:
    """Return every case, in the order of the files and their lines."""
    cases: list[Case] = []
    for file in sorted((Path(__file__).parent / "cases").glob("*.yaml")):
        for entry in yaml.safe_load(file.read_text()):
            entry["steps"] = tuple(entry["steps"])
            if "over" in entry:
                entry["over"] = tuple(entry["over"])
            cases.append(Case(**entry))
    return cases


class DeviationError(AssertionError):
    """The engine deviates from a case."""


async def run(case: Case, over: str) -> None:
    """Run a case through one of the clients.

    Raises:
        DeviationError: at the first step that goes otherwise than the case says.
    """
    async with _stage(case, over) as stage:
        if case.queue is not None:
            request = {"parent": LOCATION, "queue": {"name": QUEUE, **case.queue}}
            await stage.step({"call": "CreateQueue", "with": request, "gives": {}})
        for number, step in enumerate(case.steps, 1):
            try:
                await stage.step(step)
            except DeviationError as deviation:
                told = json.dumps(step, default=str)[:300]
                raise DeviationError(f"{case.name}, step {number} {told}: {deviation}") from None


@asynccontextmanager
async def _stage(case: Case, over: str) -> AsyncIterator[_Stage]:
    clock = ManualClock()
    target = _Target(clock)
    async with target.serving() as url:
        settings = {name: _setting(name, value) for name, value in case.settings.items()}
        settings["stop_grace"] = timedelta(0)
        settings.setdefault("app_engine_url", lambda *_: url)
        engine = Engine(clock=clock, settings=Settings(**settings), seed=1)
        await engine.start()
        try:
            grpc_port = await engine.serve_grpc(port=0)
            http_port = await engine.serve_http(port=0)
            library, transports, _ = _VERSIONS[case.version]
            if over == "grpc":
                async with grpc.aio.insecure_channel(f"127.0.0.1:{grpc_port}") as channel:
                    transport = transports.CloudTasksGrpcAsyncIOTransport(channel=channel)
                    client = library.CloudTasksAsyncClient(transport=transport)
                    yield _Stage(case, engine, clock, target, client, url, http_port)
            else:
                client = library.CloudTasksClient(
                    transport="rest",
                    credentials=AnonymousCredentials(),
                    client_options={"api_endpoint": f"http://127.0.0.1:{http_port}"},
                )
                with client:
                    yield _Stage(case, engine, clock, target, client, url, http_port)
        finally:
            await engine.stop()


class _Stage:
    """The engine, a client, the target and the clock of a running case."""

    def __init__(
        self,
        case: Case,
        engine: Engine,
        clock: ManualClock,
        target: _Target,
        client: Any,
        url: str,
        http_port: int,
    ) -> None:
        self.case = case
        self.engine = engine
        self.clock = clock
        self.target = target
        self.client = client
        self.http_port = http_port
        self.names: dict[str, str] = {
            "L": LOCATION,
            "Q": QUEUE,
            "T": url,
            "P": url.rpartition(":")[2],
        }
        self.began_us = clock.now_us()

    async def step(self, step: dict[str, JSON]) -> None:
        step = self._filled(step)
        match step:
            case {"call": rpc, **rest}:
                await self._checked(self._call(rpc, rest.get("with", {})), rest)
            case {"task": task, **rest}:
                task = {"httpRequest": {"url": self.names["T"]}, **task}
                if "appEngineHttpRequest" in task:
                    del task["httpRequest"]
                request = {"parent": QUEUE, "task": task}
                await self._checked(self._call("CreateTask", request), {"gives": {}, **rest})
            case {"tasks": count}:
                for number in range(count):
                    request = {"task": {"httpRequest": {"url": f"$T/{number}"}}}
                    await self.step(request)
            case {"http": [method, path], **rest}:
                await self._checked(self._http(method, path, rest), rest)
            case {"answers": answers}:
                self.target.answers[:] = answers
            case {"advance": span}:
                await self.engine.advance(span)
            case {"drain": _}:
                await self.engine.drain()
            case {"reset_names": _}:
                self.engine.reset_names()
            case {"dispatched": wanted}:
                self._dispatched(wanted)
            case _:
                raise ValueError(f"a step that the runner does not know: {step}")

    async def _call(self, rpc: str, fields: dict[str, JSON]) -> JSON:
        library, _, classes = _VERSIONS[self.case.version]
        general = getattr(messages, f"{rpc}Request", None)
        kind = getattr(classes, f"{rpc}Request", general)
        message = json_format.ParseDict(fields, kind())
        wrapper = getattr(library, f"{rpc}Request", None)
        request = message if wrapper is None else wrapper.wrap(message)
        method = getattr(self.client, re.sub("(?<!^)(?=[A-Z])", "_", rpc).lower())
        if isinstance(self.client, _SYNCHRONOUS):
            answer = await asyncio.to_thread(method, request=request)
            if hasattr(answer, "pages"):
                answer = await asyncio.to_thread(next, iter(answer.pages))
        else:
            answer = await method(request=request)
            if hasattr(answer, "pages"):
                answer = await anext(aiter(answer.pages))
        return _plain(answer)

    async def _http(self, method: str, path: str, request: dict[str, JSON]) -> JSON:
        url = f"http://127.0.0.1:{self.http_port}{path}"
        body = request.get("body")
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                method,
                url,
                json=request.get("json"),
                data=None if body is None else body.encode(),
                headers=request.get("headers"),
            ) as response,
        ):
            answer = await response.json()
        if response.status != 200:
            raise _RefusedError(answer["error"]["status"], answer["error"]["message"])
        return answer

    async def _checked(self, call: Any, wanted: dict[str, JSON]) -> None:
        try:
            answer = await call
        except GoogleAPICallError as error:
            refused = _refusal(error)
        except _RefusedError as error:
            refused = error
        else:
            if "refused" in wanted:
                raise DeviationError(f"is not refused but answers {answer}")
            _holds(wanted.get("gives", {}), answer, "answer")
            for path in wanted.get("lacks", ()):
                if _at(answer, path) is not None:
                    raise DeviationError(f"answers {path} = {_at(answer, path)!r}")
            for name, path in wanted.get("keep", {}).items():
                self.names[name] = _at(answer, path)
            return
        if "refused" not in wanted:
            raise DeviationError(f"is refused: {refused.code} {refused.text}")
        code, text = wanted["refused"]
        if (refused.code, refused.text) != (code, text):
            raise DeviationError(f"is refused with {refused.code} {refused.text!r}")

    def _dispatched(self, wanted: dict[str, JSON]) -> None:
        came, self.target.came = self.target.came, []
        seen: dict[str, JSON] = {
            "count": len(came),
            "gaps": [_seconds(b.at_us - a.at_us) for a, b in pairwise(came)],
            "at": [_seconds(one.at_us - self.began_us) for one in came],
            "paths": [one.path for one in came],
            "methods": [one.method for one in came],
            "bodies": [one.body for one in came],
            "most_at_once": self.target.most_at_once,
        }
        for name, value in wanted.items():
            if name == "headers":
                got = [
                    {key: one.headers.get(key) for key in row} for row, one in _pairs(value, came)
                ]
                _holds(value, got, "headers")
            elif name == "claims":
                _holds(value, [one.claims() for _, one in _pairs(value, came)], "claims")
            elif seen[name] != value:
                raise DeviationError(f"{name} are {seen[name]}, wanted {value}")

    def _filled(self, value: JSON) -> JSON:
        """Return a step with its variables replaced."""
        if isinstance(value, dict):
            if "$times" in value:
                count, item = value["$times"]
                return [self._filled(item)] * count
            return {self._filled(key): self._filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        def value(found: re.Match[str]) -> str:
            name, argument = found[1], found[2]
            if argument is None:
                return self.names[name]
            if name == "text":
                return "a" * int(argument)
            if name == "bytes":
                return base64.b64encode(b"a" * int(argument)).decode()
            ahead_us = span_us(argument) * (1 if name == "in" else -1)
            return moment(self.clock.now_us() + ahead_us).isoformat().replace("+00:00", "Z")

        return re.sub(r"\$(\w+)(?:\(([^)]*)\))?", value, text)


@dataclass(frozen=True)
class _Came:
    """A request that the target received."""

    at_us: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: str

    def claims(self) -> Mapping[str, JSON]:
        """Return the claims of the ID token in `Authorization`."""
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            return dict(jwt.decode(token, verify=False))
        except (GoogleAuthError, ValueError) as error:
            raise DeviationError(f"there is no ID token: {token[:40]!r}") from error


class _Target:
    """The target of the tasks. An answer is a status, or a map: status, after (a span), headers."""

    def __init__(self, clock: ManualClock) -> None:
        self.answers: list[JSON] = []
        self.came: list[_Came] = []
        self.most_at_once = 0
        self._at_once = 0
        self._clock = clock

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        at_us = self._clock.now_us()
        body = (await request.read()).decode(errors="replace")
        self.came.append(_Came(at_us, request.method, request.path_qs, request.headers, body))
        answer = self.answers.pop(0) if self.answers else 200
        if not isinstance(answer, dict):
            answer = {"status": answer}
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            if "after" in answer:
                await self._clock.sleep(answer["after"])
        finally:
            self._at_once -= 1
        if answer.get("status") == "close":
            assert request.transport is not None
            request.transport.abort()
        status = answer.get("status", 200)
        return web.Response(
            status=status if isinstance(status, int) else 200, headers=answer.get("headers")
        )


class _RefusedError(Exception):
    def __init__(self, code: str, text: str) -> None:
        self.code = code
        self.text = text


def _setting(name: str, value: JSON) -> Any:
    """Return a setting of the engine. Text is a span; a number is the burst for every rate."""
    if name == "burst":
        return lambda _: value
    return timedelta(microseconds=span_us(value)) if isinstance(value, str) else value


def _refusal(error: GoogleAPICallError) -> _RefusedError:
    """Return the code and the text that were sent, however the client changed them."""
    response = error.response
    if hasattr(response, "json"):
        told = response.json()["error"]
        return _RefusedError(told["status"], told["message"])
    assert error.grpc_status_code is not None
    return _RefusedError(error.grpc_status_code.name, str(error.message))


def _plain(answer: Any) -> JSON:
    if answer is None:
        return {}
    if hasattr(answer, "operation"):
        answer = answer.operation
    message = answer if hasattr(answer, "DESCRIPTOR") else type(answer).pb(answer)
    return json_format.MessageToDict(message)


def _holds(wanted: JSON, got: JSON, path: str) -> None:
    """Check that `got` has everything in `wanted`. Maps may have more."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        for key, value in wanted.items():
            _holds(value, got.get(key), f"{path}.{key}")
    elif isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        for number, (value, item) in enumerate(zip(wanted, got, strict=True)):
            _holds(value, item, f"{path}[{number}]")
    elif not _same(wanted, got):
        raise DeviationError(f"{path} is {got!r}, wanted {wanted!r}")


def _same(wanted: JSON, got: JSON) -> bool:
    if isinstance(wanted, str) and wanted.startswith("~") and isinstance(got, str):
        return re.fullmatch(wanted[1:], got) is not None
    return bool(wanted == got)


def _pairs(wanted: list[JSON], came: list[_Came]) -> list[tuple[JSON, _Came]]:
    if len(wanted) != len(came):
        raise DeviationError(f"{len(came)} requests came, wanted {len(wanted)}")
    return list(zip(wanted, came, strict=True))


def _at(value: JSON, path: str) -> JSON:
    for name in path.split("."):
        if isinstance(value, list):
            value = value[int(name)] if int(name) < len(value) else None
        else:
            value = value.get(name) if isinstance(value, dict) else None
    return value


def _seconds(us: int) -> float:
    seconds = us / 1_000_000
    return int(seconds) if seconds == int(seconds) else seconds
