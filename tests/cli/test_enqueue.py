"""`enqueue`, `tasks` and `queues` against a real engine."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from google.cloud import tasks_v2

from queuewright.client import connect, task_id
from tests.cli.conftest import Background, Run

QUEUE = "projects/acme-dev/locations/europe-west1/queues/emails"


def only_task(engine: Background, queue: str = QUEUE) -> tasks_v2.Task:
    client = connect(engine.address)
    (task,) = client.list_tasks(
        tasks_v2.ListTasksRequest(parent=queue, response_view=tasks_v2.Task.View.FULL)
    )
    return task


def test_the_example_is_sent_as_json(run: Run, engine: Background) -> None:
    """With the queue's example and path."""
    outcome = run("enqueue", "emails", "--example")
    assert outcome.code == 0
    task = only_task(engine)
    assert outcome.out == f"{task.name}\n"
    assert json.loads(task.http_request.body) == {"to": "ada@example.com", "subject": "Grüße"}
    assert task.http_request.headers["Content-Type"] == "application/json"
    assert task.http_request.url.endswith("/send")
    assert f"queued for `mailer` in dev on this machine ({engine.address})" in outcome.err


def test_a_task_has_the_deadline_that_the_client_gives_it(run: Run, engine: Background) -> None:
    """Its handler's timeout, which for a function is a minute unless the file says otherwise."""
    assert run("enqueue", "emails", "--example").code == 0
    assert only_task(engine).dispatch_deadline == timedelta(minutes=1)


def test_the_same_key_is_the_same_task(run: Run, engine: Background) -> None:
    """As with the client, whose ids it shares."""
    first = run("enqueue", "emails", "--example", "--key", "order-17")
    again = run("enqueue", "emails", "--example", "--key", "order-17")
    assert (first.code, again.code) == (0, 0)
    assert first.out == again.out == f"{QUEUE}/tasks/{task_id('order-17')}\n"
    assert "there is or was a task with the key `order-17`" in again.err
    only_task(engine)


def test_a_payload_is_checked_by_its_schema(run: Run, engine: Background, project: Path) -> None:
    """The schema of the queue, from the file that the spec names."""
    schema = {"type": "object", "required": ["to"], "properties": {"to": {"type": "string"}}}
    (project / "email.json").write_text(json.dumps(schema))
    stack = project / "stacks" / "dev.yaml"
    text = stack.read_text("utf-8").replace(
        "    path: /send", "    payload: email.json\n    path: /send"
    )
    stack.write_text(text, "utf-8")
    wrong = run("enqueue", "emails", '{"to": 7}')
    assert wrong.code == 1
    assert "not one for queue `emails`: to: 7 is not of type 'string'" in wrong.err
    assert "hint: its schema is `email.json`" in wrong.err
    assert "takes JSON, which the payload is not" in run("enqueue", "emails", "hello").err
    assert run("enqueue", "emails", '{"to": "ada@example.com"}').code == 0
    only_task(engine)
    assert "\n  payload    email.json\n" in run("explain").out


@pytest.mark.parametrize(
    ("words", "body", "content_type"),
    [
        (['{"a": 1}'], b'{"a": 1}', "application/json"),
        (["hello"], b"hello", "text/plain; charset=utf-8"),
        (["--file", "photo.jpg"], b"\xff\xd8", "image/jpeg"),
        ([], b"", None),
    ],
    ids=["JSON", "text", "a file", "nothing"],
)
def test_a_payload_carries_its_type(
    run: Run,
    engine: Background,
    project: Path,
    words: list[str],
    body: bytes,
    content_type: str | None,
) -> None:
    """A Content-Type only where it is plain what the body is."""
    (project / "photo.jpg").write_bytes(b"\xff\xd8")
    assert run("enqueue", "emails", *words).code == 0
    request = only_task(engine).http_request
    assert request.body == body
    assert request.headers.get("Content-Type") == content_type


@pytest.mark.parametrize(
    ("given", "content_type"), [(b'{"a": 1}', "application/json"), (b"\xff", None)]
)
def test_a_dash_is_standard_input(
    run: Run,
    engine: Background,
    monkeypatch: pytest.MonkeyPatch,
    given: bytes,
    content_type: str | None,
) -> None:
    """As for other commands."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given)))
    assert run("enqueue", "emails", "-").code == 0
    request = only_task(engine).http_request
    assert request.body == given
    assert request.headers.get("Content-Type") == content_type


def test_json_that_the_shell_has_taken_apart_is_warned_of(run: Run, engine: Background) -> None:
    """It is sent all the same: the handler may want it."""
    done = run("enqueue", "emails", "{to: ada}")
    assert done.code == 0
    assert "warning: the payload begins like JSON, but is none; it is sent as text" in done.err
    assert only_task(engine).http_request.body == b"{to: ada}"


def test_a_header_replaces_the_one_that_follows_from_the_body(run: Run, engine: Background) -> None:
    """However it is written."""
    assert run("enqueue", "emails", "{}", "--header", "content-type: text/x").code == 0
    headers = dict(only_task(engine).http_request.headers)
    types = [value for name, value in headers.items() if name.lower() == "content-type"]
    assert types == ["text/x"]


def test_a_delay_and_a_name_are_kept(run: Run, engine: Background) -> None:
    """`--in` is added to now; `--name` makes a second one fail."""
    assert run("enqueue", "emails", "--in", "10m", "--name", "welcome").code == 0
    task = only_task(engine)
    assert task.name == f"{QUEUE}/tasks/welcome"
    waits = (task.schedule_time - task.create_time).total_seconds()  # type: ignore[operator]
    assert 600 <= waits <= 660
    again = run("enqueue", "emails", "--name", "welcome")
    assert again.code == 1
    assert again.err == (
        f"error: `{QUEUE}`: Requested entity already exists\n"
        "  hint: a task's id cannot be used again for up to 24 hours\n"
    )


def test_an_app_engine_queue_gets_an_app_engine_task(run: Run, engine: Background) -> None:
    """With the path in the task, where App Engine wants it."""
    assert run("enqueue", "entries", "hi", "--path", "/work").code == 0
    task = only_task(engine, QUEUE.replace("emails", "entries"))
    assert task.app_engine_http_request.relative_uri == "/work"


def test_a_full_name_is_as_good(run: Run, engine: Background) -> None:
    """As Google's console shows it."""
    assert run("enqueue", QUEUE, "hi").code == 0
    assert only_task(engine).http_request.body == b"hi"


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["emial"], 1, "error: dev has no queue `emial`\n  hint: did you mean `emails`?\n"),
        (["entries", "--example"], 1, "error: queue `entries` has no example\n  hint: add"),
        (["emails", "--file", "gone.jpg"], 1, "error: `gone.jpg` cannot be read: no such file"),
        (["emails", "x", "--example"], 2, "give one of PAYLOAD, --file and --example"),
        (["emails", "--url", "http://a/", "--path", "/b"], 2, "give one of --url and --path"),
        (
            ["emails", "--url", "http://a.example/"],
            1,
            "error: queue `emails` sends every task to `mailer`\n  hint: leave out `--url`",
        ),
        (["emails", "--in", "soon"], 2, "`soon` is not a duration"),
        (["emails", "--in", "31d"], 1, "31.0 days: Cloud Tasks allows at most 30 days"),
        (["emails", "--name", "a b"], 1, 'Task ID "a b" can contain only letters'),
        (["emails", "--header", "host: a"], 2, "Cloud Tasks replaces `host` with its own value"),
        (["emails", "--header", "nope"], 2, "`nope` is not `KEY:VALUE`"),
        (
            ["entries", "--path", "nopath"],
            1,
            "error: `nopath` is not a path\n  hint: start it with `/`, such as `/send`\n",
        ),
        (
            ["emails", "--path", "/other"],
            1,
            "error: queue `emails` sends every task to `/send`\n  hint: leave out `--path`",
        ),
    ],
)
def test_a_mistake_is_an_error_with_a_hint(
    run: Run, words: list[str], code: int, said: str
) -> None:
    """Exit code 1 for the input, 2 for the usage."""
    outcome = run("enqueue", *words)
    assert outcome.code == code
    assert said in outcome.err
    assert outcome.out == ""


# Queues that the file does not have


OWN = QUEUE.replace("emails", "own")


def create(engine: Background, **fields: object) -> None:
    """Create a paused queue, as a program does."""
    client = connect(engine.address)
    client.create_queue(parent=OWN.rpartition("/queues/")[0], queue={"name": OWN, **fields})
    client.pause_queue(name=OWN)


def test_a_queue_that_a_program_created_is_known(run: Run, engine: Background) -> None:
    """By its id and its full name, as `queues` lists it."""
    create(engine)
    for name in ("own", OWN):
        outcome = run("tasks", name)
        assert (outcome.code, outcome.out) == (0, "")
        assert "no tasks in `own`" in outcome.err
    assert run("enqueue", "own", "hi", "--url", "http://127.0.0.1:1/work").code == 0
    task = only_task(engine, OWN)
    assert (task.http_request.url, task.http_request.body) == ("http://127.0.0.1:1/work", b"hi")
    assert task.name.rpartition("/")[2] in run("tasks", "own").out


def test_without_a_target_and_a_url_nothing_is_added(run: Run, engine: Background) -> None:
    """The task could go nowhere."""
    create(engine)
    outcome = run("enqueue", "own", "hi", "--path", "/work")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == (
        "error: queue `own` sends each task to the task's own URL\n"
        "  hint: give it, as in `--url http://127.0.0.1:8080/work`\n"
    )
    assert not list(connect(engine.address).list_tasks(parent=OWN))


def test_a_target_that_gives_way_to_a_tasks_url_is_none(run: Run, engine: Background) -> None:
    """With IF_NOT_EXISTS, the task's own host wins."""
    override = {"host": "a.example", "uri_override_enforce_mode": "IF_NOT_EXISTS"}
    create(engine, http_target={"uri_override": override})
    assert "sends each task to the task's own URL" in run("enqueue", "own").err


def test_a_queue_with_a_target_needs_no_url(run: Run, engine: Background) -> None:
    """It replaces the host of each task, so a URL would be ignored."""
    create(engine, http_target={"uri_override": {"host": "a.example", "port": 8443}})
    assert "sends every task to `a.example:8443`" in run("enqueue", "own", "--url", "http://b/").err
    outcome = run("enqueue", "own", "hi", "--path", "/work")
    assert outcome.code == 0
    assert "queued for `a.example:8443` in dev on this machine" in outcome.err
    assert only_task(engine, OWN).http_request.url.endswith("/work")


def test_a_path_that_the_target_replaces_is_refused(run: Run, engine: Background) -> None:
    """As for a queue in the file."""
    override = {"host": "a.example", "path_override": {"path": "/send"}}
    create(engine, http_target={"uri_override": override})
    outcome = run("enqueue", "own", "--path", "/work")
    assert "error: queue `own` sends every task to `/send`\n" in outcome.err


def test_a_queue_routed_to_app_engine_gets_an_app_engine_task(run: Run, engine: Background) -> None:
    """There is no URL."""
    create(engine, app_engine_routing_override={"service": "ledger"})
    assert run("enqueue", "own", "--path", "/work").code == 0
    assert only_task(engine, OWN).app_engine_http_request.relative_uri == "/work"


def test_it_has_no_example(run: Run, engine: Background) -> None:
    """Examples are in the file."""
    create(engine)
    outcome = run("enqueue", "own", "--example", "--url", "http://a.example/")
    assert "error: queue `own` has no example: it is not in the file\n" in outcome.err


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("name", ["emial", "e mails", "projects/p/emails"])
def test_a_queue_that_nobody_has_is_a_mistake(run: Run, name: str) -> None:
    """Whether or not it could be a queue's name."""
    outcome = run("tasks", name)
    assert outcome.code == 1
    assert f"error: dev has no queue `{name}`\n  hint: did you mean `emails`?\n" in outcome.err


@pytest.mark.usefixtures("project")
def test_without_a_running_environment_it_is_an_error(run: Run) -> None:
    """And nothing is sent to Google unless an environment was named."""
    outcome = run("enqueue", "emails", "hi")
    assert outcome.code == 1
    assert outcome.err == (
        "error: no environment runs here\n"
        "  hint: start one with `queuewright up`, or name one on Google Cloud with `--env`\n"
    )


@pytest.mark.usefixtures("engine")
def test_tasks_are_listed_by_time(run: Run) -> None:
    """The next one first, in the table and in JSON."""
    assert run("enqueue", "emails", "--in", "2h", "--name", "later").code == 0
    assert run("enqueue", "emails", "--name", "sooner").code == 0
    listed = run("tasks", "emails")
    assert [line.split()[0] for line in listed.out.splitlines()] == ["TASK", "sooner", "later"]
    rows = [json.loads(line) for line in run("tasks", "emails", "--json").out.splitlines()]
    assert [(row["id"], row["attempts"]) for row in rows] == [("sooner", 0), ("later", 0)]


@pytest.mark.usefixtures("engine")
def test_a_negative_limit_is_refused(run: Run) -> None:
    """Only 0 means all."""
    outcome = run("tasks", "emails", "--limit", "-1")
    assert (outcome.code, outcome.out) == (2, "")
    assert "-1 is not in the range x>=0" in outcome.err


@pytest.mark.usefixtures("engine")
def test_an_empty_queue_is_reported_on_stderr(run: Run) -> None:
    """Stdout is for tasks."""
    outcome = run("tasks", "emails")
    assert (outcome.code, outcome.out) == (0, "")
    assert "no tasks in `emails`" in outcome.err


@pytest.mark.usefixtures("engine")
def test_queues_show_settings_and_counts(run: Run) -> None:
    """As they are now, not as in the file."""
    assert run("enqueue", "emails", "hi").code == 0
    rows = [json.loads(line) for line in run("queues", "--json").out.splitlines()]
    assert {row["id"]: (row["state"], row["tasks"], row["max_attempts"]) for row in rows} == {
        "emails": ("PAUSED", 1, 8),
        "entries": ("PAUSED", 0, 100),
    }
    assert "emails" in run("queues").out


def test_an_empty_key_is_refused(run: Run) -> None:
    """A script's unset variable must not make every task the same one."""
    refused = run("enqueue", "emails", "--example", "--key", "")
    assert refused.code == 2
    assert "--key is empty" in refused.err
