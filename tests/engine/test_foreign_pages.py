"""Web pages that try to drive the REST API: what a browser would send for them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from queuewright.engine import Engine
from queuewright.engine.protocol import ListTasksRequest, Queue
from queuewright.engine.service.calls import DEVELOPER

LOCATION = "projects/p/locations/l"
QUEUE = f"{LOCATION}/queues/q"
TASKS = f"/v2/{QUEUE}/tasks"
PLAIN = '{"task": {"httpRequest": {"url": "http://127.0.0.1:1/"}}}'


async def page(_: web.Request) -> web.Response:
    return web.Response(text="a page")


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with Engine() as engine:
        target = {"uri_override": {"host": "127.0.0.1", "port": 1}}
        await engine.declare_queue(Queue(name=QUEUE, http_target=target))
        yield engine


async def tasks(engine: Engine) -> int:
    listed = await engine.service.list_tasks(ListTasksRequest(parent=QUEUE), DEVELOPER)
    return len(listed.tasks)


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", TASKS, {"Origin": "https://evil.example", "Content-Type": "text/plain"}),
        ("POST", TASKS, {"Origin": "null", "Content-Type": "text/plain"}),
        ("POST", TASKS, {"Origin": "http://localhost:3000", "Content-Type": "text/plain"}),
        ("GET", f"{TASKS}:buffer", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}),
        ("GET", f"{TASKS}:buffer", {"Sec-Fetch-Site": "same-site"}),
        ("GET", f"{TASKS}:buffer", {"Host": "evil.example"}),
        ("GET", f"{TASKS}:buffer", {"Host": "0.0.0.0:8124"}),
        ("GET", f"{TASKS}:buffer", {"Host": "[::ffff:127.0.0.1]:8124"}),
        ("GET", f"{TASKS}:buffer", {"Host": "192.168.1.7:8124"}),
        ("GET", f"{TASKS}:buffer", {"Host": "host.docker.internal", "User-Agent": "Mozilla/5.0"}),
        ("GET", f"{TASKS}/t1:buffer", {"User-Agent": "Mozilla/5.0 (X11) Firefox/128.0"}),
        ("GET", f"/v2/{LOCATION}/queues", {"Host": "rebound.evil.example:8124"}),
        ("GET", "/", {"Host": "rebound.evil.example:8124"}),
        ("GET", "/.well-known/openid-configuration", {"Host": "rebound.evil.example"}),
    ],
)
async def test_a_foreign_page_neither_reads_nor_acts(
    engine: Engine, method: str, path: str, headers: dict[str, str]
) -> None:
    """It is answered with 403 in Google's shape, and no task is made."""
    port = await engine.serve_http(port=0, pages=[web.get("/", page)])
    async with (
        ClientSession() as session,
        session.request(
            method, f"http://127.0.0.1:{port}{path}", headers=headers, data=PLAIN
        ) as answer,
    ):
        assert answer.status == 403
        error = (await answer.json())["error"]
    assert error["status"] == "PERMISSION_DENIED"
    assert error["message"].startswith("Refused: ")
    assert "access-control-allow-origin" not in answer.headers
    assert await tasks(engine) == 0


async def test_a_program_and_our_own_page_are_answered(engine: Engine) -> None:
    """Programs send no `Origin`; the dashboard's own requests name this listener."""
    port = await engine.serve_http(port=0, pages=[web.get("/", page)])
    own = {"Origin": f"http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"}
    async with ClientSession() as session:
        for headers in ({}, own):
            url = f"http://127.0.0.1:{port}{TASKS}"
            async with session.post(url, headers=headers, data=PLAIN) as answer:
                assert answer.status == 200
        async with session.get(f"http://127.0.0.1:{port}/") as answer:
            assert await answer.text() == "a page"
        url = f"http://127.0.0.1:{port}{TASKS}:buffer"
        async with session.get(url, headers={"User-Agent": "curl/8.5.0"}) as answer:
            assert answer.status == 200
    assert await tasks(engine) == 3


async def test_a_name_of_this_machine_can_be_allowed(engine: Engine) -> None:
    """As a service of Docker Compose has one."""
    port = await engine.serve_http(port=0, allowed_hosts=["tasks"])
    url = f"http://127.0.0.1:{port}/v2/{LOCATION}/queues"
    async with ClientSession() as session:
        async with session.get(url, headers={"Host": f"tasks:{port}"}) as answer:
            assert answer.status == 200
        async with session.get(url, headers={"Host": f"other:{port}"}) as answer:
            assert answer.status == 403


async def test_a_listener_on_every_interface_is_answered_at_their_addresses() -> None:
    """Other machines know this one by its address; a page's `0.0.0.0` is refused there, too."""
    async with Engine() as engine:
        port = await engine.serve_http("0.0.0.0", 0)
        url = f"http://127.0.0.1:{port}/v2/projects/p/locations/l/queues"
        async with ClientSession() as session:
            for host, status in (("192.168.1.7", 200), ("0.0.0.0", 403), ("evil.example", 403)):
                async with session.get(url, headers={"Host": f"{host}:{port}"}) as answer:
                    assert answer.status == status
