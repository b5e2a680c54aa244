"""Delayed tasks of a pull queue: a push queue keeps them until they are due, and publishes them."""

from __future__ import annotations

import base64
import json
import re
from datetime import timedelta

from queuewright.engine import DEVELOPER, ManualClock
from queuewright.engine.protocol import (
    CreateTaskRequest,
    GetQueueRequest,
    HttpRequest,
    ListTasksRequest,
    Task,
)
from queuewright.local.environment import Environment
from tests.local.conftest import Output, Project, Up, until
from tests.local.test_environment import add as add_task
from tests.local.test_workers import SPEC, worker

DELAYS = "projects/acme-dev/locations/europe-west1/queues/reports-delays"
DELAYED = SPEC.replace("pull: {", "pull: {delays: true, ")
# A handler that, for each of its own tasks, adds one to the queue that keeps delays.
PRODUCER = """
import json, os, urllib.error, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        task = {"task": {"httpRequest": {"url": "https://anywhere.invalid"}}}
        url = os.environ["CLOUD_TASKS_EMULATOR_URL"] + "/v2/DELAYS/tasks"
        typed = {"Content-Type": "application/json"}
        try:
            urllib.request.urlopen(urllib.request.Request(url, json.dumps(task).encode(), typed))
            print("accepted", flush=True)
        except urllib.error.HTTPError as error:
            print("refused", " ".join(error.read().decode().split()), flush=True)
        self.send_response(200)
        self.end_headers()

print("delays", os.environ.get("QUEUE_REPORTS_DELAYS"), flush=True)
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
""".replace("DELAYS/", f"{DELAYS}/")


async def add_later(environment: Environment, text: str, delay: timedelta) -> None:
    """Add a task to the queue that keeps delays, as `enqueue --delay` does."""
    message = {"data": base64.b64encode(text.encode()).decode(), "attributes": {"A": "b"}}
    body = json.dumps({"messages": [message]}).encode()
    task = Task(http_request=HttpRequest(url="https://anywhere.invalid/own", body=body))
    due_us = environment.engine.clock.now_us() + delay // timedelta(microseconds=1)
    task.schedule_time.FromMicroseconds(due_us)
    await environment.engine.service.create_task(
        CreateTaskRequest(parent=DELAYS, task=task), DEVELOPER
    )


async def waiting(environment: Environment) -> int:
    """How many tasks the queue keeps."""
    request = ListTasksRequest(parent=DELAYS)
    return len((await environment.engine.service.list_tasks(request, DEVELOPER)).tasks)


async def test_a_delayed_task_reaches_the_worker_when_it_is_due(
    project: Project, up: Up, output: Output
) -> None:
    """Not before; the console says each step, and the queue is empty afterwards."""
    worker(project, spec=DELAYED)
    environment = await up(clock=ManualClock())
    await add_later(environment, "hello", timedelta(minutes=10))
    await environment.engine.advance(timedelta(minutes=9, seconds=59))
    assert await waiting(environment) == 1
    assert "queue reports │" not in output.getvalue()
    await environment.engine.advance(timedelta(seconds=1))
    await output.line_with("reporter             │ did hello")
    while await waiting(environment):
        await environment.engine.advance(timedelta(milliseconds=10))


async def test_a_delayed_task_outlives_a_restart(project: Project, up: Up, output: Output) -> None:
    """The port it is published at is another one then."""
    worker(project, spec=DELAYED)
    clock = ManualClock()
    environment = await up(clock=clock)
    await add_later(environment, "hello", timedelta(hours=1))
    await up.stop(environment)
    environment = await up(clock=clock)
    await environment.engine.advance(timedelta(hours=1))
    await output.line_with("did hello")


async def test_only_an_enqueuer_may_add_delayed_tasks(
    project: Project, up: Up, output: Output
) -> None:
    """It finds the queue in its variables; a refusal names the line that would allow it."""
    worker(project, spec=DELAYED)
    project.service("web", PRODUCER)
    project.service("shop", PRODUCER)
    services = "".join(
        f"  {name}: {{service: {{source: handlers/{name}}}}}\n" for name in ("web", "shop")
    )
    spec = DELAYED.replace("handlers:\n", f"handlers:\n{services}")
    spec = spec.replace("worker: reporter}", "worker: reporter, enqueuers: [web]}")
    project.spec(f"{spec}  webs: {{handler: web}}\n  shops: {{handler: shop}}\n")
    environment = await up()
    printed = output.getvalue()
    assert re.search(rf" web +│ delays {DELAYS}\n", printed)
    assert re.search(r" shop +│ delays None\n", printed)
    for name in ("webs", "shops"):
        await add_task(environment, "", DELAYS.replace("reports-delays", name))
    await until(lambda: {"│ accepted", "│ refused"} <= set(re.findall(r"│ \w+", output.getvalue())))
    printed = output.getvalue()
    assert re.search(r" web +│ accepted\n", printed)
    allowed = "`shop` may add delayed tasks to `reports` with `enqueuers: [shop]`"
    assert re.search(rf" shop +│ refused .*{re.escape(allowed)}", printed)


async def test_delays_come_and_go_with_the_file(project: Project, up: Up, output: Output) -> None:
    """Without them the queue is paused and keeps its tasks."""
    worker(project)
    environment = await up(clock=ManualClock())
    project.spec(DELAYED)
    await output.line_with("up to date")
    request = GetQueueRequest(name=DELAYS)
    queue = await environment.engine.service.get_queue(request, DEVELOPER)
    assert queue.http_target.oauth_token.service_account_email == (
        "reports-delays@acme-dev.iam.gserviceaccount.com"
    )
    project.spec(SPEC)
    await output.line_with(f"queue `{DELAYS}` is no longer described: it is paused")


async def test_a_task_that_cannot_be_published_is_kept_and_said(
    project: Project, up: Up, output: Output
) -> None:
    """It is tried again, as the queue's retries say."""
    worker(project, spec=DELAYED)
    environment = await up(clock=ManualClock())
    task = Task(http_request=HttpRequest(url="https://anywhere.invalid", body=b"not JSON"))
    await environment.engine.service.create_task(
        CreateTaskRequest(parent=DELAYS, task=task), DEVELOPER
    )
    await environment.engine.advance(timedelta(seconds=0))
    await output.line_with("a delayed task was not published: the body is no PublishRequest")
    assert await waiting(environment) == 1
