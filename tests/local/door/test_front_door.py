"""The front door of a handler does what Cloud Run's front end does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from queuewright.engine import Signer
from queuewright.local.door.access import Access
from queuewright.local.door.backend import Backend
from queuewright.local.door.front_door import FrontDoor, Limits
from queuewright.local.door.slots import Slots
from queuewright.local.processes.ports import free_port
from tests.local.conftest import until

NOW_US = 1_700_000_000_000_000
EMAIL = "emails-invoker@acme-dev.iam.gserviceaccount.com"
WIDE = Limits(at_once=100, timeout_s=30.0)

Answer = Callable[[web.BaseRequest], Coroutine[Any, Any, web.StreamResponse]]


@asynccontextmanager
async def backend(answer: Answer) -> AsyncIterator[Backend]:
    """A server that answers so."""
    runner = web.ServerRunner(
        web.Server(answer, handler_cancellation=True, max_field_size=100_000, max_headers=3_000)
    )
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield Backend(f"http://127.0.0.1:{runner.addresses[0][1]}")
    await runner.cleanup()


async def fine(_: web.BaseRequest) -> web.Response:
    return web.Response(text="fine")


Door = Callable[..., Coroutine[Any, Any, FrontDoor]]


@pytest.fixture
def refused() -> list[str]:
    return []


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def door(stack: AsyncExitStack, refused: list[str]) -> Door:
    """Open a door before a server that answers so; None leaves it closed."""

    async def make(
        answer: Answer | None = fine,
        limits: Limits = WIDE,
        hold_s: float = 30.0,
        pending_s: float = 30.0,
        allowed_hosts: tuple[str, ...] = (),
    ) -> FrontDoor:
        door = await stack.enter_async_context(
            FrontDoor.listen(
                "mailer",
                limits,
                now_us=lambda: NOW_US,
                on_refused=refused.append,
                hold_s=hold_s,
                pending_s=pending_s,
                allowed_hosts=allowed_hosts,
            )
        )
        if answer is not None:
            await door.open(await stack.enter_async_context(backend(answer)))
        return door

    return make


@pytest.fixture
async def client(stack: AsyncExitStack) -> aiohttp.ClientSession:
    return await stack.enter_async_context(aiohttp.ClientSession(auto_decompress=False))


async def test_a_request_arrives_unchanged(door: Door, client: aiohttp.ClientSession) -> None:
    """Method, path and query letter by letter, body, and headers in their own capitals."""
    seen: dict[str, Any] = {}

    async def answer(request: web.BaseRequest) -> web.Response:
        seen.update(method=request.method, path=request.raw_path, body=await request.read())
        seen["names"] = [name.decode() for name, _ in request.raw_headers]
        return web.Response()

    front = await door(answer)
    url = aiohttp.client.URL(f"{front.url}/a%2Fb?x=%20&y", encoded=True)
    headers = {"X-CloudTasks-QueueName": "emails", "x-lower": "1", "Content-Type": "text/plain"}
    await client.put(url, data=b"\x00body", headers=headers)
    assert (seen["method"], seen["path"], seen["body"]) == ("PUT", "/a%2Fb?x=%20&y", b"\x00body")
    assert {"X-CloudTasks-QueueName", "x-lower", "Content-Type"} <= set(seen["names"])


async def test_nothing_is_added_to_a_request(door: Door) -> None:
    """No content type, user agent or encoding that nobody asked for."""
    names: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        names.extend(name.decode().lower() for name, _ in request.raw_headers)
        return web.Response()

    front = await door(answer)
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    writer.write(
        b"POST / HTTP/1.1\r\nHost: ::1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
    )
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()
    assert set(names) - {"connection"} == {"host", "content-length"}


async def test_a_response_comes_back_unchanged(door: Door, client: aiohttp.ClientSession) -> None:
    """Status, headers, and a body that stays compressed."""

    async def answer(_: web.BaseRequest) -> web.Response:
        headers = {"X-Own": "1", "Content-Encoding": "gzip", "Location": "/elsewhere"}
        return web.Response(status=302, body=b"\x1f\x8b packed", headers=headers)

    front = await door(answer)
    got = await client.get(front.url, allow_redirects=False)
    assert got.status == 302
    assert got.headers["X-Own"] == "1"
    assert got.headers["Location"] == "/elsewhere"
    assert await got.read() == b"\x1f\x8b packed"


async def test_both_bodies_are_streamed(door: Door, client: aiohttp.ClientSession) -> None:
    """The first piece arrives while the last is still to be sent."""
    pieces: asyncio.Queue[bytes] = asyncio.Queue()

    async def body() -> AsyncIterator[bytes]:
        while piece := await pieces.get():
            yield piece

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        async for piece in request.content.iter_any():
            await response.write(piece.upper())
        return response

    front = await door(answer)
    pieces.put_nowait(b"one")
    async with client.post(front.url, data=body()) as got:
        assert await got.content.readexactly(3) == b"ONE"
        pieces.put_nowait(b"two")
        assert await got.content.readexactly(3) == b"TWO"
        pieces.put_nowait(b"")
        assert await got.read() == b""


async def test_a_request_waits_for_a_process_that_serves(
    door: Door, client: aiohttp.ClientSession
) -> None:
    """As on a cold start, so an edit fails no task."""
    front = await door(None)
    request = asyncio.create_task(client.get(front.url))
    await until(lambda: front.busy)
    async with backend(fine) as there:
        await front.open(there)
        assert (await request).status == 200


async def test_a_request_that_waits_too_long_is_503(
    door: Door, client: aiohttp.ClientSession, refused: list[str]
) -> None:
    """The console shows a hint."""
    front = await door(None, hold_s=0.0)
    assert (await client.get(front.url)).status == 503
    assert "nothing served within 0s" in refused[0]


async def test_a_missing_server_at_local_url_is_503_at_once(
    door: Door, client: aiohttp.ClientSession, refused: list[str]
) -> None:
    """Nothing here will start it."""
    front = await door(None)
    await front.open(Backend(f"http://127.0.0.1:{free_port('127.0.0.1')}", comes_back=False))
    assert (await client.post(front.url, data=b"x")).status == 503
    assert "nothing listens at http://127.0.0.1:" in refused[0]


async def test_a_request_that_finds_the_process_gone_waits_for_the_next(
    door: Door, client: aiohttp.ClientSession
) -> None:
    """It died a moment ago; no byte of the request was sent."""
    front = await door(None)
    await front.open(Backend(f"http://127.0.0.1:{free_port('127.0.0.1')}"))
    request = asyncio.create_task(client.post(front.url, data=b"body"))
    await until(lambda: front.busy)

    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(body=await request.read())

    async with backend(answer) as there:
        await front.open(there)
        assert await (await request).read() == b"body"


async def test_more_requests_than_the_instances_take_wait_for_their_turn(
    door: Door, client: aiohttp.ClientSession
) -> None:
    """`instances.max` × `concurrency` at once, and not one more."""
    at_once = most = 0
    going = asyncio.Event()

    async def answer(_: web.BaseRequest) -> web.Response:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        if at_once == 2:
            going.set()
        await going.wait()
        at_once -= 1
        return web.Response()

    front = await door(answer, Limits(at_once=2, timeout_s=30.0))
    answers = await asyncio.gather(*(client.get(front.url) for _ in range(7)))
    assert [answer.status for answer in answers] == [200] * 7
    assert most == 2


async def test_a_request_that_finds_no_instance_is_429(
    door: Door, client: aiohttp.ClientSession, refused: list[str]
) -> None:
    """As on Cloud Run at the maximum of instances; the hint names the setting."""
    arrived, leave = asyncio.Event(), asyncio.Event()

    async def answer(_: web.BaseRequest) -> web.Response:
        arrived.set()
        await leave.wait()
        return web.Response()

    front = await door(answer, Limits(at_once=1, timeout_s=30.0), pending_s=0.0)
    first = asyncio.create_task(client.get(front.url))
    await arrived.wait()
    assert (await client.get(front.url)).status == 429
    assert "instances.max" in refused[0]
    leave.set()
    assert (await first).status == 200


async def test_limits_can_change_while_requests_wait(
    door: Door, client: aiohttp.ClientSession
) -> None:
    """A new `instances.max` lets waiting requests in."""
    both = asyncio.Barrier(2)

    async def answer(_: web.BaseRequest) -> web.Response:
        await both.wait()
        return web.Response()

    front = await door(answer, Limits(at_once=1, timeout_s=30.0))
    requests = [asyncio.create_task(client.get(front.url)) for _ in range(2)]
    await until(lambda: front.busy)
    front.limit(WIDE)
    assert [(await request).status for request in requests] == [200, 200]


async def test_a_response_that_takes_longer_than_the_timeout_is_504(
    door: Door, client: aiohttp.ClientSession, refused: list[str]
) -> None:
    """The handler's request is cancelled, as on Cloud Run."""
    given_up = asyncio.Event()

    async def answer(_: web.BaseRequest) -> web.Response:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()
        return web.Response()

    front = await door(answer, Limits(at_once=1, timeout_s=0.05))
    assert (await client.get(front.url)).status == 504
    await given_up.wait()
    assert "raise the handler's `timeout`" in refused[0]


async def test_a_process_that_dies_during_a_request_is_503(
    door: Door, client: aiohttp.ClientSession, refused: list[str]
) -> None:
    """The connection ends without a response."""

    async def answer(request: web.BaseRequest) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    front = await door(answer)
    assert (await client.post(front.url, data=b"x")).status == 503
    assert "without a response" in refused[0]


async def test_half_a_response_is_aborted(door: Door, client: aiohttp.ClientSession) -> None:
    """So that the client cannot take it for a whole one."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.close()
        return response

    front = await door(answer)
    with pytest.raises(aiohttp.ClientError):
        await (await client.get(front.url)).read()


async def test_a_caller_that_disconnects_frees_its_slot(
    door: Door, client: aiohttp.ClientSession
) -> None:
    """The engine cancels at the dispatch deadline, and the handler's request ends with it."""
    arrived, ended = asyncio.Event(), asyncio.Event()

    async def answer(_: web.BaseRequest) -> web.Response:
        arrived.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return web.Response()

    front = await door(answer, Limits(at_once=1, timeout_s=30.0))
    request = asyncio.create_task(client.get(front.url))
    await arrived.wait()
    request.cancel()
    await ended.wait()


async def test_a_request_stays_with_the_process_that_got_it(
    door: Door, client: aiohttp.ClientSession
) -> None:
    """The new process gets new requests; the old one is idle after its last response."""
    arrived, leave = asyncio.Event(), asyncio.Event()

    async def slow(_: web.BaseRequest) -> web.Response:
        arrived.set()
        await leave.wait()
        return web.Response(text="old")

    front = await door(slow)
    first = asyncio.create_task(client.get(front.url))
    await arrived.wait()
    async with backend(fine) as there:
        before = await front.open(there)
        assert before is not None
        idle = asyncio.create_task(before.idle())
        assert await (await client.get(front.url)).text() == "fine"
        assert not idle.done()
        leave.set()
        assert await (await first).text() == "old"
        await idle


class Guarded:
    """A door with access for the queue's invoker, and the tokens to try it with."""

    def __init__(self, front: FrontDoor) -> None:
        self.front = front
        self.signer = Signer()
        front.access = Access(
            "mailer", front.url, {f"serviceAccount:{EMAIL}": "queues.emails"}, self.signer
        )

    def token(self, email: str = EMAIL, audience: str | None = None, *, at: int = NOW_US) -> str:
        return self.signer.oidc(email, audience or self.front.url, at)


@pytest.fixture
async def guarded(door: Door) -> Guarded:
    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(text=request.headers.get("Authorization", ""))

    return Guarded(await door(answer))


async def test_the_queues_invoker_is_let_in(
    guarded: Guarded, client: aiohttp.ClientSession
) -> None:
    """The handler gets its token without the signature, as on Cloud Run."""
    token = guarded.token()
    got = await client.post(guarded.front.url, headers={"Authorization": f"Bearer {token}"})
    assert got.status == 200
    claims = token.rpartition(".")[0]
    assert await got.text() == f"Bearer {claims}.SIGNATURE_REMOVED_BY_GOOGLE"


@pytest.mark.parametrize(
    ("header", "status", "reason"),
    [
        (None, 403, "no token"),
        ("Basic YTpi", 403, "no token"),
        ("Bearer ", 403, "no token"),
        ("Bearer nonsense", 401, "not a JSON Web Token"),
    ],
)
async def test_a_request_without_a_token_is_refused(
    guarded: Guarded,
    client: aiohttp.ClientSession,
    refused: list[str],
    header: str | None,
    status: int,
    reason: str,
) -> None:
    """403 without a token, 401 for an invalid one; the console shows which."""
    headers = {"Authorization": header} if header is not None else {}
    got = await client.post(guarded.front.url, headers=headers)
    assert got.status == status
    assert reason in refused[0]
    assert "hint:" in await got.text()


async def test_a_token_for_another_audience_is_401(
    guarded: Guarded, client: aiohttp.ClientSession
) -> None:
    """It must be the root URL; a URL with a path is a different audience."""
    token = guarded.token(audience=f"{guarded.front.url}/send")
    got = await client.post(guarded.front.url, headers={"Authorization": f"Bearer {token}"})
    assert got.status == 401
    assert "audience" in await got.text()
    assert got.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


async def test_an_expired_token_is_401(guarded: Guarded, client: aiohttp.ClientSession) -> None:
    """After an hour."""
    token = guarded.token(at=NOW_US - 3600 * 1_000_000)
    got = await client.post(guarded.front.url, headers={"Authorization": f"Bearer {token}"})
    assert got.status == 401


async def test_an_account_without_the_invoker_role_is_403_with_a_hint(
    guarded: Guarded, client: aiohttp.ClientSession, refused: list[str]
) -> None:
    """The missing role, and the line of YAML."""
    token = guarded.token("thumbnails-handler@acme-dev.iam.gserviceaccount.com")
    got = await client.post(guarded.front.url, headers={"Authorization": f"Bearer {token}"})
    assert got.status == 403
    assert "thumbnails-handler@" in refused[0]
    assert "roles/run.invoker" in refused[0]
    assert "`handler: mailer`" in refused[0]


async def test_a_cancelled_wait_for_a_slot_takes_no_slot() -> None:
    """A request that is cancelled while it waits leaves the queue."""
    slots = Slots(1)
    async with slots.taken(30.0):
        waiting = [asyncio.create_task(_hold(slots)) for _ in range(2)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.wait([waiting[0]])
    assert await waiting[1]
    async with slots.taken(0.0) as has_slot:
        assert has_slot


async def _hold(slots: Slots) -> bool:
    async with slots.taken(30.0) as has_slot:
        return has_slot


# What comes from outside


FOREIGN = [
    ({"Origin": "https://evil.example"}, "a web page of `https://evil.example`"),
    ({"Origin": "null"}, "a web page"),
    ({"Sec-Fetch-Site": "cross-site"}, "a web page of another site"),
    ({"Host": "rebound.evil.example:80"}, "`rebound.evil.example` is not a name of this machine"),
]


@pytest.mark.parametrize(("headers", "reason"), FOREIGN)
async def test_a_foreign_page_does_not_reach_a_handler(
    door: Door,
    client: aiohttp.ClientSession,
    refused: list[str],
    headers: dict[str, str],
    reason: str,
) -> None:
    """Even where no token is asked for, as at App Engine's."""
    reached: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        reached.append(request.path)
        return web.Response()

    front = await door(answer)
    got = await client.post(front.url, data=b"{}", headers=headers)
    assert got.status == 403
    assert reason in refused[0]
    assert not reached


async def test_an_image_of_a_foreign_page_does_not_reach_a_handler(
    door: Door, client: aiohttp.ClientSession, refused: list[str]
) -> None:
    """At another address of this machine, a browser does not say which page asks."""
    front = await door()
    for headers in ({"Host": "0.0.0.0:80"}, {"User-Agent": "Mozilla/5.0 (X11) Firefox/128.0"}):
        assert (await client.get(front.url, headers=headers)).status == 403
    assert "does not say which page" in refused[1]
    assert (await client.get(front.url, headers={"User-Agent": "curl/8.5.0"})).status == 200


async def test_a_foreign_page_does_not_reach_a_guarded_handler(
    guarded: Guarded, client: aiohttp.ClientSession
) -> None:
    """It has no token."""
    got = await client.post(guarded.front.url, headers={"Origin": "https://evil.example"})
    assert got.status == 403


async def test_a_name_of_this_machine_can_be_allowed(
    door: Door, client: aiohttp.ClientSession
) -> None:
    """With `--allow-host`."""
    front = await door(allowed_hosts=("tasks",))
    assert (await client.post(front.url, headers={"Host": "tasks:80"})).status == 200
    assert (await client.post(front.url, headers={"Host": "other:80"})).status == 403


@pytest.mark.parametrize(
    "line", ["GET http://127.0.0.1:1/x", "OPTIONS *", "CONNECT 127.0.0.1:1", "GET http://["]
)
async def test_a_target_that_is_no_path_is_400(
    door: Door, caplog: pytest.LogCaptureFixture, line: str
) -> None:
    """The front door is no proxy; nothing is logged with a traceback."""
    front = await door()
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    writer.write(f"{line} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    assert (await reader.readline()).split()[1] == b"400"
    writer.close()
    assert all(record.exc_info is None for record in caplog.records)


async def test_only_the_engine_can_send_app_engines_headers(
    door: Door, client: aiohttp.ClientSession
) -> None:
    """App Engine's handlers trust them. The path that lets the engine in does not get through."""
    seen: list[tuple[str, set[str]]] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        names = {name for name in request.headers if name.lower().startswith(("x-", "x_"))}
        seen.append((request.raw_path, names))
        return web.Response()

    front = await door(answer)
    headers = {
        "X-AppEngine-QueueName": "a",
        "x-appengine-taskname": "b",
        "X_AppEngine_TaskName": "b",
        "X-Own": "c",
    }
    await client.post(f"{front.url}/work?x=1", headers=headers)
    await client.post(f"{front.engine_url}/work?x=1", headers=headers)
    await client.post(f"{front.engine_url}", headers={"Origin": "https://a.task.example"})
    assert seen == [
        ("/work?x=1", {"X-Own"}),
        ("/work?x=1", set(headers)),
        ("/", set()),
    ]


async def test_large_and_many_headers_get_through(
    door: Door, client: aiohttp.ClientSession
) -> None:
    """As many as a task may have: `HttpRequest.headers` in target.proto."""
    seen: list[int] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        own = [value for name, value in request.headers.items() if name.startswith("X-Own-")]
        seen.append(len("".join(own)))
        return web.Response()

    front = await door(answer)
    for headers in ({"X-Own-1": "a" * 70_000}, {f"X-Own-{i}": "a" for i in range(2_000)}):
        async with client.post(f"{front.url}/work", headers=headers) as response:
            assert response.status == 200
    assert seen == [70_000, 2_000]
