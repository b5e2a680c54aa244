"""Dead letters of WSGI and ASGI applications, and of functions."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import flask
import functions_framework
import pytest
from werkzeug.test import Client

from queuewright_runtime import AsgiTasks, PermanentError, WsgiTasks, current_task
from queuewright_runtime.functions import loaded, wrapped
from queuewright_runtime.logs import CloudFormatter, PlainFormatter, structured_logs
from tests.runtime.undertaker import Graveyard, attempts, task_headers


@pytest.fixture
def graveyard() -> Graveyard:
    return Graveyard()


def flask_app(view: Callable[[], Any], graveyard: Graveyard) -> Client:
    """A Flask application whose only line about us is the middleware's."""
    app = flask.Flask("app")
    app.add_url_rule("/send", view_func=view, endpoint="send", methods=["POST", "GET"])
    app.wsgi_app = WsgiTasks(app.wsgi_app, attempts=attempts(graveyard))  # type: ignore[method-assign]
    return Client(app)


def send(client: Client, number: int, body: bytes = b'{"to": "ada"}') -> int:
    return client.post("/send?x=a%20b", data=body, headers=task_headers(number)).status_code


def boom() -> str:
    raise ValueError("boom")


def hopeless() -> str:
    raise PermanentError("no such address")


def test_an_exception_in_flask_is_told_with_its_traceback(graveyard: Graveyard) -> None:
    """Although Flask makes a response of it."""
    client = flask_app(boom, graveyard)
    assert [send(client, number) for number in (1, 2, 3)] == [500, 500, 200]
    assert graveyard.story["Error"] == "ValueError: boom"
    assert "in boom" in graveyard.story["Traceback"]
    assert graveyard.body == b'{"to": "ada"}'
    (letter,) = graveyard.letters
    assert letter["httpRequest"]["url"] == "https://localhost/send?x=a%20b"


def test_a_permanent_error_in_flask_buries_at_once(graveyard: Graveyard) -> None:
    """Flask would answer 500."""
    assert send(flask_app(hopeless, graveyard), 1) == 200
    assert graveyard.story["Reason"] == "permanent"


def test_a_permanent_error_that_was_caught_is_none(graveyard: Graveyard) -> None:
    """The view made a success of it."""

    def view() -> str:
        try:
            hopeless()
        except PermanentError:
            return "another way"
        return ""

    assert send(flask_app(view, graveyard), 1) == 200
    assert graveyard.letters == []


def test_the_view_reads_the_body_and_knows_its_task(graveyard: Graveyard) -> None:
    """The middleware has read it before."""
    seen = []

    def view() -> str:
        task = current_task()
        assert task is not None
        seen.append((flask.request.get_data(), task.attempt, task.is_last_attempt))
        seen.append((task.queue, task.name, task.previous_response))
        return "done"

    assert send(flask_app(view, graveyard), 3) == 200
    assert seen == [(b'{"to": "ada"}', 3, True), ("emails", "17", 504)]
    assert current_task() is None


def test_other_requests_pass(graveyard: Graveyard) -> None:
    """Also with an exception."""
    client = flask_app(boom, graveyard)
    assert client.post("/send").status_code == 500
    assert client.get("/nowhere").status_code == 404
    assert graveyard.calls == 0


def test_a_wsgi_application_may_raise_through(graveyard: Graveyard) -> None:
    """Without any framework."""

    def app(_: object, __: object) -> Iterable[bytes]:
        raise ValueError("boom")

    client = Client(WsgiTasks(app, attempts=attempts(graveyard)))
    with pytest.raises(ValueError, match="boom"):
        send(client, 1)
    assert send(client, 3) == 200
    assert graveyard.story["Error"] == "ValueError: boom"


def asgi(app: Callable[..., Any], graveyard: Graveyard, number: int, body: bytes = b"{}") -> int:
    """The status that an ASGI application answers an attempt with."""
    sent: list[dict[str, Any]] = []
    parts = [body[:1], body[1:]]

    async def receive() -> dict[str, Any]:
        if parts:
            return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}
        return {"type": "http.disconnect"}

    async def collect(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = {"Host": "mailer.example", "X-Own": "1", **task_headers(number)}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/send a",
        "raw_path": b"/send%20a",
        "query_string": b"x=1",
        "headers": [(key.lower().encode(), value.encode()) for key, value in headers.items()],
    }
    middleware = AsgiTasks(app, attempts=attempts(graveyard))
    asyncio.run(middleware(scope, receive, collect))  # type: ignore[arg-type]
    return int(sent[0]["status"])


def answering(status: int, error: Exception | None = None) -> Callable[..., Any]:
    async def app(_: object, receive: Any, send: Any) -> None:
        assert (await receive())["body"] == b"{}"
        task = current_task()
        assert task is not None
        if error is not None:
            raise error
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    return app


def test_an_asgi_application_has_dead_letters(graveyard: Graveyard) -> None:
    """By its answer and by its exception."""
    assert asgi(answering(204), graveyard, 3) == 204
    assert asgi(answering(503), graveyard, 2) == 503
    with pytest.raises(ValueError, match="boom"):
        asgi(answering(0, ValueError("boom")), graveyard, 2)
    assert graveyard.letters == []
    assert asgi(answering(0, ValueError("boom")), graveyard, 3) == 200
    (letter,) = graveyard.letters
    assert letter["httpRequest"]["url"] == "https://mailer.example/send%20a?x=1"
    assert letter["httpRequest"]["headers"]["X-Own"] == "1"
    assert asgi(answering(0), graveyard, 4) == 200
    assert len(graveyard.letters) == 1


def test_other_events_pass_an_asgi_application() -> None:
    """Such as its start."""
    seen = []

    async def app(scope: dict[str, Any], _: object, __: object) -> None:
        seen.append(scope["type"])

    asyncio.run(AsgiTasks(app)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]


def function(code: Callable[[flask.Request], Any], graveyard: Graveyard) -> Client:
    """A wrapped function, called as the Functions Framework calls it."""
    handle = wrapped(code, attempts(graveyard))
    app = flask.Flask("function")
    app.add_url_rule("/send", "run", lambda: handle(flask.request), methods=["POST"])
    return Client(app)


def test_a_function_has_dead_letters(graveyard: Graveyard) -> None:
    """By its answer, in every form that Flask knows."""
    assert send(function(lambda _: "done", graveyard), 3) == 200
    assert send(function(lambda _: ("busy", 503), graveyard), 2) == 503
    assert graveyard.letters == []
    assert send(function(lambda _: ("busy", 503), graveyard), 3) == 200
    assert graveyard.story["Status"] == "503"
    assert graveyard.story["Error"] == "HTTP status 503: busy"


def test_a_function_that_raises_buries_with_the_traceback(graveyard: Graveyard) -> None:
    """At once if retrying cannot help."""
    assert send(function(lambda _: hopeless(), graveyard), 1) == 200
    assert "in hopeless" in graveyard.story["Traceback"]
    assert graveyard.body == b'{"to": "ada"}'


def test_an_asynchronous_function_is_refused() -> None:
    """Rather than run without dead letters."""

    async def handle(_: object) -> str:
        return ""

    with pytest.raises(TypeError, match="must be `def`"):
        wrapped(handle)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A function's folder, as the framework starts in it."""
    (tmp_path / "main.py").write_text(
        "import beside\n"
        "from queuewright_runtime import current_task\n\n"
        "def handle(request):\n"
        "    task = current_task()\n"
        "    return f'{beside.NAME} {task and task.attempt} {request.get_json()[\"to\"]}'\n"
    )
    (tmp_path / "beside.py").write_text("NAME = 'beside'\n")
    before, modules = list(sys.path), set(sys.modules)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.path[:] = before
    for name in set(sys.modules) - modules:
        if name in ("main", "beside", "wrapped_function"):
            del sys.modules[name]


def test_the_framework_loads_the_wrapped_function(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's file and the modules beside it stay as they are."""
    monkeypatch.setenv("FUNCTION_TARGET", "handle")
    monkeypatch.setenv("QUEUEWRIGHT_DEAD_LETTERS", "{}")
    import queuewright_runtime

    source = Path(queuewright_runtime.__file__).parent / "wrapped_function.py"
    app = functions_framework.create_app("handle", str(source), "http")
    client = app.test_client()
    answer = client.post("/", json={"to": "ada"}, headers=task_headers(2))
    assert answer.get_data() == b"beside 2 ada"
    assert sys.modules["main"].__file__ == str(folder / "main.py")
    assert str(source.parent) not in sys.path


def test_a_function_that_is_not_there_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With those that are."""
    monkeypatch.syspath_prepend(folder)
    with pytest.raises(ImportError, match=r"`main\.py` has no function `handel`; it has `cur"):
        loaded(folder / "main.py", "handel")


def test_log_entries_name_the_task_and_the_attempt(graveyard: Graveyard) -> None:
    """As JSON for Cloud Logging, and in words here."""
    import logging

    lines = []
    record = logging.LogRecord("mine", logging.ERROR, "f.py", 1, "no %s", ("luck",), None)

    def view() -> str:
        lines.append(CloudFormatter("acme").format(record))
        lines.append(PlainFormatter().format(record))
        return ""

    headers = {**task_headers(2), "X-Cloud-Trace-Context": "abc123/7;o=1"}
    flask_app(view, graveyard).post("/send", headers=headers)
    assert json.loads(lines[0]) == {
        "severity": "ERROR",
        "message": "no luck",
        "logger": "mine",
        "logging.googleapis.com/labels": {"queue": "emails", "task": "17", "attempt": "2"},
        "logging.googleapis.com/trace": "projects/acme/traces/abc123",
    }
    assert lines[1] == "ERROR [emails/17, attempt 2] no luck"
    assert "labels" not in CloudFormatter("acme").format(record)


def test_logging_that_is_configured_stays_as_it_is() -> None:
    """Under pytest, it is."""
    import logging

    before = list(logging.getLogger().handlers)
    structured_logs()
    assert logging.getLogger().handlers == before
