"""Dead letters in a test: the library in the handler makes them, as in the cloud."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from queuewright.errors import TargetError
from queuewright.testing import InProcessEnvironment
from tests.testing.conftest import project

STACK = """
project: acme-dev
location: europe-west1
queue_defaults: {protect: false, dead_letters: true}
handler_defaults: {timeout: 15s}
handlers:
  mailer:
    function: {source: handlers/mailer, entry_point: handle, runtime: python312}
  texter:
    service: {source: handlers/texter, runtime: python312, command: [gunicorn, "main:app"]}
  caller:
    service: {source: handlers/caller, runtime: python312, command: [uvicorn, "main:app"]}
queues:
  emails:
    handler: mailer
    path: /send
    retry_config: {max_attempts: 3, min_backoff: 10s, max_backoff: 10s}
  texts: {handler: texter, retry_config: {max_attempts: 2, min_backoff: 1s, max_backoff: 1s}}
  calls: {handler: caller, retry_config: {max_attempts: 2, min_backoff: 1s, max_backoff: 1s}}
"""
FUNCTION = """
from queuewright_runtime import PermanentError, current_task


def handle(request):
    what = request.get_json()["do"]
    if what == "hopeless":
        raise PermanentError("no such address")
    if what == "raises":
        raise ValueError(f"boom in {current_task().attempt}")
    return what, 200 if what == "well" else 503
"""
FILES = {
    "mailer/main.py": FUNCTION,
    "texter/main.py": """
import flask
from queuewright_runtime import WsgiTasks
from texts import handle

app = flask.Flask(__name__)
app.wsgi_app = WsgiTasks(app.wsgi_app)


@app.post("/")
def text():
    return handle(flask.request)
""",
    "texter/texts.py": FUNCTION,
    "caller/main.py": """
import json

from queuewright_runtime import AsgiTasks, PermanentError


async def calls(scope, receive, send):
    body = json.loads((await receive())["body"])
    if body["do"] == "hopeless":
        raise PermanentError("no such number")
    await send({"type": "http.response.start", "status": 503, "headers": []})
    await send({"type": "http.response.body", "body": b"busy"})


app = AsgiTasks(calls)
""",
}


@pytest.fixture
def env(start: Callable[[Path], InProcessEnvironment], tmp_path: Path) -> InProcessEnvironment:
    return start(project(tmp_path / "project", STACK, FILES))


def test_a_permanent_error_makes_a_dead_letter_at_once(env: InProcessEnvironment) -> None:
    """With the body, the exception and its traceback."""
    env.enqueue("emails", {"do": "hopeless"}, name="t1", headers={"X-Order": "17"})
    env.drain()
    (letter,) = env.dead_letters("emails")
    assert (letter.id, letter.payload) == ("t1", {"do": "hopeless"})
    assert (letter.reason, letter.attempts, letter.time) == ("permanent", 1, env.now)
    assert letter.error.endswith("PermanentError: no such address")
    assert 'raise PermanentError("no such address")' in letter.traceback
    assert letter.headers["X-Order"] == "17"
    (attempt,) = env.attempts("emails")
    assert (attempt.status, attempt.outcome, attempt.succeeded) == (200, "dead_letter", False)
    assert (attempt.error, attempt.traceback) == (letter.error, letter.traceback)
    assert env.tasks("emails") == []


def test_the_last_allowed_attempt_makes_one(env: InProcessEnvironment) -> None:
    """The third, 20 s later; the ones before are repeated."""
    begun = env.now
    env.enqueue("emails", {"do": "raises"})
    env.drain()
    (letter,) = env.dead_letters("emails")
    assert (letter.reason, letter.attempts, letter.status) == ("failed", 3, 500)
    assert letter.error == "ValueError: boom in 3"
    assert letter.time - begun == timedelta(seconds=20)
    attempts = env.attempts("emails")
    assert [attempt.outcome for attempt in attempts] == ["will_retry", "will_retry", "dead_letter"]
    assert attempts[0].error == "ValueError: boom in 1"


@pytest.mark.parametrize("fault", ["crash", "time_out"])
def test_an_attempt_that_does_not_end_makes_one_in_the_next(
    env: InProcessEnvironment, fault: str
) -> None:
    """Which only buries, and does not call the code."""
    getattr(env, fault)("mailer", times=3)
    env.enqueue("emails", {"do": "well"})
    env.drain()
    (letter,) = env.dead_letters("emails")
    assert (letter.reason, letter.attempts) == ("unanswered", 3)
    assert "attempt 3 did not end" in letter.error
    assert [each.number for each in env.attempts("emails")] == [1, 2, 3, 4]
    assert env.attempts("emails")[-1].outcome == "dead_letter"
    assert "attempt 4 of 3: 200, dead letter: attempt 3 did not end" in env.timeline()


@pytest.mark.parametrize(("queue", "error"), [("texts", "address"), ("calls", "number")])
def test_services_make_them_with_middleware(
    env: InProcessEnvironment, queue: str, error: str
) -> None:
    """WSGI and ASGI: at once, and after the last attempt."""
    env.enqueue(queue, {"do": "hopeless"})
    env.enqueue(queue, {"do": "busy"})
    env.drain()
    permanent, failed = env.dead_letters(queue)
    assert (permanent.reason, failed.reason) == ("permanent", "failed")
    assert permanent.error.endswith(f"PermanentError: no such {error}")
    assert (failed.status, failed.attempts) == (503, 2)


def test_a_dead_letter_is_not_delivered(env: InProcessEnvironment) -> None:
    """Although Cloud Tasks got a 200."""
    env.enqueue("emails", {"do": "well"})
    env.drain()
    env.assert_delivered("emails")
    env.enqueue("emails", {"do": "hopeless"})
    env.drain()
    with pytest.raises(AssertionError, match="1 task of `emails` is a dead letter"):
        env.assert_delivered("emails")


def test_a_lost_answer_makes_no_second_letter(env: InProcessEnvironment) -> None:
    """The task is tried again, and already among the dead letters."""
    env.lose_answer("mailer")
    env.enqueue("emails", {"do": "hopeless"})
    env.drain()
    assert len(env.dead_letters("emails")) == 1
    assert [each.outcome for each in env.attempts("emails")] == ["will_retry", "dead_letter"]


def test_a_replayed_task_is_delivered(env: InProcessEnvironment) -> None:
    """As it was, and its letter is gone."""
    env.fail("mailer", times=3)
    env.enqueue("emails", {"do": "well"}, headers={"X-Order": "17"})
    env.drain()
    assert [letter.reason for letter in env.dead_letters("emails")] == ["unanswered"]
    assert env.replay("emails") == 1
    assert env.dead_letters("emails") == []
    env.drain()
    last = env.attempts("emails")[-1]
    assert (last.status, last.outcome, last.payload) == (200, "succeeded", {"do": "well"})
    assert last.headers["X-Order"] == "17"
    env.assert_delivered("emails", attempts=5)


def test_a_queue_without_them_says_how_to_keep_them(
    start: Callable[[Path], InProcessEnvironment], root: Path
) -> None:
    """With the line of the file."""
    with pytest.raises(TargetError) as caught:
        start(root).dead_letters("emails")
    assert str(caught.value) == (
        "queue `emails` keeps no dead letters\n"
        "  hint: write `dead_letters: true` in `queues.emails` (stacks/dev.yaml:28:3)"
    )
