"""The shipped mailer over a day: a bad address and a mail server that is down lose no mail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import flask
import pytest
from google.protobuf.json_format import ParseDict

from queuewright.blueprint import QueuePlan, blueprint
from queuewright.dead_letters import DeadLetter, dead_letter, replayed
from queuewright.engine import (
    DEVELOPER,
    Answer,
    Engine,
    InProcessSender,
    ManualClock,
    OutgoingRequest,
)
from queuewright.engine.protocol import (
    CreateTaskRequest,
    DeleteTaskRequest,
    HttpRequest,
    ListTasksRequest,
    Queue,
    Task,
)
from queuewright.errors import Refusal
from queuewright.local.queues.planned import Address, queue_message
from queuewright.spec import load
from queuewright_runtime.attempts import Attempts
from queuewright_runtime.burials import Burials
from queuewright_runtime.dead_letters import dead_letter_queues
from queuewright_runtime.errors import ApiError
from queuewright_runtime.functions import loaded, wrapped
from tests.handlers.conftest import HANDLERS
from tests.handlers.postbox import Postbox

MAIL = {"subject": "Welcome", "text": "It works."}


class Day:
    """The queue `emails` of the shipped `dev`, its dead letters, and its handler."""

    def __init__(self) -> None:
        plan = blueprint(load("dev", HANDLERS.parent))
        self.plan: QueuePlan = plan.queues["emails"]
        assert self.plan.dead_queue is not None
        self.dead = self.plan.dead_queue.name
        addresses = {key: Address("http://127.0.0.1:1", is_its_own=False) for key in plan.handlers}
        self._queues: list[Queue] = [
            queue_message(each, plan, addresses) for each in (self.plan, self.plan.dead_queue)
        ]
        attempts = Attempts(
            dead_letter_queues(plan.handlers["mailer"].environment), Burials(self._create)
        )
        handle = wrapped(loaded(HANDLERS / "mailer" / "main.py", "handle"), attempts)
        app = flask.Flask("mailer")
        app.add_url_rule("/send", "send", lambda: handle(flask.request), methods=["POST"])
        self._client = app.test_client()
        self.engine = Engine(clock=ManualClock(), sender=InProcessSender(self._answer))
        self.answers: list[int] = []

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        for queue in self._queues:
            await self.engine.declare_queue(queue)
        await self.engine.start()

    async def _answer(self, request: OutgoingRequest) -> Answer:
        def call() -> int:
            response = self._client.post("/send", data=request.body, headers=[*request.headers])
            return response.status_code

        status = await asyncio.to_thread(call)
        self.answers.append(status)
        return Answer(status)

    def _create(self, queue: str, task: Mapping[str, Any]) -> None:
        """What Cloud Tasks' REST API does."""
        request = CreateTaskRequest(parent=queue, task=ParseDict(dict(task), Task()))
        call = self.engine.service.create_task(request, DEVELOPER)
        try:
            asyncio.run_coroutine_threadsafe(call, self._loop).result()
        except Refusal as refusal:
            raise ApiError(refusal.code, refusal.message, http_status=409) from None

    async def enqueue(self, to: str) -> None:
        body = json.dumps({"to": to, **MAIL}).encode()
        task = Task(http_request=HttpRequest(url="https://queue.invalid/", body=body))
        request = CreateTaskRequest(parent=self.plan.name, task=task)
        await self.engine.service.create_task(request, DEVELOPER)

    async def tasks(self, queue: str) -> list[Task]:
        request = ListTasksRequest(parent=queue, response_view=2)  # FULL
        return list((await self.engine.service.list_tasks(request, DEVELOPER)).tasks)

    async def letters(self) -> list[DeadLetter]:
        return [dead_letter(each) for each in await self.tasks(self.dead)]

    async def replay_all(self) -> None:
        for letter in await self.tasks(self.dead):
            request = CreateTaskRequest(
                parent=self.plan.name, task=replayed(letter, self.plan.name)
            )
            await self.engine.service.create_task(request, DEVELOPER)
            await self.engine.service.delete_task(DeleteTaskRequest(name=letter.name), DEVELOPER)


@pytest.fixture
async def day(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Day]:
    monkeypatch.syspath_prepend(HANDLERS / "mailer")
    day = Day()
    await day.start()
    yield day
    await day.engine.stop()


async def test_a_day_with_a_bad_address_and_a_mail_server_that_is_down(
    day: Day, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bad address dies at once; an outage of minutes costs retries, and of hours no mail."""
    engine, port = day.engine, str(postbox.port)
    await day.enqueue("ada@example.com")
    await day.enqueue("nobody")
    await engine.advance("1m")
    (bad,) = await day.letters()
    assert (bad.reason, bad.attempts) == ("permanent", 1)
    assert bad.error == "PermanentError: `to` is not a mail address: 'nobody'"
    assert "in compose" in bad.traceback
    assert json.loads(bad.body)["to"] == "nobody"
    assert len(postbox.mails) == 1

    with Postbox() as gone:
        pass
    monkeypatch.setenv("SMTP_PORT", str(gone.port))
    await day.enqueue("bob@example.com")
    await engine.advance("5m")
    monkeypatch.setenv("SMTP_PORT", port)
    await engine.advance("1h")
    assert [each.rcpt_tos for each in postbox.mails][1:] == [["bob@example.com"]]
    assert day.answers.count(503) >= 3

    monkeypatch.setenv("SMTP_PORT", str(gone.port))
    await day.enqueue("eve@example.com")
    await engine.advance("12h")
    assert await day.tasks(day.plan.name) == []
    _, late = await day.letters()
    assert (late.reason, late.attempts, late.status) == ("failed", 8, 503)
    assert late.error.startswith("HTTP status 503: not sent: 127.0.0.1: ")

    monkeypatch.setenv("SMTP_PORT", port)
    await day.replay_all()
    await engine.advance("11h")
    assert [each.rcpt_tos for each in postbox.mails][2:] == [["eve@example.com"]]
    (again,) = await day.letters()
    assert json.loads(again.body)["to"] == "nobody"
    assert await day.tasks(day.plan.name) == []
