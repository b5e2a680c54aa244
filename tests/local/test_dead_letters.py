"""Handlers that are killed, that hang and that fail: each ends among the dead letters, once."""

from __future__ import annotations

import pytest

from queuewright.engine import DEVELOPER, ManualClock
from queuewright.engine.protocol import (
    CreateTaskRequest,
    GetIamPolicyRequest,
    HttpRequest,
    ListTasksRequest,
    Task,
)
from queuewright.local.environment import Environment
from tests.local.conftest import Output, Project, Up

pytestmark = pytest.mark.slow

QUEUES = "projects/acme-dev/locations/europe-west1/queues"
SPEC = """
handlers:
  mailer:
    function: {source: handlers/mailer, entry_point: handle, runtime: python312}
    timeout: 15s
    concurrency: 4
    cpu: 1
queues:
  emails:
    handler: mailer
    path: /send
    retry_config: {max_attempts: 2, min_backoff: 10s, max_backoff: 10s}
    dead_letters: true
"""
FUNCTION = """
import os, signal, time
from queuewright_runtime import PermanentError, current_task

def handle(request):
    task = current_task()
    what = request.get_data(as_text=True)
    print(f"{what} {task.attempt} of {task.max_attempts}", flush=True)
    if what == "dies" and task.is_last_attempt:
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "hangs" and task.is_last_attempt:
        time.sleep(3600)
    if what == "hopeless":
        raise PermanentError("no such address")
    if what == "raises":
        raise ValueError("boom")
    if what == "recovers" and task.attempt == 2:
        return "done"
    return "failed", 500
"""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def environment(project: Project, up: Up, clock: ManualClock) -> Environment:
    project.spec(SPEC)
    project.write("handlers/mailer/main.py", FUNCTION)
    return await up(clock=clock)


async def add(environment: Environment, body: str) -> None:
    request = HttpRequest(
        url="https://anywhere.invalid/own?x=1", body=body.encode(), headers={"X-Own": "1"}
    )
    call = CreateTaskRequest(
        parent=f"{QUEUES}/emails",
        task=Task(name=f"{QUEUES}/emails/tasks/{body}", http_request=request),
    )
    await environment.engine.service.create_task(call, DEVELOPER)


async def tasks(environment: Environment, queue: str) -> list[Task]:
    request = ListTasksRequest(parent=f"{QUEUES}/{queue}", response_view=2)  # FULL
    return list((await environment.engine.service.list_tasks(request, DEVELOPER)).tasks)


async def buried(environment: Environment, body: str) -> dict[str, str]:
    """Let a task die; return what happened, by the names after our prefix."""
    await add(environment, body)
    await environment.engine.drain()
    assert await tasks(environment, "emails") == []
    (letter,) = await tasks(environment, "emails-dead")
    request = letter.http_request
    assert (request.body, request.http_method) == (body.encode(), 1)
    assert request.url.endswith("/send?x=1")
    assert request.headers["X-Own"] == "1"
    assert "Authorization" not in request.headers
    prefix = "X-Queuewright-"
    return {
        name.removeprefix(prefix): value
        for name, value in request.headers.items()
        if name.startswith(prefix)
    }


async def test_a_handler_that_is_killed_in_its_last_attempt(
    environment: Environment, output: Output
) -> None:
    """The next attempt buries the task and runs none of the handler's code."""
    story = await buried(environment, "dies")
    assert (story["Reason"], story["Attempts"], story["Task"]) == ("unanswered", "2", "dies")
    assert "its process died" in story["Error"]
    assert "dies 2 of 2" in output.getvalue()
    assert "dies 3" not in output.getvalue()


async def test_a_handler_that_hangs_in_its_last_attempt(
    environment: Environment, output: Output
) -> None:
    """Past the deadline; it is still running when the task is buried."""
    story = await buried(environment, "hangs")
    assert (story["Reason"], story["Attempts"]) == ("unanswered", "2")
    assert "it took too long" in story["Error"]
    assert "hangs 3" not in output.getvalue()


async def test_a_handler_that_answers_500(environment: Environment, output: Output) -> None:
    """Its last attempt buries the task itself."""
    story = await buried(environment, "fails")
    assert (story["Reason"], story["Attempts"], story["Status"]) == ("failed", "2", "500")
    assert story["Error"] == "HTTP status 500: failed"
    assert "attempt 1 of 2; again in" in output.getvalue()


async def test_a_handler_that_raises(environment: Environment) -> None:
    """The traceback comes with it."""
    story = await buried(environment, "raises")
    assert story["Error"] == "ValueError: boom"
    assert "main.py" in story["Traceback"]


async def test_a_task_that_can_never_succeed(environment: Environment, output: Output) -> None:
    """Becomes a dead letter in its first attempt."""
    story = await buried(environment, "hopeless")
    assert (story["Reason"], story["Attempts"]) == ("permanent", "1")
    assert "hopeless 2" not in output.getvalue()


async def test_a_task_that_recovers_is_done(environment: Environment) -> None:
    """And leaves no letter."""
    await add(environment, "recovers")
    await environment.engine.drain()
    assert await tasks(environment, "emails") == []
    assert await tasks(environment, "emails-dead") == []


async def test_nobody_else_may_add_dead_letters(environment: Environment) -> None:
    """The handler has that right, and no other on this queue."""
    policy = await environment.engine.service.get_iam_policy(
        GetIamPolicyRequest(resource=f"{QUEUES}/emails-dead"), DEVELOPER
    )
    member = "serviceAccount:mailer-handler@acme-dev.iam.gserviceaccount.com"
    assert [(each.role, list(each.members)) for each in policy.bindings] == [
        ("roles/cloudtasks.enqueuer", [member])
    ]
