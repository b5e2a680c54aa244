"""What a typed module says of each queue, in no language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from queuewright.blueprint import Blueprint, PullQueuePlan, QueuePlan
from queuewright.client.modules.types import Definition, Names, definitions, pascal
from queuewright.spec import read_schema


@dataclass(frozen=True)
class QueueContent:
    """A queue, the name of its class, and the types of its payload."""

    key: str
    class_name: str
    description: str
    payload: str | None
    """The name of the payload's type, the last of `definitions`; None: any JSON."""
    definitions: tuple[Definition, ...]
    schema: Mapping[str, Any] | None
    variable: str
    """`QUEUE_EMAILS`."""
    is_pull: bool


@dataclass(frozen=True)
class Content:
    """The queues of an environment, in the order of its file."""

    queues: tuple[QueueContent, ...]


# What the modules import or define themselves, and the built-in types that they name.
RESERVED = frozenset(
    (
        *("Any", "AsyncQueue", "AsyncTasks", "Literal", "NotRequired", "Queue", "Tasks"),
        *("None", "True", "False", "TypeAlias", "TypedDict"),
        *("CloudTasksClient", "EnqueueOptions", "Enqueued", "PassThroughClient", "PubSub"),
        *("Array", "Boolean", "Buffer", "Date", "Error", "Map", "Number", "Object", "Promise"),
        *("PullQueue", "PushQueue", "RangeError", "Record", "Set", "String", "URL"),
    )
)


def content(plan: Blueprint, root: Path) -> Content:
    """Return the content of a module for an environment.

    Args:
        plan: its blueprint.
        root: the project's folder, where the schemas are.

    Raises:
        SpecError: a schema can't be read.
    """
    names = Names(RESERVED)
    every: Iterable[QueuePlan | PullQueuePlan] = [
        *plan.queues.values(),
        *plan.pull_queues.values(),
    ]
    classes = {each.key: names.new(pascal(each.key)) for each in every}
    return Content(tuple(_queue(each, classes[each.key], names, root) for each in every))


def _queue(
    plan: QueuePlan | PullQueuePlan, class_name: str, names: Names, root: Path
) -> QueueContent:
    schema = read_schema(plan.payload, root) if plan.payload is not None else None
    payload = names.new(f"{class_name}Payload") if schema is not None else None
    found: list[Definition] = []
    if schema is not None and payload is not None:
        found = definitions(schema, payload, names)
    if isinstance(plan, QueuePlan):
        about = f"The queue `{plan.key}`, whose tasks go to `{plan.handler}`."
    else:
        about = f"The pull queue `{plan.key}`."
    return QueueContent(
        key=plan.key,
        class_name=class_name,
        description=about,
        payload=payload,
        definitions=tuple(found),
        schema=schema,
        variable=plan.variable,
        is_pull=isinstance(plan, PullQueuePlan),
    )
