"""REST with the standard library: against the engine, and against servers that misbehave."""

from __future__ import annotations

import base64
import json
import socket
import threading
from typing import Any

import pytest

from queuewright_runtime.errors import ApiError
from queuewright_runtime.metadata import MetadataToken
from queuewright_runtime.rest import Rest, cloud_tasks
from tests.runtime.servers import QUEUE, EngineThread, Prepared, scripted

BUSY = Prepared(503, b'{"error": {"code": 503, "status": "UNAVAILABLE", "message": "Later."}}')
CREATED = Prepared(200, b'{"name": "t"}')
NAMED = {"name": f"{QUEUE}/tasks/t1", "httpRequest": {"url": "https://mailer.example/"}}


def quick(url: str, **options: Any) -> tuple[Rest, list[float]]:
    pauses: list[float] = []
    return Rest(url, sleep=pauses.append, chance=lambda: 1.0, **options), pauses


def test_it_creates_a_task_in_a_queue_of_the_engine(engine: EngineThread) -> None:
    body = base64.b64encode(b"hello").decode()
    task = {**NAMED, "httpRequest": {"url": "https://mailer.example/", "body": body}}
    created = cloud_tasks().create_task(QUEUE, task)
    assert created["name"] == f"{QUEUE}/tasks/t1"
    (stored,) = engine.tasks()
    assert stored.name == f"{QUEUE}/tasks/t1"
    assert stored.http_request.body == b"hello"


@pytest.mark.usefixtures("engine")
def test_a_refusal_has_the_code_the_status_and_googles_text() -> None:
    rest = cloud_tasks()
    rest.create_task(QUEUE, NAMED)
    with pytest.raises(ApiError) as refused:
        rest.create_task(QUEUE, NAMED)
    assert (refused.value.code, refused.value.http_status) == ("ALREADY_EXISTS", 409)
    assert "already exists" in refused.value.message
    with pytest.raises(ApiError, match="NOT_FOUND: "):
        rest.call("GET", f"{QUEUE}-other", is_idempotent=True)


@pytest.mark.usefixtures("engine")
def test_any_method_can_be_called_with_a_query() -> None:
    rest = cloud_tasks()
    rest.create_task(QUEUE, NAMED)
    page = rest.call("GET", f"{QUEUE}/tasks?responseView=FULL&pageSize=1", is_idempotent=True)
    assert [task["view"] for task in page["tasks"]] == ["FULL"]
    assert rest.call("POST", f"{QUEUE}:resume", {}, is_idempotent=True)["state"] == "RUNNING"


def test_calls_share_a_connection_also_after_a_refusal() -> None:
    missing = Prepared(404, b'{"error": {"status": "NOT_FOUND", "message": "No."}}')
    with scripted(CREATED, missing, CREATED) as server:
        rest, _ = quick(server.url)
        rest.create_task(QUEUE, NAMED)
        with pytest.raises(ApiError):
            rest.create_task(QUEUE, NAMED)
        rest.create_task(QUEUE, NAMED)
        assert len(server.received) == 3
        assert len(server.connections) == 1


def test_a_connection_that_the_server_closed_is_replaced() -> None:
    with scripted(Prepared(200, b"{}", closes=True), CREATED) as server:
        rest, pauses = quick(server.url)
        unnamed = {"httpRequest": {}}
        rest.create_task(QUEUE, unnamed)
        assert server.closed.wait(10)
        assert rest.create_task(QUEUE, unnamed) == {"name": "t"}
        assert pauses == []
        assert len(server.connections) == 2


def test_threads_share_it() -> None:
    with scripted(CREATED) as server:
        rest, _ = quick(server.url)
        threads = [threading.Thread(target=rest.create_task, args=(QUEUE, NAMED)) for _ in "12345"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.received) == 5


def test_a_named_task_is_tried_again_with_growing_pauses() -> None:
    dropped, many = Prepared(None), Prepared(429, b"slow down")
    with scripted(BUSY, dropped, many, CREATED) as server:
        rest, pauses = quick(server.url)
        assert rest.create_task(QUEUE, NAMED) == {"name": "t"}
        assert pauses == [0.1, 0.2, 0.4]
        assert len({body for _, _, _, body in server.received}) == 1


def test_a_task_without_a_name_is_sent_once() -> None:
    """A second attempt could create a second task."""
    for answer in (BUSY, Prepared(None)):
        with scripted(answer) as server:
            rest, pauses = quick(server.url)
            with pytest.raises(ApiError, match="UNAVAILABLE"):
                rest.create_task(QUEUE, {"httpRequest": {}})
            assert (len(server.received), pauses) == (1, [])


def test_a_refusal_that_stays_is_not_repeated() -> None:
    for status in (400, 401, 403, 404, 409):
        with scripted(Prepared(status, b"no")) as server:
            rest, _ = quick(server.url)
            with pytest.raises(ApiError) as refused:
                rest.create_task(QUEUE, NAMED)
            assert refused.value.http_status == status
            assert len(server.received) == 1


def test_it_gives_up_after_its_attempts_or_its_patience() -> None:
    with scripted(BUSY) as server:
        rest, pauses = quick(server.url, attempts=3)
        with pytest.raises(ApiError, match="Later") as last:
            rest.create_task(QUEUE, NAMED)
        assert (last.value.http_status, len(server.received), pauses) == (503, 3, [0.1, 0.2])
    with scripted(BUSY) as server:
        rest, pauses = quick(server.url, patience_s=0.05)
        with pytest.raises(ApiError):
            rest.create_task(QUEUE, NAMED)
        assert (len(server.received), pauses) == (1, [])


def test_a_connection_that_never_opened_is_tried_again_for_any_call() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        port = taken.getsockname()[1]
        rest, pauses = quick(f"http://127.0.0.1:{port}", attempts=2)
        with pytest.raises(ApiError, match="no connection to http://127") as failed:
            rest.create_task(QUEUE, {"httpRequest": {}})
    assert failed.value.http_status is None
    assert pauses == [0.1]


def test_a_server_that_does_not_answer_in_time_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        rest, _ = quick(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.01, attempts=2)
        with pytest.raises(ApiError, match="no answer"):
            rest.create_task(QUEUE, NAMED)


def test_an_answer_that_is_not_json_is_an_error() -> None:
    for body in (b"<html>", b"[]"):
        with scripted(Prepared(200, body)) as server, pytest.raises(ApiError, match="JSON"):
            quick(server.url)[0].create_task(QUEUE, {"httpRequest": {}})


def test_google_gets_a_token_of_the_metadata_server_until_it_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(token: str) -> Prepared:
        return Prepared(200, json.dumps({"access_token": token, "expires_in": 3599}).encode())

    now = [0.0]
    with scripted(answer("one"), answer("two")) as metadata, scripted(CREATED) as api:
        monkeypatch.setenv("GCE_METADATA_HOST", f"127.0.0.1:{metadata.port}")
        rest = Rest(api.url, MetadataToken(lambda: now[0]))
        for at in (0.0, 3373.0, 3375.0):  # 225 seconds before the end, a new one
            now[0] = at
            rest.create_task(QUEUE, NAMED)
        sent = [headers["Authorization"] for _, _, headers, _ in api.received]
        assert sent == ["Bearer one", "Bearer one", "Bearer two"]
        (asked, _) = metadata.received
        assert asked[2]["Metadata-Flavor"] == "Google"


def test_without_a_metadata_server_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GCE_METADATA_HOST", "127.0.0.1:1")
    rest = cloud_tasks(attempts=1)
    assert rest.base_url == "https://cloudtasks.googleapis.com/v2"
    with pytest.raises(ApiError, match=r"no metadata server at 127\.0\.0\.1"):
        rest.create_task(QUEUE, NAMED)
    with scripted(Prepared(404, b"no such account")) as metadata:
        monkeypatch.setenv("GCE_METADATA_HOST", f"127.0.0.1:{metadata.port}")
        with pytest.raises(ApiError, match=r"UNAUTHENTICATED: .*HTTP status 404"):
            rest.create_task(QUEUE, NAMED)
