"""The typed module for Node: it compiles, finds mistakes, and creates tasks in a real engine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from queuewright.blueprint import blueprint
from queuewright.client.modules import MODULES, content
from queuewright.client.modules.content import Content
from queuewright.spec import load
from queuewright_runtime.client import task_id
from tests.client.conftest import STACK
from tests.clients.test_clients import node_folder, tool
from tests.runtime.conftest import engine
from tests.runtime.servers import QUEUE, EngineThread

__all__ = ["engine"]

pytestmark = pytest.mark.slow
SCHEMAS = Path(__file__).parents[1] / "client" / "schemas"
USE = """\
import { Emails, OrderEvents } from "./queues.js";

const emails = new Emails();
const payload = { to: "ada@example.com", template: "welcome" } as const;
const seen = [
  await emails.enqueue(payload, { key: "order-17", delaySeconds: 90.5, path: "/send" }),
  await emails.enqueue(payload, { key: "order-17" }),
  await new OrderEvents().enqueue({ any: [1, null] }, { headers: { "X-Tenant": "acme" } }),
];
const refused = await emails.enqueue(payload, { delaySeconds: 31 * 86400 }).catch(String);
console.log(JSON.stringify([...seen, refused]));
process.exit(0);
"""
WRONG = """\
import { Emails } from "./queues.js";
const emails = new Emails();
await emails.enqueue({ to: 7, template: "welcome" });
await emails.enqueue({ to: "a", template: "spam" });
await emails.enqueue({ template: "welcome" });
"""
OPTIONS = [
    "--strict",
    "--module",
    "nodenext",
    "--target",
    "es2022",
    "--skipLibCheck",
    "--types",
    "node",
]


@pytest.fixture(scope="module")
def folder() -> Path:
    tool("node")
    return node_folder()


@pytest.fixture
def module(tmp_path: Path, folder: Path) -> Path:
    """A folder with the module, inside of the one with Google's clients."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(STACK)
    shutil.copytree(SCHEMAS, tmp_path / "schemas")
    made: Content = content(blueprint(load("dev", tmp_path)), tmp_path)
    where = folder / "typed"
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir()
    (where / "queues.ts").write_text(MODULES["typescript"](made))
    return where


def compiled(folder: Path, file: str, text: str) -> subprocess.CompletedProcess[str]:
    (folder / file).write_text(text)
    tsc = folder.parent / "node_modules" / ".bin" / "tsc"
    return subprocess.run(
        [str(tsc), *OPTIONS, file], cwd=folder, capture_output=True, text=True, check=False
    )


def test_it_compiles_and_enqueues(module: Path, engine: EngineThread) -> None:
    done = compiled(module, "use.ts", USE)
    assert done.returncode == 0, done.stdout
    variables = {
        "PATH": os.environ["PATH"],
        "NODE_NO_WARNINGS": "1",
        "CLOUD_TASKS_EMULATOR_URL": engine.url,
        "QUEUE_EMAILS": QUEUE,
        "DEADLINE_EMAILS": "900s",
        "QUEUE_ORDER_EVENTS": QUEUE,
    }
    run = subprocess.run(
        ["node", "use.js"], cwd=module, env=variables, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    first, again, other, refused = json.loads(run.stdout)
    assert first == {"name": f"{QUEUE}/tasks/{task_id('order-17')}", "existed": False}
    assert again == {**first, "existed": True}
    assert "30 days" in refused
    tasks = {task.name: task for task in engine.tasks()}
    assert tasks.keys() == {first["name"], other["name"]}
    email, event = tasks[first["name"]], tasks[other["name"]]
    assert json.loads(email.http_request.body) == {"to": "ada@example.com", "template": "welcome"}
    assert email.http_request.url == "https://queue.invalid/send"
    assert email.dispatch_deadline.seconds == 900
    assert email.schedule_time.ToMicroseconds() > email.create_time.ToMicroseconds()
    assert event.http_request.headers["X-Tenant"] == "acme"


def test_the_compiler_finds_payloads_that_do_not_fit(module: Path) -> None:
    done = compiled(module, "wrong.ts", WRONG)
    errors = [line for line in done.stdout.splitlines() if ": error TS" in line]
    assert [line.partition("(")[2].partition(",")[0] for line in errors] == ["3", "4", "5"]
