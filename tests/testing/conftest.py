"""A small project with handlers of every kind that can run in a test's process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from queuewright.testing import InProcessEnvironment

STACK = """
project: acme-dev
location: europe-west1
queue_defaults: {protect: false}
handlers:
  mailer:
    function: {source: handlers/mailer, entry_point: handle, runtime: python312}
    env: {GREETING: hello}
    secrets: {PASSWORD: mail-password}
  pictures:
    service: {source: handlers/pictures}
  api:
    service: {source: handlers/api, runtime: python312, command: [uvicorn, "main:app"]}
    timeout: 30s
  ledger:
    app_engine: {service: ledger, source: handlers/ledger, runtime: python312}
  script:
    service: {source: handlers/script, runtime: python312, command: [python, main.py]}
  node:
    function: {source: handlers/node, entry_point: handle, runtime: nodejs22}
  image:
    service: {image: europe-west1-docker.pkg.dev/acme-dev/released/image:1}
  partner:
    url: https://partner.example/hooks
  drawer:
    worker: {source: handlers/drawer}
queues:
  emails:
    handler: mailer
    path: /send
    retry_config: {max_attempts: 5, min_backoff: 10s, max_backoff: 40s}
    enqueuers: [pictures]
  pictures: {handler: pictures, retry_config: {max_attempts: 3, min_backoff: 1s}}
  calls: {handler: api, retry_config: {max_attempts: 3, min_backoff: 1s}}
  books: {handler: ledger}
  scripts: {handler: script}
  nodes: {handler: node}
  images: {handler: image}
  hooks: {handler: partner, path: /orders}
  charts: {pull: {lease: 60s}, worker: drawer}
"""
FILES = {
    "mailer/main.py": """
import json
import os

import flask
import texts

DONE = []


def handle(request: flask.Request):
    task = request.get_json()
    if task.get("boom"):
        raise ValueError("boom")
    DONE.append(task)
    shown = {"path": request.path, "done": len(DONE), "texts": texts.NAME, "folder": os.getcwd()}
    return json.dumps({**shown, "variables": dict(os.environ)}), task.get("status", 200)
""",
    "mailer/texts.py": 'NAME = "the mailer\'s"\n',
    "pictures/Dockerfile": (
        "FROM python:3.12-slim\nWORKDIR /app\nCOPY . .\nENV SIZE=320\n"
        "CMD exec gunicorn --bind :$PORT --workers 1 main:app\n"
    ),
    "pictures/main.py": """
import json
import os

import flask
import texts
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
import grpc

app = flask.Flask(__name__)


@app.post("/")
def make():
    queue = flask.request.args.get("queue") or os.environ["QUEUE_EMAILS"]
    channel = grpc.insecure_channel(os.environ["CLOUD_TASKS_EMULATOR_HOST"])
    client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
    body = json.dumps({"from": texts.NAME, "size": os.environ["SIZE"]}).encode()
    request = tasks_v2.HttpRequest(url="https://queue.invalid/", body=body,
                                   headers={"Content-Type": "application/json"})
    client.create_task(parent=queue, task=tasks_v2.Task(http_request=request))
    channel.close()
    return "ok"
""",
    "pictures/texts.py": 'NAME = "the pictures\'"\n',
    "api/main.py": """
started = []


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            started.append(message["type"])
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = (await receive())["body"]
    if body == b"boom":
        raise ValueError("boom")
    text = f"{started} {scope['path']} {body.decode()}"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": text.encode()})
""",
    "ledger/main.py": """
import flask

app = flask.Flask(__name__)


@app.post("/<path:rest>")
def book(rest):
    return f"{rest} {flask.request.headers['X-AppEngine-QueueName']}"
""",
    "ledger/requirements.txt": "flask\n",
    "script/main.py": """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"plain"]


def double(number):
    return 2 * number


if __name__ == "__main__":
    raise SystemExit("this would serve")
""",
    "node/index.js": "",
    "drawer/Dockerfile": 'FROM python:3.12-slim\nWORKDIR /app\nCOPY . .\nCMD ["python", "w.py"]\n',
    "drawer/w.py": """
drawn = []


def draw(task):
    drawn.append(task.json())
""",
}


def project(folder: Path, stack: str = STACK, files: dict[str, str] = FILES) -> Path:
    """A project with one environment, `dev`."""
    (folder / "stacks").mkdir(parents=True)
    (folder / "stacks" / "dev.yaml").write_text(stack, encoding="utf-8")
    for name, text in files.items():
        file = folder / "handlers" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.lstrip("\n"), encoding="utf-8")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return project(tmp_path / "project")


@pytest.fixture
def start() -> Iterator[Callable[[Path], InProcessEnvironment]]:
    """Starts environments, which are stopped at the end."""
    with ExitStack() as stack:
        yield lambda root: stack.enter_context(InProcessEnvironment.started("dev", root))


@pytest.fixture
def env(start: Callable[[Path], InProcessEnvironment], root: Path) -> InProcessEnvironment:
    return start(root)
