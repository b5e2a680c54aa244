"""What an environment's history says about attempts: the handler's own lines, and the chain."""

from __future__ import annotations

import asyncio

from queuewright.engine import DEVELOPER
from queuewright.engine.protocol import CreateTaskRequest, HttpRequest, Task
from queuewright.history import RemoteHistory, TaskHistory
from queuewright.local.environment import Environment
from tests.local.conftest import ECHO, Project, Up

JOBS = "projects/acme-dev/locations/europe-west1/queues/jobs"
MAILS = "projects/acme-dev/locations/europe-west1/queues/mails"

# Creates a task over REST, with nothing but the standard library, and prints before and after.
PRODUCER = """
import http.server, json, os, urllib.request

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        queue = self.rfile.read(int(self.headers["Content-Length"])).decode()
        os.write(1, b"before\\n")
        url = f"{os.environ['CLOUD_TASKS_EMULATOR_URL']}/v2/{queue}/tasks"
        task = {"name": f"{queue}/tasks/child",
                "httpRequest": {"url": "https://x.invalid/", "body": "YXMgYSB0YXNr"}}
        urllib.request.urlopen(urllib.request.Request(url, json.dumps({"task": task}).encode()))
        os.write(2, b"after\\n")
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(b"added")

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""

SPEC = """
handlers:
  mailer: {service: {source: handlers/mailer}}
  producer: {service: {source: handlers/producer}}
queues:
  jobs: {handler: producer}
  mails: {handler: mailer, enqueuers: [producer]}
"""


async def add(environment: Environment, queue: str, body: str) -> str:
    http = HttpRequest(url="https://x.invalid/", body=body.encode())
    request = CreateTaskRequest(parent=queue, task=Task(http_request=http))
    return (await environment.engine.service.create_task(request, DEVELOPER)).name


async def ended(environment: Environment, name: str) -> TaskHistory:
    """The history of a task, once the task is gone."""
    while True:
        found = await asyncio.to_thread(environment.history.task, name)
        if found.record is not None and found.record.state != "unfinished":
            return found


async def test_attempts_have_their_handlers_lines_and_the_chain_is_known(
    project: Project, up: Up
) -> None:
    """The handler of a job prints, and creates a mail: the mail's parent is the job."""
    project.service("mailer", ECHO)
    project.service("producer", PRODUCER)
    project.spec(SPEC)
    environment = await up()
    job = await add(environment, JOBS, MAILS)
    parent, child = await ended(environment, job), await ended(environment, f"{MAILS}/tasks/child")
    (attempt,) = parent.attempts
    assert [(line.text, line.certainty) for line in attempt.lines] == [
        ("before", "alone"),
        ("after", "alone"),
    ]
    assert (attempt.body, dict(attempt.headers)["content-type"]) == (b"added", "text/plain")
    assert parent.record is not None
    assert child.record is not None
    assert (child.record.creator, child.record.parent) == ("producer", job)
    assert child.record.parent_number == parent.record.number
    assert [record.name for record in parent.children] == [child.record.name]
    (mail,) = child.attempts
    assert [line.text for line in mail.lines] == ["got / as a task"]


async def test_other_processes_read_the_history_over_grpc(project: Project, up: Up) -> None:
    """A developer's, that is: a handler's own way to Cloud Tasks does not have it."""
    project.service("mailer", ECHO)
    project.service("producer", PRODUCER)
    project.spec(SPEC)
    environment = await up()
    name = await add(environment, MAILS, "hello")
    local = await ended(environment, name)
    remote = RemoteHistory(environment.grpc_address)
    assert await asyncio.to_thread(remote.task, name) == local
    listed = await asyncio.to_thread(remote.tasks, MAILS, ("finished",))
    assert listed == [local.record]
    place = environment.handlers.places["producer"]
    own = RemoteHistory(f"127.0.0.1:{place.tasks.grpc_port}")  # type: ignore[attr-defined]
    assert await asyncio.to_thread(own.task, name) is None


async def test_each_environment_has_its_own_history(project: Project, up: Up) -> None:
    """In its folder, beside its queues and tasks."""
    project.service("mailer", ECHO)
    project.service("producer", PRODUCER)
    project.spec(SPEC)
    environment = await up()
    await ended(environment, await add(environment, MAILS, "hello"))
    assert (project.root / ".queuewright" / "dev" / "history.sqlite").exists()
