"""Google's own client against a real engine, over loopback."""

from __future__ import annotations

import itertools
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from aiohttp import web
from google.api_core import exceptions
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport

from queuewright.engine import Caller, Engine, ManualClock, Settings
from queuewright.engine.protocol import messages as m
from queuewright.errors import TargetError
from tests.engine.stage import LOCATION, QUEUE


class Handler:
    """A real HTTP handler on loopback."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.received.append((request.method, dict(request.headers), await request.read()))
        return web.Response(status=self.answers.pop(0) if self.answers else 200)


@asynccontextmanager
async def handler() -> AsyncIterator[Handler]:
    serving = Handler()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", serving.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    serving.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield serving
    finally:
        await runner.cleanup()


@asynccontextmanager
async def client(engine: Engine, **listener: Any) -> AsyncIterator[tasks_v2.CloudTasksAsyncClient]:
    port = await engine.serve_grpc(port=0, **listener)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        transport = CloudTasksGrpcAsyncIOTransport(channel=channel)
        yield tasks_v2.CloudTasksAsyncClient(transport=transport)


@asynccontextmanager
async def engine(**settings: Any) -> AsyncIterator[Engine]:
    running = Engine(clock=ManualClock(), **settings)
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


async def test_a_handler_that_fails_three_times_is_retried_and_then_done() -> None:
    events: list[Any] = []
    async with handler() as h, engine(on_event=events.append) as e, client(e) as c:
        h.answers = [500, 500, 500]
        await c.create_queue(
            parent=LOCATION,
            queue={"name": QUEUE, "retry_config": {"min_backoff": {"seconds": 10}}},
        )
        task = await c.create_task(
            parent=QUEUE,
            task={
                "http_request": {"url": f"{h.url}/work", "body": b"hello", "headers": {"A": "b"}}
            },
        )
        await e.drain()
        assert len(h.received) == 4
        times = [event.time_us for event in events if event.kind == "AttemptDispatch"]
        assert [(b - a) / 1e6 for a, b in itertools.pairwise(times)] == [10, 20, 40]
        method, headers, body = h.received[3]
        assert (method, body) == ("POST", b"hello")
        assert headers["A"] == "b"
        assert headers["User-Agent"] == "Google-Cloud-Tasks"
        assert headers["X-CloudTasks-TaskName"] == task.name.rpartition("/")[2]
        assert headers["X-CloudTasks-QueueName"] == "emails"
        assert headers["X-CloudTasks-TaskRetryCount"] == "3"
        assert headers["X-CloudTasks-TaskPreviousResponse"] == "500"
        assert "Content-Type" not in headers
        with pytest.raises(exceptions.NotFound, match="no longer exists"):
            await c.get_task(name=task.name)


async def test_the_client_sees_codes_texts_and_details() -> None:
    async with engine() as e, client(e) as c:
        with pytest.raises(exceptions.InvalidArgument) as refused:
            await c.create_queue(parent=LOCATION, queue={"name": f"{LOCATION}/queues/a_b"})
        assert refused.value.message.startswith('Queue name must be formatted: "projects/')
        assert refused.value.details[0].links[0].description == "Queue.name"


async def test_the_client_pages_through_what_it_lists() -> None:
    async with engine() as e, client(e) as c:
        for index in range(5):
            await c.create_queue(parent=LOCATION, queue={"name": f"{QUEUE}-{index}"})
        pager = await c.list_queues(request={"parent": LOCATION, "page_size": 2})
        assert [queue.name async for queue in pager] == [f"{QUEUE}-{i}" for i in range(5)]


async def test_the_clients_batch_call_returns_its_tasks() -> None:
    async with engine() as e, client(e) as c:
        await c.create_queue(parent=LOCATION, queue={"name": QUEUE})
        await c.pause_queue(name=QUEUE)
        request = {"task": {"http_request": {"url": "https://h/"}}}
        operation = await c.batch_create_tasks(request={"parent": QUEUE, "requests": [request] * 3})
        assert len((await operation.result()).tasks) == 3
        listed = await c.list_tasks(parent=QUEUE)
        assert len([task async for task in listed]) == 3


async def test_routing_metadata_is_not_asked_for() -> None:
    async with engine() as e:
        await e.declare_queue(m.Queue(name=QUEUE))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{await e.serve_grpc(port=0)}") as channel:
            call = channel.unary_unary("/google.cloud.tasks.v2.CloudTasks/GetQueue")
            answer = await call(m.GetQueueRequest(name=QUEUE).SerializeToString(), metadata=())
        assert m.Queue.FromString(answer).name == QUEUE


async def test_a_client_that_would_wait_longer_than_30_seconds_is_refused() -> None:
    async with engine() as e, client(e) as c:
        await c.list_queues(parent=LOCATION, timeout=30)
        with pytest.raises(exceptions.InvalidArgument) as refused:
            await c.list_queues(parent=LOCATION, timeout=60)
        text = refused.value.message
        assert text.startswith("The request deadline is 20")
        assert text.endswith("Z. The deadline cannot be more than 30s in the future.")


async def test_a_listener_has_its_own_caller() -> None:
    mailer = Caller("serviceAccount:mailer@acme.iam.gserviceaccount.com")
    async with engine() as e, client(e) as developer, client(e, caller=mailer) as c:
        await developer.create_queue(parent=LOCATION, queue={"name": QUEUE})
        with pytest.raises(exceptions.PermissionDenied, match=r"cloudtasks\.queues\.get"):
            await c.get_queue(name=QUEUE)
        e.grant(str(mailer.principal), "roles/cloudtasks.viewer", QUEUE)
        assert (await c.get_queue(name=QUEUE)).name == QUEUE


@pytest.mark.parametrize(
    ("method", "request_bytes", "code"),
    [
        ("CloudTasks/GetQueue", b"\xff\xff\xff", grpc.StatusCode.INVALID_ARGUMENT),
        ("CloudTasks/GetQueue", b"\x0a\x02\xff\xff", grpc.StatusCode.INVALID_ARGUMENT),
        ("CloudTasks/GetQueue", b"", grpc.StatusCode.INVALID_ARGUMENT),
        ("CloudTasks/LeaseTasks", b"", grpc.StatusCode.UNIMPLEMENTED),
    ],
)
async def test_malformed_requests_are_refused(
    method: str, request_bytes: bytes, code: grpc.StatusCode
) -> None:
    async with engine() as e:
        port = await e.serve_grpc(port=0)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await channel.unary_unary(f"/google.cloud.tasks.v2.{method}")(request_bytes)
            assert refused.value.code() is code


async def test_a_bug_of_ours_answers_internal_and_leaves_the_server_running(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with engine() as e, client(e) as c:

        def broken(_: object) -> None:
            raise KeyError("a bug")

        monkeypatch.setattr(e.service, "_queue", broken)
        with pytest.raises(exceptions.InternalServerError, match="Internal error encountered"):
            await c.get_queue(name=QUEUE, retry=None)
        assert "KeyError: 'a bug'" in caplog.text
        monkeypatch.undo()
        with pytest.raises(exceptions.NotFound):
            await c.get_queue(name=QUEUE)


async def test_the_refusal_of_a_long_name_is_short_enough_for_a_header() -> None:
    async with engine() as e:
        port = await e.serve_grpc(port=0)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = channel.unary_unary("/google.cloud.tasks.v2.CloudTasks/GetTask")
            request = m.GetTaskRequest(name=f"{QUEUE}/tasks/{'x' * 1_000_000}")
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call(request.SerializeToString())
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert str(refused.value.details()).startswith('Task ID "xxx')


@pytest.mark.parametrize("kind", ["gRPC", "HTTP"])
async def test_the_error_for_a_port_in_use_names_the_port_and_a_fix(kind: str) -> None:
    async with engine() as e:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            serve = e.serve_grpc if kind == "gRPC" else e.serve_http
            with pytest.raises(TargetError) as refused:
                await serve(port=port)
        assert f"port {port} on 127.0.0.1 cannot be used for {kind}" in str(refused.value)
        assert "hint: stop the program that uses it, or choose another port" in str(refused.value)


@pytest.mark.parametrize("kind", ["gRPC", "HTTP"])
@pytest.mark.parametrize(
    ("host", "why"),
    [("a..b", "no such host"), ("192.0.2.1", "address")],  # of documentation: RFC 5737
)
async def test_the_error_for_a_foreign_host_asks_for_an_address_of_this_machine(
    kind: str, host: str, why: str
) -> None:
    """Another port would not help."""
    async with engine() as e:
        serve = e.serve_grpc if kind == "gRPC" else e.serve_http
        with pytest.raises(TargetError, match=why) as refused:
            await serve(host, 0)
        assert refused.value.hint == "use an address of this machine, such as 127.0.0.1"


async def test_two_engines_do_not_share_a_port() -> None:
    async with engine() as one, engine() as other:
        port = await one.serve_grpc(port=0)
        with pytest.raises(TargetError):
            await other.serve_grpc(port=port)


async def test_a_stopped_engine_has_closed_its_ports() -> None:
    async with engine() as e:
        port = await e.serve_grpc(port=0)
    async with engine() as e:
        assert await e.serve_grpc(port=port) == port


@pytest.mark.parametrize("kind", ["gRPC", "HTTP"])
async def test_one_listener_can_be_closed_and_the_others_stay(kind: str) -> None:
    """Its port is free again; closing it twice does nothing."""
    async with engine() as e, client(e) as c:
        serve = e.serve_grpc if kind == "gRPC" else e.serve_http
        port = await serve(port=0)
        await e.stop_serving(port)
        await e.stop_serving(port)
        assert await serve(port=port) == port
        assert (await c.get_location(request={"name": LOCATION})).location_id == "europe-west1"


async def test_a_denied_call_has_an_event() -> None:
    """Who, on which queue, and in the words that the caller got; the developer may do all."""
    events: list[Any] = []
    mailer = "serviceAccount:mailer@p.iam.gserviceaccount.com"
    async with engine(on_event=events.append) as e, client(e, caller=Caller(mailer)) as c:
        await e.declare_queue(m.Queue(name=QUEUE))
        with pytest.raises(exceptions.PermissionDenied) as refused:
            await c.delete_task(name=f"{QUEUE}/tasks/t")
        with pytest.raises(exceptions.PermissionDenied):
            await c.list_queues(parent=LOCATION)
    denied = [event for event in events if event.kind == "CallDenied"]
    assert [(event.queue, event.principal) for event in denied] == [(QUEUE, mailer), ("", mailer)]
    assert denied[0].message == refused.value.message
    assert denied[0].status == "PERMISSION_DENIED"


async def test_handlers_that_never_answer_are_left_to_their_deadline() -> None:
    settings = Settings(patience=timedelta(milliseconds=20), stop_grace=timedelta(0))
    async with engine(settings=settings) as e, client(e) as c:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
            await c.create_queue(parent=LOCATION, queue={"name": QUEUE})
            task = await c.create_task(parent=QUEUE, task={"http_request": {"url": url}})
            await e.advance("10m")
            shown = await c.get_task(name=task.name)
        assert shown.last_attempt.response_status.code == 4
        assert (shown.dispatch_count, shown.response_count) == (1, 0)


def open_files() -> int:
    folder = "/proc/self/fd" if Path("/proc/self/fd").exists() else "/dev/fd"
    return len(list(Path(folder).iterdir()))


async def test_stopped_engines_leave_no_file_open(tmp_path: Path) -> None:
    async def life(number: int) -> None:
        e = Engine(state=tmp_path / str(number))
        await e.start()
        await e.serve_grpc(port=0)
        await e.serve_http(port=0)
        await e.declare_queue(m.Queue(name=QUEUE))
        await e.stop()

    await life(0)
    before = open_files()
    for number in range(1, 6):
        await life(number)
    assert open_files() <= before
