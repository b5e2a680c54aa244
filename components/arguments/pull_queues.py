"""Checks the arguments of a pull queue."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from queuewright.errors import Problem
from queuewright.spec import PullQueueSpec
from queuewright.spec.fields import QUEUE_ID
from queuewright.spec.pull_rules import pull_name_rule, pull_queue_rules
from queuewright.spec.rules import name_rule
from queuewright.spec.validation import validated
from queuewright.spec.values import shown
from queuewright.spec.words import Names

from ..mistakes import Mistakes
from .place import check_place


def pull_queue_arguments(
    name: str,
    queue_id: str,
    *,
    project: str,
    location: str,
    labels: Mapping[str, str] | None,
    members: Sequence[object],
    settings: Mapping[str, Any],
) -> PullQueueSpec:
    """The checked settings of a pull queue.

    Args:
        name: the component's logical name.
        queue_id: the id of its topic and subscription.
        project: the id of the project.
        location: the region.
        labels: the queue's labels.
        members: its worker and its enqueuers: handlers and IAM members.
        settings: the other settings, named as in the YAML; None for a default.

    Raises:
        SpecError: with every mistake.
    """
    mistakes = Mistakes(name)
    check_place(mistakes, project, location, labels)
    texts = [each for each in members if isinstance(each, str)]
    strange = [each for each in texts if not re.search(r"[:@]|^all(Authenticated)?Users$", each)]
    for each in strange:
        hint = "give the handler itself, or a member such as `serviceAccount:…`"
        mistakes.add("enqueuers", f"{shown(each)} is not an IAM member", hint)
    given = {key: value for key, value in settings.items() if value is not None}
    given["enqueuers"] = [each for each in texts if each not in strange]
    root, at = mistakes.document({"pull": {}, **given})
    node, found = root.value[name], list[Problem]()
    found += name_rule(node, at, QUEUE_ID, queue_id)
    found += pull_name_rule(node, at, queue_id)
    queue = validated(PullQueueSpec, node.plain(), root, at, found)
    found += pull_queue_rules(node, at, queue, Names([]), {})
    return mistakes.unless(queue, found)
