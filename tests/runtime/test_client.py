"""Adding tasks with the client, to a real engine and a real Pub/Sub."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from queuewright.engine.protocol import Queue as EngineQueue
from queuewright.engine.protocol import Task
from queuewright.pubsub import Poller, PubSub
from queuewright.pubsub.protocol import PullRequest, Subscription, Topic
from queuewright_runtime import client
from queuewright_runtime.batches import Batches, Numbered
from queuewright_runtime.client import AsyncTasks, Enqueued, NewTask, Queue, Tasks, task_id
from queuewright_runtime.errors import ApiError, EnqueueError, NoQueueError, PartlyEnqueuedError
from queuewright_runtime.publishing import RestPublisher
from queuewright_runtime.rest import Rest
from tests.runtime.servers import QUEUE, EngineThread, Prepared, scripted

TOPIC = "projects/acme-dev/topics/reports"
DELAYS = QUEUE.replace("emails", "reports-delays")


@pytest.fixture(params=["rest", "grpc"])
def tasks(
    request: pytest.FixtureRequest, engine: EngineThread, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Tasks]:
    """The client as a handler has it, over either protocol."""
    monkeypatch.setenv("QUEUE_EMAILS", QUEUE)
    monkeypatch.setenv("DEADLINE_EMAILS", "15m")
    if request.param == "grpc":
        monkeypatch.delenv("CLOUD_TASKS_EMULATOR_URL")
        monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", engine.address)
    with Tasks() as found:
        yield found


def test_a_handler_enqueues_with_what_its_variables_say(tasks: Tasks, engine: EngineThread) -> None:
    enqueued = tasks.queue("emails").enqueue(
        {"to": "ada@example.com"}, delay="10m", headers={"X-Tenant": "acme"}, path="/send"
    )
    (task,) = engine.tasks()
    assert enqueued == Enqueued(task.name)
    assert json.loads(task.http_request.body) == {"to": "ada@example.com"}
    assert task.http_request.headers["X-Tenant"] == "acme"
    assert task.http_request.headers["Content-Type"] == "application/json"
    assert task.http_request.url == "https://queue.invalid/send"
    assert task.dispatch_deadline.seconds == 900
    assert task.schedule_time.ToMicroseconds() > task.create_time.ToMicroseconds()


def test_the_same_key_is_the_same_task(tasks: Tasks, engine: EngineThread) -> None:
    emails = tasks.queue("emails")
    first = emails.enqueue({"n": 1}, key="order-17")
    again = emails.enqueue({"n": 2}, key="order-17")
    assert (first.existed, again.existed) == (False, True)
    assert first.name == again.name == f"{QUEUE}/tasks/{task_id('order-17')}"
    (task,) = engine.tasks()
    assert json.loads(task.http_request.body) == {"n": 1}


def test_many_tasks_get_a_result_each_in_their_order(tasks: Tasks, engine: EngineThread) -> None:
    emails = tasks.queue("emails")
    emails.enqueue({"n": 7}, key="7")
    many = [NewTask({"n": n}, key="7" if n == 7 else None) for n in range(250)]
    results = emails.enqueue_many(many)
    assert [n for n, result in enumerate(results) if result.existed] == [7]
    bodies = {task.name: json.loads(task.http_request.body)["n"] for task in engine.tasks()}
    assert [bodies[result.name] for result in results] == list(range(250))
    assert len(bodies) == 250


def test_payloads_can_be_given_as_they_are(tasks: Tasks, engine: EngineThread) -> None:
    assert tasks.queue("emails").enqueue_many([]) == []
    tasks.queue("emails").enqueue_many({"n": n} for n in range(3))
    assert sorted(json.loads(task.http_request.body)["n"] for task in engine.tasks()) == [0, 1, 2]


def test_a_task_that_cannot_be_enqueued_stops_no_other(tasks: Tasks, engine: EngineThread) -> None:
    many = [{"n": 0}, NewTask({"n": 1}, delay="31d"), {"n": 2}]
    with pytest.raises(PartlyEnqueuedError, match="1 of 3 tasks were not enqueued") as partly:
        tasks.queue("emails").enqueue_many(many)
    assert len(engine.tasks()) == 2
    assert list(partly.value.failures) == [1]
    assert isinstance(partly.value.failures[1], EnqueueError)
    assert [type(result) for result in partly.value.results] == [Enqueued, EnqueueError, Enqueued]


def test_a_refusal_is_the_error_of_each_task(tasks: Tasks) -> None:
    missing = tasks.queue(f"{QUEUE}-other")
    with pytest.raises(ApiError, match="NOT_FOUND: "):
        missing.enqueue({})
    with pytest.raises(PartlyEnqueuedError) as partly:
        missing.enqueue_many([{}] * 150)
    codes = [error.code for error in partly.value.failures.values()]
    assert codes == ["NOT_FOUND"] * 150


async def test_asyncio_has_the_same_calls(tasks: Tasks, engine: EngineThread) -> None:
    del tasks  # it set the variables
    async with AsyncTasks() as ours:
        emails = ours.queue("emails")
        first = await emails.enqueue({"n": 1}, key="1")
        results = await emails.enqueue_many([NewTask({"n": n}, key=str(n)) for n in range(3)])
    assert [result.existed for result in results] == [False, True, False]
    assert results[1].name == first.name
    assert emails.address.name == QUEUE
    assert len(engine.tasks()) == 3


def test_explicit_parts_replace_the_variables() -> None:
    tasks = Tasks(project="acme", location="europe-west1", prefix="web", variables={})
    assert tasks.address("emails").name == "projects/acme/locations/europe-west1/queues/web-emails"
    own = Tasks(project="acme", location="europe-west1", variables={"QUEUE_EMAILS": QUEUE})
    assert own.address("emails").name == QUEUE
    assert Tasks(variables={}).queue(QUEUE).address.name == QUEUE
    assert repr(Tasks(variables={}).queue(QUEUE)) == f"<Queue {QUEUE}>"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"project": "acme"}, "`project` and `location` together"),
        ({"environment": "dev", "project": "a", "location": "b"}, "one of"),
        ({"concurrency": 0}, "at least 1, not 0"),
    ],
)
def test_wrong_arguments_say_what_is_wrong(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Tasks(**arguments)


def test_a_queue_that_nothing_describes_says_how_to_describe_it() -> None:
    with pytest.raises(NoQueueError, match="`QUEUE_EMAILS` is not set") as missing:
        Tasks(variables={}).queue("emails")
    assert "queues.emails.enqueuers" in str(missing.value)


def test_without_googles_client_grpc_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.longrunning", None)
    variables = {"CLOUD_TASKS_EMULATOR_HOST": "127.0.0.1:1", "QUEUE_EMAILS": QUEUE}
    with pytest.raises(ImportError, match="set `CLOUD_TASKS_EMULATOR_URL` to"):
        Tasks(variables=variables).queue("emails").enqueue({})


def test_the_time_is_the_callers(engine: EngineThread) -> None:
    now = datetime.now(timezone.utc) + timedelta(days=1)  # noqa: UP017
    variables = {"CLOUD_TASKS_EMULATOR_URL": engine.url}
    with Tasks(variables=variables, now=lambda: now) as tasks:
        tasks.queue(QUEUE).enqueue({}, delay="1h")
    (task,) = engine.tasks()
    due = task.schedule_time.ToDatetime(timezone.utc)  # noqa: UP017
    assert due == now + timedelta(hours=1)


# Batches, on an API that misbehaves.


@dataclass
class Unreliable:
    """An API whose batches fail as prepared; it keeps what was created, by name."""

    batch_error: ApiError | None = None
    polls: int = 0
    """How often an operation is not done yet."""
    failed: dict[str, dict[str, Any]] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    creates: bool = True
    """Whether a batch that fails as a whole has created its tasks all the same."""
    alone_error: ApiError | None = None
    created: dict[str, int] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def create_task(self, queue: str, task: Mapping[str, Any]) -> None:
        self.calls.append("alone")
        if self.alone_error is not None:
            raise self.alone_error
        if task["name"] in self.created:
            raise ApiError("ALREADY_EXISTS", queue, http_status=409)
        self.created[task["name"]] = 1

    def create_tasks(
        self, queue: str, tasks: Sequence[Mapping[str, Any]], request_id: str
    ) -> dict[str, Any]:
        self.calls.append("batch")
        assert queue == QUEUE
        assert request_id
        for index, task in enumerate(tasks):
            if self.creates and str(index) not in self.failed:
                assert task["name"] not in self.created
                self.created[task["name"]] = 1
        if self.batch_error is not None:
            raise self.batch_error
        return self.operation("operations/1")

    def operation(self, name: str) -> dict[str, Any]:
        self.polls -= 1
        if self.polls >= 0:
            return {"name": name}
        ended = {"name": name, "done": True, "metadata": {"failedRequests": self.failed}}
        return ended if self.error is None else {**ended, "error": self.error}

    def close(self) -> None:
        pass


def outcomes(api: Unreliable, count: int = 3) -> list[str | None]:
    numbered = [Numbered(n, {"name": f"{QUEUE}/tasks/{n}"}) for n in range(count)]
    batches = Batches(api, QUEUE, sleep=lambda _: None)
    found = dict(batches.create(numbered, concurrency=2))
    return [None if found[n] is None else found[n].code for n in range(count)]  # type: ignore[union-attr]


def test_a_batch_that_takes_its_time_is_waited_for() -> None:
    api = Unreliable(polls=3)
    assert outcomes(api) == [None] * 3
    assert api.calls == ["batch"]


def test_failures_that_may_pass_are_tried_again_one_by_one() -> None:
    api = Unreliable(failed={"1": {"code": 14}, "2": {"code": 3, "message": "No."}})
    assert outcomes(api) == [None, None, "INVALID_ARGUMENT"]
    assert api.calls == ["batch", "alone"]


def test_a_server_without_batches_is_asked_once() -> None:
    missing = ApiError("NOT_FOUND", "Method not found.", http_status=404)
    api = Unreliable(batch_error=missing, creates=False)
    numbered = [Numbered(n, {"name": f"{QUEUE}/tasks/{n}"}) for n in range(300)]
    found = dict(Batches(api, QUEUE).create(numbered, concurrency=1))
    assert set(found.values()) == {None}
    assert len(api.created) == 300
    assert api.calls.count("batch") <= 2  # one may be on its way when the first is refused


@pytest.mark.parametrize("creates", [True, False])
def test_a_batch_without_an_answer_loses_and_doubles_nothing(creates: bool) -> None:
    """The names tell: what the lost batch has created is there already."""
    api = Unreliable(batch_error=ApiError("UNAVAILABLE", "No answer."), creates=creates)
    expected = ["ALREADY_EXISTS"] * 3 if creates else [None] * 3
    assert outcomes(api) == expected
    assert api.created == {f"{QUEUE}/tasks/{n}": 1 for n in range(3)}


def test_a_batch_that_is_never_done_is_checked_task_by_task() -> None:
    api = Unreliable(polls=100, creates=False)
    assert outcomes(api) == [None] * 3
    assert api.calls == ["batch", "alone", "alone", "alone"]


def test_a_server_that_is_down_is_not_asked_for_each_task() -> None:
    down = ApiError("UNAVAILABLE", "Down.", http_status=503)
    api = Unreliable(batch_error=down, alone_error=down, creates=False)
    assert outcomes(api) == ["UNAVAILABLE"] * 3
    assert api.calls == ["batch", "alone"]


def test_an_operation_with_an_error_of_its_own_is_checked_task_by_task() -> None:
    api = Unreliable(error={"code": 13, "message": "Oh."}, creates=False)
    assert outcomes(api) == [None] * 3


# Pull queues.


class Board:
    """A Pub/Sub on the engine's loop, with a topic and a subscription."""

    def __init__(self, engine: EngineThread) -> None:
        self.engine = engine
        self.server, self.port = engine.do(self._start())

    async def _start(self) -> tuple[PubSub, int]:
        server = PubSub()
        await server.start()
        await server.publisher.create_topic(Topic(name=TOPIC))
        subscription = Subscription(name=TOPIC.replace("topics", "subscriptions"), topic=TOPIC)
        await server.subscriber.create_subscription(subscription)
        return server, await server.serve_grpc(port=0)

    def pull(self) -> list[tuple[bytes, dict[str, str]]]:
        request = PullRequest(
            subscription=TOPIC.replace("topics", "subscriptions"),
            max_messages=100,
            return_immediately=True,
        )
        pulled = self.engine.do(self.server.subscriber.pull(request, poller=Poller("")))
        messages = [each.message for each in pulled.received_messages]
        return [(message.data, dict(message.attributes)) for message in messages]


@pytest.fixture
def board(engine: EngineThread, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    started = Board(engine)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{started.port}")
    monkeypatch.setenv("QUEUE_REPORTS", TOPIC)
    yield started
    engine.do(started.server.stop())


def test_the_same_call_adds_to_a_pull_queue(board: Board) -> None:
    with Tasks() as tasks:
        reports = tasks.queue("reports")
        one = reports.enqueue({"month": 2}, headers={"tenant": "acme"})
        many = reports.enqueue_many([{"month": n} for n in range(3)])
        with pytest.raises(EnqueueError, match="Pub/Sub can't deliver later"):
            reports.enqueue({}, delay="1m")
        with pytest.raises(PartlyEnqueuedError, match=r"number 1: .* no `key`"):
            reports.enqueue_many([{}, NewTask({}, key="a")])
        with pytest.raises(ApiError, match="NOT_FOUND: "):
            tasks.queue(f"{TOPIC}-other").enqueue({})
    assert len({one.name, *(each.name for each in many)}) == 4
    received = board.pull()
    assert (b'{"month":2}', {"tenant": "acme", "Content-Type": "application/json"}) in received
    assert len(received) == 5


# Delayed tasks of pull queues.


@pytest.fixture
def reports(tasks: Tasks, engine: EngineThread, monkeypatch: pytest.MonkeyPatch) -> Queue[Any]:
    """A pull queue with delays. Nothing answers where it would publish."""
    queue = EngineQueue(name=DELAYS, state=EngineQueue.State.PAUSED)
    engine.do(engine.engine.declare_queue(queue))
    monkeypatch.setenv("QUEUE_REPORTS", TOPIC)
    monkeypatch.setenv("QUEUE_REPORTS_DELAYS", DELAYS)
    monkeypatch.setitem(sys.modules, "google.pubsub_v1", None)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
    return tasks.queue("reports")


def published(task: Task) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(task.http_request.body)["messages"]
    return found


def test_a_delayed_task_waits_in_the_queue_in_front(
    reports: Queue[Any], engine: EngineThread
) -> None:
    before = datetime.now(timezone.utc)  # noqa: UP017
    enqueued = reports.enqueue(
        {"month": 2}, delay="10m", headers={"tenant": "acme"}, ordering_key="ada"
    )
    after = datetime.now(timezone.utc)  # noqa: UP017
    (task,) = engine.tasks(DELAYS)
    assert enqueued == Enqueued(task.name)
    due = task.schedule_time.ToDatetime(tzinfo=timezone.utc)  # noqa: UP017
    assert before <= due - timedelta(minutes=10) <= after
    attributes = {"Content-Type": "application/json", "tenant": "acme"}
    data = base64.b64encode(b'{"month":2}').decode()
    assert published(task) == [{"data": data, "attributes": attributes, "orderingKey": "ada"}]


def test_a_delayed_task_with_a_key_is_created_once(
    reports: Queue[Any], engine: EngineThread
) -> None:
    due = datetime.now(timezone.utc) + timedelta(hours=1)  # noqa: UP017
    first, again = (reports.enqueue({"n": n}, at=due, key="order-17") for n in range(2))
    assert (first.existed, again.existed) == (False, True)
    assert first.name == again.name == f"{DELAYS}/tasks/{task_id('order-17')}"
    assert len(engine.tasks(DELAYS)) == 1


def test_many_delayed_tasks_are_created_in_batches(
    reports: Queue[Any], engine: EngineThread
) -> None:
    many = [NewTask({"n": n}, delay="1h") for n in range(250)]
    many[7] = NewTask({}, delay="31d")
    with pytest.raises(PartlyEnqueuedError) as partly:
        reports.enqueue_many(many)
    assert list(partly.value.failures) == [7]
    names = {each.name for each in partly.value.results if isinstance(each, Enqueued)}
    assert names == {task.name for task in engine.tasks(DELAYS)}
    assert len(names) == 249


async def test_an_async_call_delays_as_well(reports: Queue[Any], engine: EngineThread) -> None:
    async with AsyncTasks() as tasks:
        enqueued = await tasks.queue("reports").enqueue({"n": 1}, delay="1h")
        (other,) = await tasks.queue("reports").enqueue_many([NewTask({"n": 2}, delay="1h")])
    assert {task.name for task in engine.tasks(DELAYS)} == {enqueued.name, other.name}
    assert reports.address.delays == DELAYS


def test_many_tasks_are_published_and_delayed_in_one_call(
    board: Board, engine: EngineThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than are held at the same time; the results have the order of the tasks."""
    engine.do(engine.engine.declare_queue(EngineQueue(name=DELAYS)))
    monkeypatch.setenv("QUEUE_REPORTS_DELAYS", DELAYS)
    monkeypatch.setattr(client, "PULLED_AT_ONCE", 4)
    many = [NewTask({"n": n}, delay="1h" if n % 3 == 0 else None) for n in range(10)]
    with Tasks() as tasks:
        results = tasks.queue("reports").enqueue_many(many)
    bodies = {task.name: published(task)[0]["data"] for task in engine.tasks(DELAYS)}
    found = [json.loads(base64.b64decode(bodies[results[n].name]))["n"] for n in (0, 3, 6, 9)]
    assert (found, len(bodies)) == ([0, 3, 6, 9], 4)
    assert [json.loads(data)["n"] for data, _ in board.pull()] == [1, 2, 4, 5, 7, 8]


def test_google_gets_the_messages_over_rest() -> None:
    answer = Prepared(200, b'{"messageIds": ["17"]}')
    with scripted(answer) as server:
        tasks = Tasks(variables={"QUEUE_REPORTS": TOPIC})
        tasks._publisher = RestPublisher(Rest(f"{server.url}/v1"))
        enqueued = tasks.queue("reports").enqueue({"a": 1}, ordering_key="k")
        tasks.close()
    assert enqueued == Enqueued("17")
    ((method, path, _, body),) = server.received
    assert (method, path) == ("POST", f"/v1/{TOPIC}:publish")
    assert json.loads(body) == {
        "messages": [
            {
                "data": "eyJhIjoxfQ==",
                "attributes": {"Content-Type": "application/json"},
                "orderingKey": "k",
            }
        ]
    }


def test_without_googles_client_a_local_pull_queue_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "google.pubsub_v1", None)
    variables = {"PUBSUB_EMULATOR_HOST": "127.0.0.1:1", "QUEUE_REPORTS": TOPIC}
    with pytest.raises(ImportError, match=r"queuewright-runtime\[pull\]"):
        Tasks(variables=variables).queue("reports").enqueue({})
