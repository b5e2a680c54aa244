"""Reads and checks the file of `queuewright emulator --config`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from queuewright.errors import Problem, SpecError
from queuewright.spec.document import Node, dotted, read
from queuewright.spec.emulator_model import EmulatedQueue, EmulatorFile, EmulatorSettings
from queuewright.spec.fields import QUEUE_ID, QUEUE_NAME
from queuewright.spec.files import text_of
from queuewright.spec.merge import without_nulls
from queuewright.spec.rules import backoff_rules
from queuewright.spec.validation import validated
from queuewright.spec.values import shown

SCOPE = {"project": "acme-dev", "location": "europe-west1"}
"""The keys that turn a queue's id into a full name, each with an example."""


@dataclass(frozen=True)
class EmulatorSpec:
    """The settings and queues of an emulator."""

    settings: EmulatorSettings = field(default_factory=EmulatorSettings)
    queues: Mapping[str, EmulatedQueue] = field(default_factory=dict)
    """By full name, `projects/P/locations/L/queues/Q`."""


def load_emulator(file: Path) -> EmulatorSpec:
    """Read an emulator's file.

    Raises:
        SpecError: the file has problems; it has all of them, each with its place.
    """
    return parse_emulator(text_of(file, str(file), may_be_pipe=True), file=str(file))


def parse_emulator(text: str, *, file: str = "emulator.yaml") -> EmulatorSpec:
    """Like `load_emulator`, but from a text.

    Raises:
        SpecError: the text has problems; it has all of them.
    """
    written, found = read(text, file)
    document = without_nulls(_with_bare_queues(written))
    plain = {key: node.plain() for key, node in document.value.items()}
    if isinstance(plain.get("queues"), dict):
        plain["queues"] = {}
    top = validated(EmulatorFile, plain, document, (), found)
    queues = dict(_queues(document, found))
    if found or top is None:
        raise SpecError(dict.fromkeys(found))
    return EmulatorSpec(top.settings, queues)


def _with_bare_queues(written: Node) -> Node:
    """The document, in which an empty queue has all defaults."""
    queues = written.at(("queues",))
    if queues is None or not isinstance(queues.value, dict):
        return written
    entries = {
        name: Node(node.place, {}) if node.value is None else node
        for name, node in queues.value.items()
    }
    return Node(written.place, {**written.value, "queues": Node(queues.place, entries)})


def _queues(document: Node, found: list[Problem]) -> Iterator[tuple[str, EmulatedQueue]]:
    seen: dict[str, str] = {}
    for key, node in document.entries("queues"):
        at = ("queues", key)
        name, problem = _full_name(key, document)
        if problem is not None:
            found.append(Problem(node.place, dotted(at), *problem))
        elif (other := seen.setdefault(name, key)) != key:
            message = f"is the same queue as {shown(other)}"
            found.append(Problem(node.place, dotted(at), message, "keep one of them"))
        queue = validated(EmulatedQueue, node.plain(), document, at, found)
        found.extend(backoff_rules(node, at))
        found.extend(_target_rules(node, at))
        found.extend(_pull_rules(node, at))
        if queue is not None:
            yield name, queue


def _full_name(key: str, document: Node) -> tuple[str, tuple[str, str] | None]:
    """A queue's full name, and the message and hint if the key is wrong."""
    if re.fullmatch(QUEUE_NAME, key):
        return key, None
    if not re.fullmatch(QUEUE_ID, key):
        hint = (
            "give the id, 1 to 100 of A-Z, a-z, 0-9 and -, "
            "or the full name: `projects/P/locations/L/queues/Q`"
        )
        return key, ("neither a queue id nor a full name", hint)
    scope = {name: document.at((name,)) for name in SCOPE}
    missing = [name for name, node in scope.items() if node is None]
    if missing:
        hint = "give the full name, `projects/P/locations/L/queues/Q`, or add " + " and ".join(
            f"`{name}: {SCOPE[name]}`" for name in missing
        )
        return key, (f"an id needs {' and '.join(f'`{name}`' for name in missing)}", hint)
    project, location = (node.value for node in scope.values() if node is not None)
    return f"projects/{project}/locations/{location}/queues/{key}", None


def _pull_rules(node: Node, at: tuple[str, str]) -> Iterator[Problem]:
    """The problems of a pull queue that sets what only push queues have."""
    pull, retry = node.at(("pull",)), node.at(("retry_config",))
    if pull is None or pull.value is not True:
        return
    paths: list[tuple[str, ...]] = [("url",), ("http_target",), ("rate_limits",)]
    if retry is not None and isinstance(retry.value, dict):
        paths += [("retry_config", key) for key in retry.value if key != "max_attempts"]
    for path in paths:
        if (wrong := node.at(path)) is not None:
            hint = "remove it: workers lease the tasks, and nothing is sent"
            yield Problem(wrong.place, dotted((*at, *path)), "has no effect in a pull queue", hint)


def _target_rules(node: Node, at: tuple[str, str]) -> Iterator[Problem]:
    """The problems of a queue that sets its target or its token twice."""
    url, target = node.at(("url",)), node.at(("http_target",))
    if url is not None and target is not None:
        hint = "keep one: `url` is short for an `http_target` with a `uri_override`"
        yield Problem(target.place, dotted(at), "has both `url` and `http_target`", hint)
    tokens = [node.at(("http_target", key)) for key in ("oidc_token", "oauth_token")]
    if tokens[0] is not None and tokens[1] is not None:
        path = dotted((*at, "http_target"))
        message, hint = "has both `oidc_token` and `oauth_token`", "keep one of them"
        yield Problem(tokens[1].place, path, message, hint)
