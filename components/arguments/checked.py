"""The arguments of a component, held to the rules of the YAML.

A program that says what no file may say is refused in the same words, before anything is asked of
Pulumi, and with every mistake of the component at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from queuewright.blueprint import AppEngineRoute, UrlRoute
from queuewright.errors import Problem
from queuewright.spec import HandlerSpec, QueueSpec
from queuewright.spec.fields import HANDLER_NAME, QUEUE_ID
from queuewright.spec.handler_rules import handler_rules
from queuewright.spec.model import SpecFile
from queuewright.spec.rules import name_rule, queue_rules
from queuewright.spec.values import shown, written_size
from queuewright.spec.words import did_you_mean, validated

from .handler import Handler
from .mistakes import Mistakes
from .runtime import RuntimeArgs
from .secret import SecretVariable

TARGET = "target"


def handler_arguments(
    name: str,
    called: str,
    *,
    project: str,
    location: str = "europe-west1",
    labels: Mapping[str, str] | None = None,
    kind: Mapping[str, Mapping[str, object]],
    settings: RuntimeArgs,
) -> HandlerSpec:
    """The checked settings of a handler.

    Args:
        name: the component's logical name.
        called: what the handler is called on Google Cloud.
        project: the id of the project.
        location: the region; App Engine has its own.
        labels: on the handler.
        kind: `function`, `service` or `app_engine`, with what belongs to that alone.
        settings: how its instances run.

    Raises:
        SpecError: every mistake, at the line of the program that makes the component.
    """
    mistakes, known = Mistakes(name), RuntimeArgs.__annotations__
    given: dict[str, Any] = {**settings}
    for key in given.keys() - known:
        mistakes.add(key, "no such argument", did_you_mean(key, known))
    variables, secrets = given.get("environment", {}), given.get("secrets", {})
    for variable, secret in secrets.items():
        if not isinstance(secret, SecretVariable):
            hint = "wrap it, as in `SecretVariable(HandlerSecret(…))`"
            message = f"expected a SecretVariable, found {_in_words(secret)}"
            mistakes.add(f"secrets.{variable}", message, hint)
    _check_place(mistakes, project, location, labels)
    alike = {key: given[key] for key in known if key in HandlerSpec.model_fields and key in given}
    if isinstance(memory := alike.get("memory"), int) and memory and memory % 1024 == 0:
        alike["memory"] = written_size(memory)
    root, at = mistakes.document(
        {
            **kind,
            **{key: value for key, value in alike.items() if value is not None},
            # A value that is known only later is taken to be right.
            "env": {
                key: "" if isinstance(value, pulumi.Output) else value
                for key, value in variables.items()
            },
            **({"secrets": dict.fromkeys(secrets, "secret")} if secrets else {}),
        }
    )
    node, found = root.value[name], list[Problem]()
    found += name_rule(node, at, HANDLER_NAME, called)
    handler = validated(HandlerSpec, node.plain(), root, at, found)
    found += handler_rules(node, at, handler)
    return mistakes.unless(handler, found)


def queue_arguments(
    name: str,
    queue_id: str,
    *,
    project: str,
    location: str,
    target: object,
    enqueuers: Sequence[object],
    settings: Mapping[str, Any],
) -> QueueSpec:
    """The checked settings of a queue, which are named as in the YAML.

    Raises:
        SpecError: every mistake, at the line of the program that makes the component.
    """
    mistakes = Mistakes(name)
    _check_place(mistakes, project, location, None)
    if not isinstance(target, Handler | UrlRoute | AppEngineRoute):
        message = f"expected a handler or a route, found {_in_words(target)}"
        hint = "give a `FunctionHandler`, a `ServiceHandler`, or `UrlRoute.of('https://…')`"
        mistakes.add(TARGET, message, hint)
    members = [each for each in enqueuers if isinstance(each, str)]
    strange = [each for each in members if not re.search(r"[:@]|^all(Authenticated)?Users$", each)]
    for each in strange:
        hint = "give the handler itself, or a member such as `serviceAccount:…`"
        mistakes.add("enqueuers", f"{shown(each)} is no IAM member", hint)
    given = {key: value for key, value in settings.items() if value is not None}
    given["enqueuers"] = [each for each in members if each not in strange]
    root, at = mistakes.document({**given, "handler": TARGET, TARGET: _described(target)})
    node, found = root.value[name], list[Problem]()
    aim = node.value.pop(TARGET)
    handler = validated(HandlerSpec, aim.plain(), root, (*at, TARGET), found)
    found += handler_rules(aim, (*at, TARGET), handler)
    found += name_rule(node, at, QUEUE_ID, queue_id)
    queue = validated(QueueSpec, node.plain(), root, at, found)
    found += queue_rules(node, at, queue, [TARGET], {TARGET: handler} if handler else {})
    return mistakes.unless(queue, found)


def _check_place(
    mistakes: Mistakes, project: str, location: str, labels: Mapping[str, str] | None
) -> None:
    plain = {"project": project, "location": location, "labels": dict(labels or {})}
    root, at = mistakes.document(plain)
    found = list[Problem]()
    validated(SpecFile, plain, root, at, found)
    mistakes.note(found)


def _described(target: object) -> Mapping[str, object]:
    """What a queue stands before, as the YAML describes it."""
    if isinstance(target, AppEngineRoute):
        return {"app_engine": {}}
    if isinstance(target, UrlRoute):
        port = f":{target.port}" if target.port is not None else ""
        query = f"?{target.query}" if target.query else ""
        host = f"{target.scheme.lower()}://{target.host}{port}" if target.host else ""
        url = f"{host}{target.path or ''}{query}"
        return {"url": url, "audience": target.audience, "headers": dict(target.headers)}
    return {"url": "https://handler.example"}


def _in_words(value: object) -> str:
    return shown(value) if isinstance(value, str) else f"a {type(value).__name__}"
