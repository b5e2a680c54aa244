"""`enqueue`, `tasks` and `queues` of pull queues, against a real Pub/Sub."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from queuewright.blueprint import blueprint
from queuewright.cloud_tasks.limits import MAX_TASK_BYTES
from queuewright.engine import ManualClock
from queuewright.engine.protocol import Queue
from queuewright.local.pull_queues.planned import subscriptions, topics
from queuewright.pubsub import Poller, PubSub
from queuewright.pubsub.protocol import (
    ModifyAckDeadlineRequest,
    PullRequest,
    ReceivedMessage,
)
from queuewright.spec import load
from tests.cli.conftest import Background, Run
from tests.cli.test_enqueue import only_task

SUBSCRIPTION = "projects/acme-dev/subscriptions/reports"
PULL = """\
  reports:
    pull: {lease: 30s, min_backoff: 0s, max_backoff: 0s, max_attempts: 5}
    dead_letters: true
    example: {month: 2}
  steps: {pull: {ordering: true, delays: true}}
  later: {pull: {delays: true}}
"""


class Board:
    """Pub/Sub beside the engine, and what a worker does there."""

    def __init__(self, engine: Background, project: Path) -> None:
        self._do = engine._do
        self.clock = ManualClock()
        self.address: str = self._do(self._start(project))

    async def _start(self, project: Path) -> str:
        self.server = PubSub(clock=self.clock)
        await self.server.start()
        for plan in blueprint(load("dev", project)).pull_queues.values():
            for topic in topics(plan, {}):
                await self.server.publisher.create_topic(topic)
            for subscription in subscriptions(plan, {}):
                await self.server.subscriber.create_subscription(subscription)
        return f"127.0.0.1:{await self.server.serve_grpc(port=0)}"

    def pull(self, name: str = "reports", client: str = "") -> ReceivedMessage:
        request = PullRequest(
            subscription=SUBSCRIPTION.replace("reports", name),
            max_messages=1,
            return_immediately=True,
        )
        (found,) = self._do(
            self.server.subscriber.pull(request, poller=Poller(client))
        ).received_messages
        return found

    def give_back(self, message: ReceivedMessage) -> None:
        request = ModifyAckDeadlineRequest(subscription=SUBSCRIPTION, ack_ids=[message.ack_id])
        self._do(self.server.subscriber.modify_ack_deadline(request))

    def total(self) -> int:
        found: int = self._do(self.server.subscriber.list_held(SUBSCRIPTION, 0)).total
        return found

    def stop(self) -> None:
        self._do(self.server.stop())


@pytest.fixture
def board(project: Path, engine: Background, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    """The project has two pull queues, and Pub/Sub runs where the commands find it."""
    file = project / "stacks" / "dev.yaml"
    file.write_text(file.read_text("utf-8") + PULL, "utf-8")
    board = Board(engine, project)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", board.address)
    yield board
    board.stop()


def test_a_payload_is_published_with_its_type(run: Run, board: Board) -> None:
    """As data and an attribute; a header is an attribute, too."""
    outcome = run("enqueue", "reports", '{"a": 1}', "--header", "Customer:ada")
    assert outcome.code == 0, outcome.err
    message = board.pull().message
    assert outcome.out == f"{message.message_id}\n"
    assert message.data == b'{"a": 1}'
    assert dict(message.attributes) == {"Content-Type": "application/json", "Customer": "ada"}
    assert "queued for whoever polls `reports` in dev on this machine" in outcome.err


def test_the_example_is_published(run: Run, board: Board) -> None:
    """By the topic's name as well."""
    assert run("enqueue", "projects/acme-dev/topics/reports", "--example").code == 0
    assert json.loads(board.pull().message.data) == {"month": 2}


def test_an_ordering_key_is_kept(run: Run, board: Board) -> None:
    """Where the queue keeps an order."""
    assert run("enqueue", "steps", "hi", "--ordering-key", "ada").code == 0
    assert board.pull("steps").message.ordering_key == "ada"


@pytest.mark.usefixtures("board")
def test_a_delayed_task_is_kept_by_a_push_queue(run: Run, engine: Background) -> None:
    """As a request to publish it, which is due after the delay; nothing is published yet."""
    name = "projects/acme-dev/locations/europe-west1/queues/steps-delays"
    engine.declare(Queue(name=name))
    words = ("enqueue", "steps", '{"a": 1}', "--delay", "2h", "--ordering-key", "ada")
    outcome = run(*words)
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith(f"{name}/tasks/")
    task = only_task(engine, name)
    assert json.loads(task.http_request.body) == {
        "messages": [
            {
                "data": "eyJhIjogMX0=",
                "attributes": {"Content-Type": "application/json"},
                "orderingKey": "ada",
            }
        ]
    }
    assert task.http_request.url == (
        "https://pubsub.googleapis.com/v1/projects/acme-dev/topics/steps:publish"
    )
    waits = task.schedule_time - task.create_time  # type: ignore[operator]
    assert timedelta(hours=2) <= waits <= timedelta(hours=2, minutes=1)
    shown = json.loads(run("tasks", "steps-delays", "--json").out)
    assert shown["id"] == task.name.rpartition("/")[2]


@pytest.mark.usefixtures("board")
def test_a_delayed_task_with_a_key_is_added_once(run: Run, engine: Background) -> None:
    """The second call prints the name of the first task."""
    name = "projects/acme-dev/locations/europe-west1/queues/later-delays"
    engine.declare(Queue(name=name))
    words = ("enqueue", "later", "{}", "--delay", "2h", "--key", "order-17")
    first, again = run(*words), run(*words)
    assert (first.code, again.code) == (0, 0), again.err
    assert first.out == again.out == f"{only_task(engine, name).name}\n"
    assert "there is or was a task with the key `order-17`" in again.err


@pytest.mark.usefixtures("board")
def test_a_delayed_task_that_is_too_large_is_refused_with_both_sizes(
    run: Run, project: Path
) -> None:
    """Cloud Tasks takes a mebibyte, and base64 adds a third."""
    (project / "body").write_bytes(b"x" * 800_000)
    outcome = run("enqueue", "later", "--file", "body", "--delay", "1m")
    assert outcome.code == 1
    assert "has 1,066,8" in outcome.err
    assert "in base64" in outcome.err
    assert f"takes at most {MAX_TASK_BYTES:,}" in outcome.err
    assert run("enqueue", "later", "--file", "body").code == 0


@pytest.mark.usefixtures("board")
@pytest.mark.parametrize(
    ("queue", "words", "said"),
    [
        ("reports", ["--in", "10m"], "Pub/Sub cannot deliver later"),
        ("reports", ["--delay", "10m"], "add `delays: true` to `queues.reports.pull` (stacks/"),
        ("later", ["--delay", "1s", "--ordering-key", "x"], "set `ordering: true`"),
        ("later", ["--delay", "31d"], "Cloud Tasks allows at most 30 days"),
        ("later", ["--key", "x"], "with `--delay`, the queue that keeps delayed tasks does"),
        ("reports", ["--name", "x"], "knows no names"),
        ("reports", ["--path", "/x"], "a worker takes its tasks itself"),
        ("reports", ["--url", "https://x.example"], "a worker takes its tasks itself"),
        ("reports", ["--ordering-key", "x"], "set `ordering: true` in `queues.reports.pull`"),
        ("emails", ["--ordering-key", "x"], "Cloud Tasks keeps no order"),
    ],
)
def test_what_a_queue_cannot_do_is_refused_with_the_reason(
    run: Run, queue: str, words: list[str], said: str
) -> None:
    """Instead of being dropped."""
    outcome = run("enqueue", queue, "hi", *words)
    assert outcome.code == 1
    assert said in outcome.err
    assert outcome.out == ""


def test_the_tasks_tell_who_holds_them(run: Run, board: Board) -> None:
    """Until when, and for which time."""
    for word in ("a", "b"):
        run("enqueue", "reports", word)
    board.pull(client="reporter 1")
    rows = [json.loads(line) for line in run("tasks", "reports", "--json").out.splitlines()]
    held, ready = rows
    assert (held["state"], held["attempt"], held["holder"]) == ("leased", 1, "reporter 1")
    assert held["until"] is not None
    assert (ready["state"], ready["attempt"], ready["until"]) == ("ready", 0, None)
    shown = run("tasks", "reports").out
    assert "reporter 1" in shown
    outcome = run("tasks", "reports", "--limit", "1")
    assert "only the first 1 of 2 tasks" in outcome.err


def test_dead_letters_are_shown(run: Run, board: Board) -> None:
    """After the tasks, and as a number in `queues`."""
    run("enqueue", "reports", "a")
    for _ in range(5):
        board.give_back(board.pull())
    run("enqueue", "reports", "b")
    rows = [json.loads(line) for line in run("tasks", "reports", "--json").out.splitlines()]
    assert [row["state"] for row in rows] == ["ready", "dead letter"]
    board.pull()
    rows = [json.loads(line) for line in run("queues", "--json").out.splitlines()]
    (reports,) = (row for row in rows if row["id"] == "reports")
    assert (reports["tasks"], reports["running"], reports["dead_letters"]) == (1, 1, 1)
    assert (reports["type"], reports["max_attempts"]) == ("PULL", 5)
    assert "DEAD LETTERS" in run("queues").out


@pytest.mark.usefixtures("board")
def test_without_pubsub_the_error_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine alone has no pull queues of the file; `queues` shows what is known."""
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST")
    outcome = run("enqueue", "reports", "hi")
    assert outcome.code == 1
    assert "no Pub/Sub runs beside this engine" in outcome.err
    outcome = run("tasks", "reports")
    assert "no Pub/Sub runs beside this engine" in outcome.err
    assert "gcloud" not in outcome.err, "that would ask Google Cloud"
    rows = [json.loads(line) for line in run("queues", "--json").out.splitlines()]
    (reports,) = (row for row in rows if row["id"] == "reports")
    assert (reports["state"], reports["tasks"]) == (None, None)


@pytest.mark.usefixtures("board")
def test_another_pubsub_does_not_tell_the_tasks(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's own emulator, or nothing at all."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
    outcome = run("tasks", "reports")
    assert outcome.code == 1
    assert "the Pub/Sub at 127.0.0.1:1 does not answer, is not queuewright's" in outcome.err
    assert "change PUBSUB_EMULATOR_HOST" in outcome.err


def test_tasks_on_google_cloud_are_seen_with_gcloud(
    run: Run, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command in the hint can be pasted."""
    monkeypatch.delenv("CLOUD_TASKS_EMULATOR_HOST")
    outcome = run("tasks", "reports", "--env", "dev")
    assert outcome.code == 1
    assert "in dev on Google Cloud: Pub/Sub does not tell them" in outcome.err
    (command,) = re.findall(r"`(gcloud [^`]*)`", " ".join(outcome.err.split()))
    assert shlex.split(command) == [
        *("gcloud", "pubsub", "subscriptions", "pull", SUBSCRIPTION, "--limit=10"),
    ]
    assert "each look counts as an attempt" in " ".join(outcome.err.split())
    assert board.total() == 0


def test_queues_on_google_cloud_tell_where_the_numbers_are(
    run: Run, board: Board, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With pull queues alone, no call is made: nothing is said of their state."""
    monkeypatch.delenv("CLOUD_TASKS_EMULATOR_HOST")
    file = project / "stacks" / "dev.yaml"
    file.write_text(f"project: acme-dev\nlocation: europe-west1\nqueues:\n{PULL}", "utf-8")
    outcome = run("queues", "--env", "dev", "--json")
    assert outcome.code == 0, outcome.err
    rows = {row["id"]: row for row in map(json.loads, outcome.out.splitlines())}
    assert rows.keys() == {"reports", "steps", "later"}
    assert (rows["reports"]["state"], rows["reports"]["tasks"]) == (None, None)
    assert "pubsub.googleapis.com/subscription/num_undelivered_messages" in outcome.err
    assert board.total() == 0


def test_an_environment_on_google_cloud_is_googles(
    run: Run, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with another Pub/Sub in this shell, whose topics have the same names."""
    monkeypatch.delenv("CLOUD_TASKS_EMULATOR_HOST")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/no/such/file")
    assert "PUBSUB_EMULATOR_HOST" in os.environ
    outcome = run("enqueue", "reports", "hi", "--env", "dev")
    assert outcome.code == 1
    assert "there are no Google credentials on this machine" in outcome.err
    assert board.total() == 0
