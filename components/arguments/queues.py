"""Checks the arguments of a queue."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from queuewright.blueprint import AppEngineRoute, UrlRoute
from queuewright.errors import Problem
from queuewright.spec import HandlerSpec, QueueSpec
from queuewright.spec.fields import QUEUE_ID
from queuewright.spec.handler_rules import handler_rules
from queuewright.spec.rules import name_rule, queue_rules
from queuewright.spec.validation import validated
from queuewright.spec.values import shown
from queuewright.spec.words import Names

from ..mistakes import Mistakes, described
from .place import check_place

TARGET = "target"


def queue_arguments(
    name: str,
    queue_id: str,
    *,
    project: str,
    location: str,
    target: object,
    is_handler: bool,
    enqueuers: Sequence[object],
    settings: Mapping[str, Any],
) -> QueueSpec:
    """The checked settings of a queue.

    Args:
        name: the component's logical name.
        queue_id: the queue's id on Google Cloud.
        project: the id of the project.
        location: the region.
        target: the target of its tasks.
        is_handler: whether the target is a handler.
        enqueuers: handlers and IAM members.
        settings: the other settings, named as in the YAML; None for a default.

    Raises:
        SpecError: with every mistake.
    """
    mistakes = Mistakes(name)
    check_place(mistakes, project, location, None)
    if not is_handler and not isinstance(target, UrlRoute | AppEngineRoute):
        message = f"expected a handler or a route, found {described(target)}"
        hint = "give a `FunctionHandler`, a `ServiceHandler`, or `UrlRoute.of('https://…')`"
        mistakes.add(TARGET, message, hint)
    members = [each for each in enqueuers if isinstance(each, str)]
    strange = [each for each in members if not re.search(r"[:@]|^all(Authenticated)?Users$", each)]
    for each in strange:
        hint = "give the handler itself, or a member such as `serviceAccount:…`"
        mistakes.add("enqueuers", f"{shown(each)} is not an IAM member", hint)
    given = {key: value for key, value in settings.items() if value is not None}
    given["enqueuers"] = [each for each in members if each not in strange]
    root, at = mistakes.document({**given, "handler": TARGET, TARGET: _in_yaml(target)})
    node, found = root.value[name], list[Problem]()
    aim = node.value.pop(TARGET)
    handler = validated(HandlerSpec, aim.plain(), root, (*at, TARGET), found)
    found += handler_rules(aim, (*at, TARGET), handler)
    found += name_rule(node, at, QUEUE_ID, queue_id)
    queue = validated(QueueSpec, node.plain(), root, at, found)
    found += queue_rules(node, at, queue, Names([TARGET]), {TARGET: handler} if handler else {})
    return mistakes.unless(queue, found)


def _in_yaml(target: object) -> Mapping[str, object]:
    """The target of a queue, as a handler in the YAML."""
    if isinstance(target, AppEngineRoute):
        return {"app_engine": {}}
    if isinstance(target, UrlRoute):
        port = f":{target.port}" if target.port is not None else ""
        query = f"?{target.query}" if target.query else ""
        host = f"{target.scheme.lower()}://{target.host}{port}" if target.host else ""
        url = f"{host}{target.path or ''}{query}"
        return {"url": url, "audience": target.audience, "headers": dict(target.headers)}
    return {"url": "https://handler.example"}
