"""HTTP requests: which RPC they call and how they are answered."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer

from queuewright.engine.api.rest import application
from queuewright.engine.api.rest_routes import ROUTES
from queuewright.engine.dispatch.tokens import Signer
from queuewright.engine.protocol import messages, messages_lease
from queuewright.errors import Refusal

LOCATION = "projects/p/locations/l"
QUEUE = f"{LOCATION}/queues/q"
TASK = f"{QUEUE}/tasks/t"


@dataclass
class Recorder:
    """Replaces the service: records its calls and returns the prepared answer."""

    answer: Any = field(default_factory=messages.Queue)
    calls: list[tuple[str, Any, Any]] = field(default_factory=list)
    buffered: list[tuple[str, str, Mapping[str, str], bytes]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        async def call(request: Any, caller: Any) -> Any:
            self.calls.append((name, request, caller))
            return self._answer()

        return call

    async def buffer_task(
        self,
        queue: str,
        task_id: str,
        headers: Mapping[str, str],
        body: bytes,
        caller: Any,
    ) -> Any:
        assert caller == "me"
        self.buffered.append((queue, task_id, headers, body))
        return self._answer()

    def _answer(self) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def dashboard(_: web.Request) -> web.Response:
    return web.Response(text="the dashboard")


@pytest.fixture
def service() -> Recorder:
    return Recorder()


@pytest.fixture
async def client(service: Recorder) -> AsyncIterator[TestClient[Any, Any]]:
    app = application(
        service,  # type: ignore[arg-type]
        "me",  # type: ignore[arg-type]
        signer=Signer(),
        pages=[web.get("/", dashboard)],
        max_body=1_000,
        body_timeout_s=0.05,
    )
    async with TestClient(TestServer(app)) as started:
        yield started


async def error(response: Any) -> dict[str, Any]:
    return (await response.json())["error"]


@pytest.mark.parametrize(
    ("method", "path", "call", "request_"),
    [
        ("GET", f"{LOCATION}/queues", "list_queues", {"parent": LOCATION}),
        ("POST", f"{LOCATION}/queues", "create_queue", {"parent": LOCATION, "queue": {}}),
        ("GET", QUEUE, "get_queue", {"name": QUEUE}),
        ("PATCH", QUEUE, "update_queue", {"queue": {"name": QUEUE}}),
        ("DELETE", QUEUE, "delete_queue", {"name": QUEUE}),
        ("POST", f"{QUEUE}:purge", "purge_queue", {"name": QUEUE}),
        ("POST", f"{QUEUE}:pause", "pause_queue", {"name": QUEUE}),
        ("POST", f"{QUEUE}:resume", "resume_queue", {"name": QUEUE}),
        ("POST", f"{QUEUE}:getIamPolicy", "get_iam_policy", {"resource": QUEUE}),
        ("POST", f"{QUEUE}:setIamPolicy", "set_iam_policy", {"resource": QUEUE}),
        ("POST", f"{QUEUE}:testIamPermissions", "test_iam_permissions", {"resource": QUEUE}),
        ("GET", f"{QUEUE}/tasks", "list_tasks", {"parent": QUEUE}),
        ("POST", f"{QUEUE}/tasks", "create_task", {"parent": QUEUE}),
        ("POST", f"{QUEUE}/tasks:batchCreate", "batch_create_tasks", {"parent": QUEUE}),
        ("POST", f"{QUEUE}/tasks:batchDelete", "batch_delete_tasks", {"parent": QUEUE}),
        ("GET", TASK, "get_task", {"name": TASK}),
        ("DELETE", TASK, "delete_task", {"name": TASK}),
        ("POST", f"{TASK}:run", "run_task", {"name": TASK}),
        ("GET", f"{LOCATION}/cmekConfig", "get_cmek_config", {"name": f"{LOCATION}/cmekConfig"}),
        (
            "PATCH",
            f"{LOCATION}/cmekConfig",
            "update_cmek_config",
            {"cmek_config": {"name": f"{LOCATION}/cmekConfig"}},
        ),
        (
            "GET",
            f"{LOCATION}/operations/o",
            "get_operation",
            {"name": f"{LOCATION}/operations/o"},
        ),
        ("GET", "projects/p/locations", "list_locations", {"name": "projects/p"}),
        ("GET", LOCATION, "get_location", {"name": LOCATION}),
    ],
)
async def test_each_path_calls_its_rpc(
    client: TestClient[Any, Any],
    service: Recorder,
    method: str,
    path: str,
    call: str,
    request_: dict[str, Any],
) -> None:
    """The table of Google's HTTP rules, one by one; the caller is the listener's."""
    response = await client.request(method, f"/v2/{path}")
    assert response.status == 200
    ((name, request, caller),) = service.calls
    assert (name, caller) == (call, "me")
    assert request == type(request)(**request_)


def test_no_route_is_left_untested() -> None:
    """The tables of v2 and v2beta2 and the buffer tests name every RPC of the routes."""
    tests = (test_each_path_calls_its_rpc, test_each_path_of_v2beta2_calls_its_rpc)
    marks = [m for test in tests for m in test.pytestmark if m.name == "parametrize"]
    of_v2, of_v2beta2 = ([row[-2] for row in mark.args[1]] for mark in marks)
    tested = {call.replace("_", "") for call in (*of_v2, *of_v2beta2)} | {"buffertask"}
    assert {route.rpc.lower() for route in ROUTES} == tested


@pytest.mark.parametrize("encoded", [False, True])
async def test_a_project_id_may_hold_a_colon_and_dots(
    client: TestClient[Any, Any], service: Recorder, encoded: bool
) -> None:
    """`example.com:shop` is a project; only the last `:` of a path begins a verb."""
    queue = "projects/example.com:shop/locations/l/queues/q"
    path = queue.replace(":", "%3A") if encoded else queue
    await client.post(f"/v2/{path}:pause")
    await client.get("/v2/projects/example.com:shop/locations")
    assert [(name, request.name) for name, request, _ in service.calls] == [
        ("pause_queue", queue),
        ("list_locations", "projects/example.com:shop"),
    ]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2"),
        ("GET", "/v2/"),
        ("GET", f"/v1/{QUEUE}"),
        ("PUT", f"/v2/{QUEUE}"),
        ("GET", f"/v2/{QUEUE}:pause"),
        ("POST", f"/v2/{QUEUE}:explode"),
        ("GET", f"/v2/{QUEUE}/"),
        ("GET", f"/v2//{QUEUE}"),
        ("POST", f"/v2/{LOCATION}/queues:batchCreate"),
        ("GET", "/favicon.ico"),
        ("OPTIONS", f"/v2/{QUEUE}"),
    ],
)
async def test_an_unknown_path_is_not_found_in_googles_shape(
    client: TestClient[Any, Any], service: Recorder, method: str, path: str
) -> None:
    """JSON with code, message and status, and nothing is called."""
    response = await client.request(method, path)
    assert response.status == 404
    assert await error(response) == {
        "code": 404,
        "message": f"Method not found: {method} {path}",
        "status": "NOT_FOUND",
    }
    assert not service.calls


async def test_a_post_may_mean_another_method(
    client: TestClient[Any, Any], service: Recorder
) -> None:
    """Java sends PATCH as POST with `X-HTTP-Method-Override`; other methods mean themselves."""
    override = {"X-HTTP-Method-Override": "PATCH"}
    await client.post(f"/v2/{QUEUE}?updateMask=retryConfig", json={}, headers=override)
    ((name, request, _),) = service.calls
    assert (name, list(request.update_mask.paths)) == ("update_queue", ["retry_config"])
    await client.get(f"/v2/{QUEUE}", headers=override)
    assert service.calls[1][0] == "get_queue"


async def test_the_query_of_the_java_client_is_understood(
    client: TestClient[Any, Any], service: Recorder
) -> None:
    """A bare `;`, keys without a value and `pageSize=0` are defaults, not mistakes."""
    service.answer = messages.ListQueuesResponse(queues=[messages.Queue(state=2)])
    raw = "$alt=json;enum-encoding%3Dint&filter&pageSize=0&pageToken"
    response = await fetched(client, f"/v2/{LOCATION}/queues?{raw}")
    assert service.calls[0][1] == messages.ListQueuesRequest(parent=LOCATION)
    assert json.loads(response)["queues"] == [{"state": 2}]


@pytest.mark.parametrize(
    ("query", "state"),
    [
        ("", "PAUSED"),
        ("alt=json", "PAUSED"),
        ("$alt=json;enum-encoding=int", 2),
        ("%24alt=json%3Benum-encoding%3Dint&key=AIza", 2),
    ],
)
async def test_enums_come_as_numbers_when_asked(
    client: TestClient[Any, Any], service: Recorder, query: str, state: str | int
) -> None:
    """By name unless `enum-encoding=int` says otherwise."""
    service.answer = messages.Queue(state=2)
    assert json.loads(await fetched(client, f"/v2/{QUEUE}?{query}"))["state"] == state


async def fetched(client: TestClient[Any, Any], target: str) -> bytes:
    """Ask for `target` exactly as written; an HTTP client would tidy it."""
    reader, writer = await asyncio.open_connection(client.server.host, client.server.port)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    return body


@pytest.mark.parametrize("view", ["FULL", "2"])
@pytest.mark.parametrize("name", ["responseView", "response_view"])
async def test_query_values_by_name_or_number(
    client: TestClient[Any, Any], service: Recorder, name: str, view: str
) -> None:
    """`responseView=FULL`, `response_view=2` and the like all mean the same."""
    service.answer = messages.Task()
    await client.get(f"/v2/{TASK}?{name}={view}")
    assert service.calls[0][1] == messages.GetTaskRequest(name=TASK, response_view=2)


async def test_a_nested_query_field_is_bound(
    client: TestClient[Any, Any], service: Recorder
) -> None:
    """`options.requestedPolicyVersion=3`, as gcloud sends it."""
    await client.post(f"/v2/{QUEUE}:getIamPolicy?options.requestedPolicyVersion=3")
    assert service.calls[0][1].options.requested_policy_version == 3


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "colour=red",
            'Invalid JSON payload received. Unknown name "colour": Cannot bind query parameter. '
            "Field 'colour' could not be found in request message.",
        ),
        ("pageSize=many", "Invalid value at 'page_size' (TYPE_INT32), \"many\""),
        ("alt=proto", 'Output format "proto" is not emulated; answers are JSON.'),
        (
            "fields=name",
            "Partial responses (`fields`) are not emulated; leave the parameter out.",
        ),
    ],
)
async def test_a_wrong_query_is_refused(
    client: TestClient[Any, Any], service: Recorder, query: str, message: str
) -> None:
    """No part of a query is silently ignored."""
    response = await client.get(f"/v2/{LOCATION}/queues?{query}")
    assert (response.status, (await error(response))["message"]) == (400, message)
    assert not service.calls


async def test_a_query_cannot_hold_a_message(client: TestClient[Any, Any]) -> None:
    """Only single values can; a queue has to be the body."""
    response = await client.patch(f"/v2/{QUEUE}?queue=x")
    assert (await error(response))["message"] == (
        'Invalid JSON payload received. Unknown name "queue": Cannot bind query parameter. '
        "'queue' is a message type. Parameters can only be bound to primitive types."
    )


async def test_the_path_counts_before_the_body(
    client: TestClient[Any, Any], service: Recorder
) -> None:
    """Go repeats `name` and `parent` in the body; whatever stands there, the path decides."""
    await client.post(f"/v2/{QUEUE}:pause", json={"name": "projects/other"})
    await client.post(f"/v2/{QUEUE}/tasks", json={"parent": QUEUE, "task": {"name": TASK}})
    await client.patch(f"/v2/{QUEUE}", json={"name": "x", "state": "PAUSED"})
    assert [request for _, request, _ in service.calls] == [
        messages.PauseQueueRequest(name=QUEUE),
        messages.CreateTaskRequest(parent=QUEUE, task=messages.Task(name=TASK)),
        messages.UpdateQueueRequest(queue=messages.Queue(name=QUEUE, state=2)),
    ]


async def test_the_path_of_a_mistake_starts_at_the_request(
    client: TestClient[Any, Any],
) -> None:
    """The body of CreateQueue is the request's field `queue`, and so its paths begin."""
    response = await client.post(f"/v2/{LOCATION}/queues", json={"rateLimits": {"max": 1}})
    assert await error(response) == {
        "code": 400,
        "message": 'Invalid JSON payload received. Unknown name "max" at '
        "'queue.rate_limits': Cannot find field.",
        "status": "INVALID_ARGUMENT",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [
                    {
                        "field": "queue.rate_limits",
                        "description": 'Invalid JSON payload received. Unknown name "max" at '
                        "'queue.rate_limits': Cannot find field.",
                    }
                ],
            }
        ],
    }


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("INVALID_ARGUMENT", 400),
        ("FAILED_PRECONDITION", 400),
        ("UNAUTHENTICATED", 401),
        ("PERMISSION_DENIED", 403),
        ("NOT_FOUND", 404),
        ("ALREADY_EXISTS", 409),
        ("ABORTED", 409),
        ("RESOURCE_EXHAUSTED", 429),
        ("INTERNAL", 500),
        ("UNIMPLEMENTED", 501),
        ("UNAVAILABLE", 503),
        ("DEADLINE_EXCEEDED", 504),
    ],
)
async def test_a_refusal_is_googles_envelope(
    client: TestClient[Any, Any], service: Recorder, code: str, status: int
) -> None:
    """HTTP status, code, text and details."""
    link = messages.Help.Link(description="d", url="u")
    service.answer = Refusal(code, "Why not.", messages.Help(links=[link]))
    response = await client.get(f"/v2/{QUEUE}")
    assert response.status == status
    assert response.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert await error(response) == {
        "code": status,
        "message": "Why not.",
        "status": code,
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.Help",
                "links": [{"description": "d", "url": "u"}],
            }
        ],
    }


async def test_a_bug_of_ours_is_internal_and_logged(
    client: TestClient[Any, Any], service: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller gets Google's text; the traceback goes to the log."""
    service.answer = ZeroDivisionError()
    response = await client.get(f"/v2/{QUEUE}")
    assert (response.status, (await error(response))["message"]) == (
        500,
        "Internal error encountered.",
    )
    assert "ZeroDivisionError" in caplog.text


async def test_a_body_over_the_limit_is_refused(
    client: TestClient[Any, Any], service: Recorder
) -> None:
    """The text names the limit; the same with a length announced or not."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100

    for body in (b" " * 1_001, chunks()):
        response = await client.post(f"/v2/{QUEUE}/tasks", data=body)
        assert (response.status, (await error(response))["message"]) == (
            400,
            "Request payload size exceeds the limit: 1000 bytes.",
        )
    assert not service.calls


async def test_a_body_that_does_not_arrive_is_given_up(
    client: TestClient[Any, Any], service: Recorder
) -> None:
    """A connection that stalls in the middle of a body gets its answer all the same."""
    reader, writer = await asyncio.open_connection(client.server.host, client.server.port)
    head = f"POST /v2/{QUEUE}:pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{{"
    writer.write(head.encode())
    answer = await reader.readuntil(b"The request's body did not arrive.")
    writer.close()
    assert answer.startswith(b"HTTP/1.1 504")
    assert not service.calls


async def test_a_gzipped_body_is_read(client: TestClient[Any, Any], service: Recorder) -> None:
    """Google accepts `Content-Encoding: gzip`; what is not gzip is refused."""
    packed = gzip.compress(b'{"task":{"name":"x"}}')
    encoded = {"Content-Encoding": "gzip"}
    response = await client.post(f"/v2/{QUEUE}/tasks", data=packed, headers=encoded)
    assert response.status == 200
    assert service.calls[0][1].task.name == "x"
    response = await client.post(f"/v2/{QUEUE}/tasks", data=b"plain", headers=encoded)
    assert response.status == 400


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("path", "task_id"), [("tasks:buffer", ""), ("tasks/t-1:buffer", "t-1")])
async def test_a_buffered_task_takes_body_and_headers(
    client: TestClient[Any, Any], service: Recorder, method: str, path: str, task_id: str
) -> None:
    """Whatever the body is, it is the task's; headers of the call itself stay behind."""
    service.answer = messages.Task(name=TASK)
    response = await client.request(
        method,
        f"/v2/{QUEUE}/{path}",
        data=b"\x00not json",
        headers={"Authorization": "Bearer x", "X-Goog-User-Project": "p", "X-Mine": "yes"},
    )
    assert await response.json() == {"task": {"name": TASK}}
    ((queue, given_id, headers, body),) = service.buffered
    assert (queue, given_id, body) == (QUEUE, task_id, b"\x00not json")
    assert headers["X-Mine"] == "yes"
    refused = {"authorization", "host", "content-length", "x-goog-user-project"}
    assert not refused & {name.lower() for name in headers}


@pytest.mark.parametrize(
    ("path", "call", "request_"),
    [
        (f"{QUEUE}/tasks:lease", "lease_tasks", {"parent": QUEUE}),
        (f"{TASK}:acknowledge", "acknowledge_task", {"name": TASK}),
        (f"{TASK}:renewLease", "renew_lease", {"name": TASK}),
        (f"{TASK}:cancelLease", "cancel_lease", {"name": TASK}),
    ],
)
async def test_each_path_of_v2beta2_calls_its_rpc(
    client: TestClient[Any, Any], service: Recorder, path: str, call: str, request_: dict[str, Any]
) -> None:
    """The paths of leases, which no other version has."""
    response = await client.post(f"/v2beta2/{path}")
    assert response.status == 200
    ((name, request, caller),) = service.calls
    assert (name, caller) == (call, "me")
    assert request == type(request)(**request_)
    assert (await client.post(f"/v2/{path}")).status == 404


async def test_leases_in_json_are_proto3s(client: TestClient[Any, Any], service: Recorder) -> None:
    """Durations are text, times may have nine digits, bytes are base64, nothing is `{}`."""
    service.answer = messages_lease.LeaseTasksResponse()
    body = {"maxTasks": 5, "leaseDuration": "60s", "responseView": "FULL", "filter": "tag=x"}
    response = await client.post(f"/v2beta2/{QUEUE}/tasks:lease", json=body)
    assert await response.json() == {}
    _, request, _ = service.calls.pop()
    assert (request.max_tasks, request.lease_duration.seconds) == (5, 60)
    assert (request.response_view, request.filter) == (2, "tag=x")
    at = "2026-01-01T00:01:00.123456000Z"
    await client.post(f"/v2beta2/{TASK}:acknowledge", json={"scheduleTime": at})
    _, request, _ = service.calls.pop()
    assert request.schedule_time.nanos == 123_456_000
    task = messages_lease.Task(name=TASK, view=2)
    task.pull_message.payload = b"hi"
    task.schedule_time.FromJsonString("2026-01-01T00:01:00.123456Z")
    service.answer = messages_lease.LeaseTasksResponse(tasks=[task])
    response = await client.post(f"/v2beta2/{QUEUE}/tasks:lease", json=body)
    assert await response.json() == {
        "tasks": [
            {
                "name": TASK,
                "pullMessage": {"payload": "aGk="},
                "scheduleTime": "2026-01-01T00:01:00.123456Z",
                "view": "FULL",
            }
        ]
    }


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"leaseDuration": 60}, "Invalid value at 'lease_duration'"),
        ({"leaseDuration": "1h"}, "Invalid value at 'lease_duration'"),
        ({"maxTasks": "many"}, "Invalid value at 'max_tasks'"),
        ({"max": 1}, 'Unknown name "max"'),
    ],
)
async def test_a_malformed_lease_is_refused(
    client: TestClient[Any, Any], body: dict[str, Any], message: str
) -> None:
    response = await client.post(f"/v2beta2/{QUEUE}/tasks:lease", json=body)
    assert response.status == 400
    assert message in (await error(response))["message"]


async def test_the_keys_are_published(client: TestClient[Any, Any]) -> None:
    """The discovery document leads to the keys, which have Google's own paths."""
    discovery = await (await client.get("/.well-known/openid-configuration")).json()
    async with ClientSession() as session, session.get(discovery["jwks_uri"]) as response:
        keys = await response.json()
    certificates = await (await client.get("/oauth2/v1/certs")).json()
    assert [key["kid"] for key in keys["keys"]] == list(certificates)


async def test_the_discovery_document_ignores_the_host_header(client: TestClient[Any, Any]) -> None:
    """`jwks_uri` is on the address that answers, so nobody can point a verifier elsewhere."""
    address = "/.well-known/openid-configuration"
    discovery = await (await client.get(address, headers={"Host": "localhost:1"})).json()
    assert discovery["jwks_uri"] == f"http://127.0.0.1:{client.port}/oauth2/v3/certs"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_the_key_set_can_be_fetched_over_ipv4_and_ipv6(service: Recorder, host: str) -> None:
    """An IPv6 address stands in brackets in `jwks_uri`."""
    app = application(service, "me", signer=Signer())  # type: ignore[arg-type]
    async with TestClient(TestServer(app, host=host)) as client:
        discovery = await (await client.get("/.well-known/openid-configuration")).json()
        async with ClientSession() as session, session.get(discovery["jwks_uri"]) as response:
            assert response.status == 200


async def test_other_pages_can_live_beside_the_api(client: TestClient[Any, Any]) -> None:
    """The dashboard's routes come first, the API's after them."""
    assert await (await client.get("/")).text() == "the dashboard"


async def test_answers_are_indented_unless_asked_otherwise(
    client: TestClient[Any, Any], service: Recorder
) -> None:
    """As Google's are: `prettyPrint` is on by default."""
    service.answer = messages.Queue(name="q")
    assert await (await client.get(f"/v2/{QUEUE}")).text() == '{\n  "name": "q"\n}\n'
    plain = await client.get(f"/v2/{QUEUE}?prettyPrint=false")
    assert await plain.text() == '{"name": "q"}\n'
