"""The rows of the state: queues, tasks, tombstones and operations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from queuewright.engine.protocol.messages import Operation, Policy, Queue
from queuewright.engine.rules.queue_config import QueueOptions


class NewTask(NamedTuple):
    """A new task. `name` is set only if the user gave one; `content` is a serialized `Task`."""

    id: int
    queue: int
    name: str | None
    schedule_us: int
    create_us: int
    content: bytes


class TaskRow(NamedTuple):
    """A stored task without its content. Counts include only attempts that have ended."""

    id: int
    queue: int
    name: str | None
    schedule_us: int
    create_us: int
    dispatches: int
    responses: int
    executions: int
    """Responses that were not 5xx."""
    previous: int
    """The result of the latest attempt; see `http_request.AttemptFacts.previous`."""
    first_dispatch_us: int | None
    last_schedule_us: int | None
    last_dispatch_us: int | None
    last_response_us: int | None


class Tombstone(NamedTuple):
    """The name of a finished or deleted task, which stays taken until `until_us`."""

    queue: int
    name: str
    until_us: int


GoneTask = tuple[int, Tombstone | None]
"""The number of a finished or deleted task, and the tombstone of its name if it had one."""


class KeptOperation(NamedTuple):
    """An operation that a call on the same queue with the same request id shall find, until then.

    `queue` is None in files of an earlier queuewright.
    """

    request: str
    operation: Operation
    until_us: int
    queue: int | None


@dataclass
class QueueRow:
    """A stored queue."""

    number: int
    config: Queue
    policy: Policy = field(default_factory=Policy)
    options: QueueOptions = field(default_factory=QueueOptions)
    purged_id: int = 0
    """The queue's tasks up to this number are purged, even if they have not been swept yet."""
