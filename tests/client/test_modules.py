"""Typed modules: their types, their form, and that they work."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from queuewright.blueprint import blueprint
from queuewright.client.modules import MODULES, content
from queuewright.client.modules.python import _quoted
from queuewright.client.modules.types import (
    ANY,
    Alias,
    ListType,
    LiteralType,
    MapType,
    NamedType,
    Names,
    Property,
    Record,
    ScalarType,
    UnionType,
    definitions,
)
from queuewright.spec import load
from queuewright_runtime.client import AsyncTasks, EnqueueError, Tasks
from tests.runtime.conftest import engine
from tests.runtime.servers import QUEUE, EngineThread

__all__ = ["engine"]

ROOT = Path(__file__).parents[2]
TEXT, INTEGER = ScalarType("string"), ScalarType("integer")


def written(root: Path, language: str = "python") -> str:
    return MODULES[language](content(blueprint(load("dev", root)), root))  # type: ignore[index]


def kind(schema: dict[str, Any]) -> Any:
    """The type of a payload that is no object."""
    (*_, alias) = definitions(schema, "P", Names(["P"]))
    assert isinstance(alias, Alias)
    return alias.type


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "integer"}, INTEGER),
        ({"type": ["string", "null"]}, UnionType((TEXT, ScalarType("null")))),
        ({"type": "array", "items": {"type": "integer"}}, ListType(INTEGER)),
        ({"type": "array"}, ListType(ANY)),
        ({"type": "array", "prefixItems": [{}], "items": {"type": "integer"}}, ListType(ANY)),
        ({"type": "object"}, MapType(ANY)),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, MapType(INTEGER)),
        ({"enum": ["a", 1, None]}, LiteralType(("a", 1, None))),
        ({"enum": ["a", {"b": 1}]}, ANY),
        ({"const": True}, LiteralType((True,))),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, UnionType((TEXT, INTEGER))),
        ({"oneOf": [{"type": "string"}, {}]}, ANY),
        ({"type": "array", "items": {"$ref": "#"}}, ListType(NamedType("P"))),
        ({"$ref": "#/$defs/none"}, ANY),
        ({}, ANY),
    ],
)
def test_a_schema_has_a_type(schema: dict[str, Any], expected: Any) -> None:
    assert kind(schema) == expected


def test_an_object_is_a_record_and_those_in_it_get_names() -> None:
    schema = {
        "type": "object",
        "description": " Two\n lines. ",
        "required": ["a", "c"],
        "properties": {
            "a": {"type": "integer", "description": "First."},
            "b": {"type": "object", "properties": {"c": {"type": "string"}}},
        },
        "allOf": [{"$ref": "#/$defs/more"}],
        "$defs": {"more": {"type": "object", "properties": {"c": {"type": "string"}}}},
    }
    assert definitions(schema, "P", Names(["P", "PB"])) == [
        Record("PB2", None, (Property("c", TEXT, is_required=False, description=None),)),
        Record(
            "P",
            "Two lines.",
            (
                Property("c", TEXT, is_required=True, description=None),
                Property("a", INTEGER, is_required=True, description="First."),
                Property("b", NamedType("PB2"), is_required=False, description=None),
            ),
        ),
    ]


def test_a_module_is_the_same_each_time_and_formatted(shop: Path) -> None:
    module = shop / "queues.py"
    module.write_text(written(shop))
    assert written(shop) == module.read_text()
    for command in (["format", "--check"], ["check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", "queues.py"]
        done = subprocess.run(ruff, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


USE = """\
from queuewright_runtime.client import AsyncTasks, NewTask
from queues import Emails, EmailsPayload, Numbers, OrderEvents

email: EmailsPayload = {"to": "ada@example.com", "template": "welcome", "cc": ["b@example.com"]}
Emails().enqueue(email, delay="10m")
Emails().enqueue_many([email, NewTask(email, key="a")])
Numbers().enqueue([1, 2])
OrderEvents().enqueue({"any": [1, None]})


async def later(tasks: AsyncTasks) -> str:
    return (await tasks.of(Emails).enqueue(email)).name


Emails().enqueue({"to": 7, "template": "welcome"})
Emails().enqueue({"to": "a", "template": "spam"})
Emails().enqueue({"template": "welcome"})
Numbers().enqueue(["1"])
"""


@pytest.mark.slow
def test_a_type_checker_finds_payloads_that_do_not_fit(shop: Path) -> None:
    """And nothing else, under `mypy --strict`."""
    (shop / "queues.py").write_text(written(shop))
    (shop / "use.py").write_text(USE)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(shop / ".mypy_cache")]
    done = subprocess.run(
        [*mypy, "--no-error-summary", "queues.py", "use.py"],
        capture_output=True,
        text=True,
        check=False,
        env={"MYPYPATH": str(ROOT / "runtime"), "PATH": "/usr/bin:/bin"},
    )
    found = [line.split(": ")[0] for line in done.stdout.splitlines() if ": error: " in line]
    first = USE.splitlines().index('Emails().enqueue({"to": 7, "template": "welcome"})') + 1
    assert found == [f"use.py:{first + number}" for number in range(4)], done.stdout


@pytest.fixture
def module(shop: Path) -> Iterator[ModuleType]:
    (shop / "queues.py").write_text(written(shop))
    spec = importlib.util.spec_from_file_location("queues", shop / "queues.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules["queues"] = found
    spec.loader.exec_module(found)
    yield found
    del sys.modules["queues"]


async def test_its_classes_enqueue_and_check(
    module: ModuleType, engine: EngineThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUEUE_EMAILS", QUEUE)
    payload = {"to": "ada@example.com", "template": "welcome"}
    enqueued = module.Emails().enqueue(payload)
    with pytest.raises(EnqueueError, match="the payload's `to` is shorter than 3"):
        module.Emails(Tasks()).enqueue({**payload, "to": "a"})
    async with AsyncTasks() as tasks:
        await tasks.of(module.Emails).enqueue(payload)
    assert len(engine.tasks()) == 2
    body = next(task.http_request.body for task in engine.tasks() if task.name == enqueued.name)
    assert json.loads(body) == payload


@pytest.mark.parametrize("text", ["plain", "it's", 'a "b"', "\\ \n \x00 é", '"\'"'])
def test_a_text_is_the_same_in_python(text: str) -> None:
    assert eval(_quoted(text)) == text


def test_names_that_the_module_needs_itself_are_not_taken(shop: Path) -> None:
    stack = shop / "stacks" / "dev.yaml"
    text = stack.read_text().replace("order-events:", "queue:")
    stack.write_text(text + "  e-mails: {handler: mailer}\n  E-Mails2: {handler: mailer}\n")
    module = written(shop)
    assert "class Queue2(Queue[Any]):" in module
    assert "class EMails(Queue[Any]):" in module
    assert "class EMails2(Queue[Any]):" in module


def test_a_typescript_module_has_an_interface_and_a_class_per_queue(shop: Path) -> None:
    module = written(shop, "typescript")
    assert 'template: "welcome" | "thumbnail" | ' in module
    assert '  "in-reply-to"?: number;' in module
    assert "export class Emails extends PushQueue<EmailsPayload> {" in module
    assert "export class Reports extends PullQueue<ReportsPayload> {" in module
    stack = shop / "stacks" / "dev.yaml"
    stack.write_text(stack.read_text().partition("  reports:")[0])
    assert "pubsub" not in written(shop, "typescript")
