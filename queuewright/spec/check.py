"""Turns a merged document into a `Spec`: checks each entry, then rules between them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from queuewright.errors import Location, Problem
from queuewright.spec.closed import Closed
from queuewright.spec.dead_letter_rules import dead_queue_rules
from queuewright.spec.document import Absence, Node, dotted
from queuewright.spec.fields import HANDLER_NAME, QUEUE_ID
from queuewright.spec.handler_model import HandlerSpec
from queuewright.spec.handler_rules import deployment_rules, handler_rules, kinds_of, settings_of
from queuewright.spec.merge import with_defaults, without_nulls
from queuewright.spec.model import SpecFile
from queuewright.spec.pull_model import PullQueueSpec, QueueDefaults
from queuewright.spec.pull_rules import (
    is_pull_queue,
    of_other_kind,
    pull_name_rule,
    pull_queue_rules,
    queue_settings,
)
from queuewright.spec.queue_model import QueueSpec
from queuewright.spec.renaming import renaming_rules
from queuewright.spec.rules import name_rule, queue_rules
from queuewright.spec.validation import validated
from queuewright.spec.values import flow, shown
from queuewright.spec.words import Names

DEFAULTS: Mapping[str, tuple[str, type[Closed]]] = {
    "handlers": ("handler_defaults", HandlerSpec),
    "queues": ("queue_defaults", QueueDefaults),
}
"""Section of entries to the section of their defaults and the model of an entry."""


@dataclass(frozen=True)
class Spec:
    """One environment, from its file and the files that it extends."""

    environment: str
    project: str
    location: str
    prefix: str | None
    labels: Mapping[str, str]
    handlers: Mapping[str, HandlerSpec]
    queues: Mapping[str, QueueSpec]
    """The push queues, by id."""
    pull_queues: Mapping[str, PullQueueSpec]
    """The pull queues, by id; no push queue has the same."""
    document: Node

    def locate(self, *path: str | int) -> Location:
        """The place of the value at `path`, or of its nearest existing ancestor."""
        return self.document.locate(path)


def check(merged: Node, *, environment: str) -> tuple[Spec | None, list[Problem]]:
    """The spec of a document and every problem in it; None if there is a problem."""
    document = without_nulls(_with_all_defaults(merged))
    found = [*_hollow_problems(merged), *_default_problems(document)]
    top = validated(SpecFile, _shell(document), document, (), found)
    handlers = _handlers(document, found)
    queues, pull_queues = _queues(document, handlers, found)
    if found or top is None:
        return None, _at_home(document, found)
    spec = Spec(
        environment,
        top.project,
        top.location,
        top.prefix,
        top.labels,
        handlers,
        queues,
        pull_queues,
        document,
    )
    return spec, []


def _with_all_defaults(merged: Node) -> Node:
    top = dict(merged.value)
    for section, (defaults, _) in DEFAULTS.items():
        node = merged.at((section,))
        if node is None or not isinstance(node.value, dict):
            continue
        entries = {
            name: with_defaults(
                entry,
                (section, name),
                merged.at((defaults,)),
                frozenset((*kinds_of(entry), *settings_of(entry)))
                if section == "handlers"
                else queue_settings(entry),
            )
            for name, entry in node.value.items()
        }
        top[section] = Node(node.place, entries)
    return Node(merged.place, top)


def _hollow_problems(merged: Node) -> Iterator[Problem]:
    """Empty entries in a file that extends no other, where they cannot remove anything."""
    if merged.at(("extends",)) is not None:
        return
    for section in DEFAULTS:
        for name, node in merged.entries(section):
            if node.value is None:
                hint = "write its settings below it, indented; or remove it"
                yield Problem(node.place, dotted((section, name)), "is empty", hint)


def _default_problems(document: Node) -> Iterator[Problem]:
    """The problems in the defaults themselves, even if no entry uses them."""
    for section, model in DEFAULTS.values():
        node = document.at((section,))
        if node is None or not isinstance(node.value, dict):
            continue
        found: list[Problem] = []
        validated(model, node.plain(), document, (section,), found)
        yield from (problem for problem in found if not isinstance(problem, Absence))


def _shell(document: Node) -> object:
    """The document without entries and defaults, which are validated separately."""
    plain = {key: node.plain() for key, node in document.value.items()}
    for section, (defaults, _) in DEFAULTS.items():
        for key in (section, defaults):
            if isinstance(plain.get(key), dict):
                plain[key] = {}
    return plain


def _handlers(document: Node, found: list[Problem]) -> dict[str, HandlerSpec]:
    handlers = {}
    prefix = _prefix(document)
    for name, node in document.entries("handlers"):
        at = ("handlers", name)
        found.extend(name_rule(node, at, HANDLER_NAME, prefix + name))
        handler = validated(HandlerSpec, node.plain(), document, at, found)
        found.extend(handler_rules(node, at, handler))
        if handler is not None:
            handlers[name] = handler
    found.extend(deployment_rules(document, handlers))
    found.extend(renaming_rules(document, "handlers", handlers, prefix))
    return handlers


def _queues(
    document: Node, handlers: Mapping[str, HandlerSpec], found: list[Problem]
) -> tuple[dict[str, QueueSpec], dict[str, PullQueueSpec]]:
    """The push queues and the pull queues."""
    queues: dict[str, QueueSpec] = {}
    pull_queues: dict[str, PullQueueSpec] = {}
    names = [name for name, _ in document.entries("handlers")]
    known = Names(names)
    seen: dict[str, str] = {}
    prefix = _prefix(document)
    examples = {"handler": flow(names[0])} if names and names[0].isprintable() else {}
    for name, node in document.entries("queues"):
        at = ("queues", name)
        found.extend(name_rule(node, at, QUEUE_ID, prefix + name))
        if (other := seen.setdefault(name.lower(), name)) != name:
            message = f"differs from {shown(other)} only in case"
            hint = "choose another name: both would be the same variable in a handler"
            found.append(Problem(node.place, dotted(at), message, hint))
        entry, foreign = of_other_kind(node, at)
        found.extend(foreign)
        if is_pull_queue(entry):
            found.extend(pull_name_rule(entry, at, prefix + name))
            pulled = validated(PullQueueSpec, entry.plain(), document, at, found)
            found.extend(pull_queue_rules(entry, at, pulled, known, handlers, prefix))
            if pulled is not None:
                pull_queues[name] = pulled
            continue
        queue = validated(QueueSpec, entry.plain(), document, at, found, examples)
        found.extend(queue_rules(entry, at, queue, known, handlers))
        if queue is not None:
            queues[name] = queue
    found.extend(dead_queue_rules(document, queues, prefix))
    found.extend(renaming_rules(document, "queues", {**queues, **pull_queues}, prefix))
    return queues, pull_queues


def _prefix(document: Node) -> str:
    node = document.at(("prefix",))
    return f"{node.value}-" if node is not None and isinstance(node.value, str) else ""


def _at_home(document: Node, found: list[Problem]) -> list[Problem]:
    """The problems, with those in the defaults under their own path instead of each entry's."""
    written: dict[tuple[str, Location | None], str] = {
        (section, node.place): dotted(path)
        for section, (defaults, _) in DEFAULTS.items()
        if (top := document.at((defaults,))) is not None
        for path, node in top.walk((defaults,))
        if node is not top
    }
    return [
        replace(problem, path=written.get((section, problem.location), problem.path))
        for problem in found
        for section in [problem.path.partition(".")[0]]
    ]
