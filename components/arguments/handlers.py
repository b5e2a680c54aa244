"""Checks the arguments of a handler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from queuewright.errors import Problem
from queuewright.spec import HandlerSpec
from queuewright.spec.fields import HANDLER_NAME
from queuewright.spec.handler_rules import handler_rules
from queuewright.spec.rules import name_rule
from queuewright.spec.validation import validated
from queuewright.spec.values import written_size
from queuewright.spec.words import did_you_mean

from ..mistakes import Mistakes, described
from ..secret import SecretVariable
from .place import check_place
from .runtime import RuntimeArgs


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
        called: the handler's name on Google Cloud.
        project: the id of the project.
        location: the region; App Engine has its own.
        labels: the handler's labels.
        kind: `function`, `service` or `app_engine`, with the settings of that kind.
        settings: how its instances run.

    Raises:
        SpecError: with every mistake.
    """
    mistakes, known = Mistakes(name), RuntimeArgs.__annotations__
    given: dict[str, Any] = {**settings}
    for key in given.keys() - known:
        mistakes.add(key, "no such argument", did_you_mean(key, known))
    variables, secrets = given.get("environment", {}), given.get("secrets", {})
    for variable, secret in secrets.items():
        if not isinstance(secret, SecretVariable):
            hint = "wrap it, as in `SecretVariable(HandlerSecret(…))`"
            message = f"expected a SecretVariable, found {described(secret)}"
            mistakes.add(f"secrets.{variable}", message, hint)
    check_place(mistakes, project, location, labels)
    alike = {key: given[key] for key in known if key in HandlerSpec.model_fields and key in given}
    if isinstance(memory := alike.get("memory"), int) and memory and memory % 1024 == 0:
        alike["memory"] = written_size(memory)
    root, at = mistakes.document(
        {
            **kind,
            **{key: value for key, value in alike.items() if value is not None},
            # The value of an output is not known yet, and cannot be checked.
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
