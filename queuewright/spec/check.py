"""A merged document to a `Spec`: each entry validated, then what they say of each other. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from queuewright.errors import Location, Problem
from queuewright.spec.document import Node, Path, dotted
from queuewright.spec.merge import with_defaults
from queuewright.spec.model import (
    HANDLER_NAME,
    QUEUE_ID,
    Closed,
    HandlerSpec,
    QueueSpec,
    SpecFile,
)
from queuewright.spec.rules import handler_rules, queue_rules, settings_of
from queuewright.spec.words import did_you_mean, problems

_Model = TypeVar("_Model", bound=Closed)


@dataclass(frozen=True)
class Spec:
    """One environment, as its file and what that extends describe it."""

    environment: str
    project: str
    location: str
    prefix: str | None
    labels: Mapping[str, str]
    handlers: Mapping[str, HandlerSpec]
    queues: Mapping[str, QueueSpec]
    document: Node

    def locate(self, *path: str | int) -> Location:
        """The place where the value at `path`, or its nearest ancestor, was written."""
        return self.document.locate(path)


def check(document: Node, *, environment: str) -> tuple[Spec | None, list[Problem]]:
    """The spec that `document` describes, and every problem in it; no spec if there is one."""
    found: list[Problem] = []
    document = _with_all_defaults(document)
    top = _validated(SpecFile, _shell(document), document, (), found)
    handlers = _handlers(document, found)
    queues = _queues(document, handlers, found)
    for section in ("handler_defaults", "queue_defaults"):
        found.extend(_unknown_defaults(document, section))
    if found or top is None:
        return None, found
    spec = Spec(
        environment, top.project, top.location, top.prefix, top.labels, handlers, queues, document
    )
    return spec, []


def _with_all_defaults(document: Node) -> Node:
    top = dict(document.value)
    for section, defaults in (("handlers", "handler_defaults"), ("queues", "queue_defaults")):
        node = document.at((section,))
        if node is None or not isinstance(node.value, dict):
            continue
        entries = {}
        for name, entry in node.value.items():
            allowed = None
            if section == "handlers":
                allowed = settings_of(entry)
            is_map = isinstance(entry.value, dict)
            entries[name] = (
                with_defaults(entry, document.at((defaults,)), allowed) if is_map else entry
            )
        top[section] = Node(node.place, entries)
    return Node(document.place, top)


def _shell(document: Node) -> object:
    """The document without its entries, which are validated one by one."""
    plain = {key: node.plain() for key, node in document.value.items()}
    for section in ("handlers", "queues"):
        if isinstance(plain.get(section), dict):
            plain[section] = {}
    return plain


def _validated(
    model: type[_Model], plain: object, document: Node, at: Path, found: list[Problem]
) -> _Model | None:
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        found.extend(problems(error, model, document, at))
        return None


def _handlers(document: Node, found: list[Problem]) -> dict[str, HandlerSpec]:
    handlers = {}
    prefix = _prefix(document)
    for name, node in document.entries("handlers"):
        at = ("handlers", name)
        if not re.fullmatch(HANDLER_NAME, prefix + name):
            hint = "up to 49 of a-z, 0-9 and -, a letter first and no - last, the prefix included"
            found.append(Problem(node.place, dotted(at), "not a name for a handler", hint))
        handler = _validated(HandlerSpec, node.plain(), document, at, found)
        found.extend(handler_rules(node, at, handler))
        if handler is not None:
            handlers[name] = handler
    return handlers


def _queues(
    document: Node, handlers: Mapping[str, HandlerSpec], found: list[Problem]
) -> dict[str, QueueSpec]:
    queues: dict[str, QueueSpec] = {}
    names = [name for name, _ in document.entries("handlers")]
    seen: dict[str, str] = {}
    prefix = _prefix(document)
    for name, node in document.entries("queues"):
        at = ("queues", name)
        if not re.fullmatch(QUEUE_ID, prefix + name):
            hint = "Cloud Tasks allows 1 to 100 of A-Z, a-z, 0-9 and -, the prefix included"
            found.append(Problem(node.place, dotted(at), "not a queue's id", hint))
        if (other := seen.setdefault(name.lower(), name)) != name:
            message = f"differs from `{other}` in capitals only"
            hint = "both would be the same variable in a handler; choose another name"
            found.append(Problem(node.place, dotted(at), message, hint))
        queue = _validated(QueueSpec, node.plain(), document, at, found)
        found.extend(queue_rules(node, at, queue, names, handlers))
        if queue is not None:
            queues[name] = queue
    return queues


def _prefix(document: Node) -> str:
    node = document.at(("prefix",))
    return f"{node.value}-" if node is not None and isinstance(node.value, str) else ""


def _unknown_defaults(document: Node, section: str) -> list[Problem]:
    """Keys that no entry could have; the others are checked where they land."""
    model: type[Closed] = HandlerSpec if section == "handler_defaults" else QueueSpec
    return [
        Problem(
            node.place, dotted((section, key)), "unknown key", did_you_mean(key, model.model_fields)
        )
        for key, node in document.entries(section)
        if key not in model.model_fields
    ]
