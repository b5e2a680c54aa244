"""Handlers in a test's process: what they find there, and what is left of them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest

from queuewright.errors import TargetError
from queuewright.testing import InProcessEnvironment, TaskRequest
from tests.testing.conftest import FILES, STACK, project

Start = Callable[[Path], InProcessEnvironment]


def test_two_handlers_may_have_modules_of_the_same_name(env: InProcessEnvironment) -> None:
    """Each gets its own `main` and `texts`; a handler's task reaches the other handler."""
    env.enqueue("pictures")
    env.drain()
    (made,) = env.attempts("pictures")
    assert (made.status, made.error) == (200, None)
    (mailed,) = env.attempts("emails")
    assert mailed.payload == {"from": "the pictures'", "size": "320"}
    assert json.loads(mailed.text)["texts"] == "the mailer's"


def test_nothing_of_a_handler_is_left_in_the_test(
    env: InProcessEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its modules, its variables, its folder: all as before. A `main` of the test's own stays."""
    own = ModuleType("main")
    monkeypatch.setitem(sys.modules, "main", own)
    before = dict(os.environ), sys.path[:], Path.cwd()
    env.enqueue("emails", {})
    env.enqueue("calls", b"x")
    env.drain()
    assert env.attempts().statuses == [200, 200]
    assert (dict(os.environ), sys.path, Path.cwd()) == before
    assert sys.modules["main"] is own
    assert "texts" not in sys.modules


def test_a_handler_has_the_variables_and_the_folder_of_up(
    env: InProcessEnvironment, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the file and of the platform, secrets from the shell, and nothing else of it."""
    monkeypatch.setenv("PASSWORD", "secret")
    monkeypatch.setenv("ONLY_HERE", "x")
    env.enqueue("emails", {})
    env.drain()
    found = json.loads(env.attempts("emails")[0].text)
    variables = found["variables"]
    assert found["folder"] == str(root / "handlers" / "mailer")
    assert variables["GREETING"] == "hello"
    assert variables["PASSWORD"] == "secret"
    assert variables["FUNCTION_TARGET"] == "handle"
    assert variables["K_SERVICE"] == "mailer"
    assert variables["GOOGLE_CLOUD_PROJECT"] == "acme-dev"
    assert "CLOUD_TASKS_EMULATOR_HOST" in variables
    assert "PUBSUB_EMULATOR_HOST" in variables
    assert "ONLY_HERE" not in variables


def test_other_variables_are_those_of_a_new_instance(env: InProcessEnvironment) -> None:
    """Which has forgotten what the former one knew."""
    env.enqueue("emails", {})
    env.enqueue("emails", {})
    env.drain()
    env.set_variables("mailer", GREETING="moin", OUTBOX=Path("/out"), HOME=None)
    env.enqueue("emails", {})
    env.drain()
    texts = [json.loads(attempt.text) for attempt in env.attempts("emails")]
    assert [text["done"] for text in texts] == [1, 2, 1]
    assert "HOME" in texts[0]["variables"]
    assert "HOME" not in texts[-1]["variables"]
    assert (texts[-1]["variables"]["GREETING"], texts[-1]["variables"]["OUTBOX"]) == (
        "moin",
        "/out",
    )


def test_every_test_has_instances_of_its_own(start: Start, root: Path) -> None:
    """What a module remembers is forgotten with the environment."""
    for _ in range(2):
        env = start(root)
        env.enqueue("emails", {})
        env.drain()
        assert json.loads(env.attempts("emails")[0].text)["done"] == 1


def test_a_module_can_be_looked_into_and_patched(
    env: InProcessEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also before its first task."""
    monkeypatch.setattr(env.module("mailer", "texts"), "NAME", "patched")
    env.enqueue("emails", {"to": "ada"})
    env.drain()
    assert json.loads(env.attempts("emails")[0].text)["texts"] == "patched"
    assert env.module("mailer").DONE == [{"to": "ada"}]
    with pytest.raises(TargetError, match="`mailer` cannot be imported: No module named 'nothing'"):
        env.module("mailer", "nothing")


def test_an_exception_is_told_with_its_traceback(env: InProcessEnvironment) -> None:
    """Of a function that Flask serves, and of an ASGI application."""
    env.enqueue("emails", {"boom": True})
    env.enqueue("calls", b"boom")
    env.advance("0s")
    for queue, line in (("emails", "in handle"), ("calls", "in app")):
        (attempt,) = env.attempts(queue)
        assert (attempt.status, attempt.error) == (500, "ValueError: boom")
        assert attempt.traceback is not None
        assert line in attempt.traceback


def test_a_handler_that_exits_ends_its_instance_and_not_the_test(
    start: Start, tmp_path: Path
) -> None:
    """The next attempt gets a fresh one, as after `crash`."""
    code = """
import sys

CALLS = []


def handle(request):
    CALLS.append(request.get_json())
    if request.headers["X-CloudTasks-TaskRetryCount"] == "0":
        sys.exit(3)
    return str(len(CALLS))
"""
    names = ("first", "second", "third")
    root = project(tmp_path / "exiting", SHARING, {f"{each}/main.py": code for each in names})
    (root / "shared_lib").mkdir()
    env = start(root)
    env.enqueue("firsts", {})
    env.drain()
    assert env.attempts("firsts").statuses == [503, 200]
    assert env.attempts("firsts")[0].error == "SystemExit: 3"
    assert env.attempts("firsts")[1].text == "1"


def test_an_asgi_application_starts_once_and_is_told_its_end(start: Start, root: Path) -> None:
    """One startup for all requests, and one shutdown."""
    env = start(root)
    env.enqueue("calls", b"x", path="/a%20b?c=d")
    env.enqueue("calls", b"y", path="/z")
    env.drain()
    texts = [attempt.text for attempt in env.attempts("calls")]
    assert texts == ["['lifespan.startup'] /a b x", "['lifespan.startup'] /z y"]
    started = env.module("api").started
    env.crash("api")
    env.enqueue("calls", "x")
    env.advance("0s")
    assert started == ["lifespan.startup", "lifespan.shutdown"]


def test_the_times_between_a_handler_and_cloud_tasks_are_translated(
    start: Start, root: Path
) -> None:
    """Its clock is the machine's, so an hour ago is an hour ago, whatever the test's clock says."""
    (root / "handlers/ledger/main.py").write_text(
        "import flask, time\n"
        "app = flask.Flask(__name__)\n\n\n"
        "@app.post('/')\n"
        "def late():\n"
        "    due = float(flask.request.headers['X-AppEngine-TaskETA'])\n"
        "    return str(round((time.time() - due) / 60))\n"
    )
    env = start(root)
    env.enqueue("books", {}, delay="5m")
    env.advance("5m")
    assert env.attempts("books")[0].text == "0"
    assert float(env.attempts("books")[0].headers["X-AppEngine-TaskETA"]) == env.now.timestamp()


def test_an_app_engine_handler_gets_app_engines_headers(env: InProcessEnvironment) -> None:
    """By gunicorn's default command, `main:app`."""
    env.enqueue("books", {}, path="/book/17")
    env.drain()
    assert env.attempts("books")[0].text == "book/17 books"


@pytest.mark.parametrize(
    ("queue", "reason", "hint"),
    [
        ("scripts", "`python main.py` names no WSGI or ASGI application", 'env.serve("script"'),
        ("nodes", "only Python functions start here", 'env.replace("node"'),
        ("images", "it is an image", 'env.replace("image"'),
        ("hooks", "it is somebody else's endpoint", 'env.replace("partner"'),
    ],
)
def test_what_cannot_run_here_is_refused_with_a_way_out(
    env: InProcessEnvironment, queue: str, reason: str, hint: str
) -> None:
    """When it gets a task; everything else can be tested. Replaced, it answers."""
    env.enqueue(queue, {"order": 1815})
    with pytest.raises(TargetError) as caught:
        env.advance("0s")
    assert "cannot run in a test's process" in str(caught.value)
    assert reason in str(caught.value)
    assert hint in str(caught.value)
    seen: list[TaskRequest] = []
    env.replace(env.blueprint.queues[queue].handler, lambda request: seen.append(request))
    env.drain()
    assert seen[-1].payload == {"order": 1815}
    assert (seen[-1].queue, seen[-1].attempt) == (queue, 2)
    assert env.attempts(queue)[-1].status == 200


def test_a_stand_in_gives_the_status_or_fails(env: InProcessEnvironment) -> None:
    """None is 200, and an exception 500."""
    answers = iter([503, ValueError("no"), None])

    def partner(_: TaskRequest) -> int | None:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    env.replace("partner", partner)
    env.enqueue("hooks", {})
    env.drain()
    assert env.attempts("hooks").statuses == [503, 500, 200]
    assert env.attempts("hooks")[1].error == "ValueError: no"


def test_what_a_stand_in_claims_fails_the_test(env: InProcessEnvironment) -> None:
    """So does an answer that is none."""

    def claims(request: TaskRequest) -> None:
        assert request.payload == {"order": 17}

    env.replace("partner", claims)
    env.enqueue("hooks", {"order": 18})
    with pytest.raises(AssertionError, match="'order': 17"):
        env.drain()
    env.replace("partner", lambda _: "fine")  # type: ignore[arg-type,return-value]
    with pytest.raises(TypeError, match="stand-in of `partner` returned 'fine'"):
        env.drain()


def test_an_application_can_be_named(env: InProcessEnvironment) -> None:
    """For a command that does not name it; its functions can be called without."""
    assert env.module("script").double(21) == 42
    env.serve("script", "main:app")
    env.enqueue("scripts", {})
    env.drain()
    assert env.attempts("scripts")[0].text == "plain"
    with pytest.raises(TargetError, match="`main` names no application"):
        env.serve("script", "main")


def test_a_missing_requirement_is_told(start: Start, tmp_path: Path) -> None:
    """The handler's requirements must be there, beside the tests."""
    files = {**FILES, "mailer/main.py": "import not_installed_anywhere\n"}
    env = start(project(tmp_path / "other", STACK, files))
    env.enqueue("emails", {})
    with pytest.raises(TargetError) as caught:
        env.drain()
    assert "No module named 'not_installed_anywhere'" in str(caught.value)
    assert f"pip install -r {tmp_path}/other/handlers/mailer/requirements.txt" in str(caught.value)


SHARING = """
project: acme-dev
location: europe-west1
handlers:
  first:
    function: {source: handlers/first, entry_point: handle, runtime: python312}
    include: [shared_lib]
  second:
    function: {source: handlers/second, entry_point: handle, runtime: python312}
    include: [shared_lib]
  third:
    function: {source: handlers/third, entry_point: handle, runtime: python312}
queues:
  firsts: {handler: first, enqueuers: [second]}
  seconds: {handler: second}
  thirds: {handler: third}
"""
COUNTING = """
from queuewright_runtime.client import Tasks
from shared_lib import counter


def handle(request):
    counter.count += 1
    if request.get_json() == ["passes on"]:
        Tasks().queue("firsts").enqueue({"from": "second"}, delay="10m", key="passed on")
    return str(counter.count)
"""


def test_included_code_is_there_for_those_who_include_it(start: Start, tmp_path: Path) -> None:
    """Each has a copy of its own, as in the cloud; a client in it reaches the same engine."""
    names = ("first", "second", "third")
    root = project(tmp_path / "sharing", SHARING, {f"{each}/main.py": COUNTING for each in names})
    (root / "shared_lib").mkdir()
    (root / "shared_lib" / "counter.py").write_text("count = 0\n", encoding="utf-8")
    env = start(root)
    env.enqueue("firsts", {})
    env.enqueue("firsts", {})
    env.enqueue("seconds", ["passes on"])
    env.advance("1m")
    assert [attempt.text for attempt in env.attempts("firsts")] == ["1", "2"]
    assert env.attempts("seconds")[0].text == "1"
    (passed,) = env.tasks("firsts")
    assert passed.time - env.attempts("seconds")[0].time == timedelta(minutes=10)
    assert passed.payload == {"from": "second"}
    env.enqueue("thirds", {})
    with pytest.raises(TargetError, match="No module named 'shared_lib'"):
        env.drain()
    assert "shared_lib" not in sys.modules


def test_a_handler_may_add_only_the_tasks_that_the_file_allows(env: InProcessEnvironment) -> None:
    """The mailer is no enqueuer of `emails`; the refusal says how it would be one."""
    queue = env.blueprint.queues["books"].name
    env.enqueue("pictures", path=f"/?queue={queue}")
    env.advance("0s")
    (attempt,) = env.attempts("pictures")
    assert attempt.status == 500
    assert "enqueuers: [pictures]" in (attempt.error or "")
