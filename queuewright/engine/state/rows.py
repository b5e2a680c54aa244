"""What is kept of queues, tasks and operations: the rows of the state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from queuewright.engine.protocol.messages import Operation, Policy, Queue
from queuewright.engine.rules.queue_config import QueueOptions


class NewTask(NamedTuple):
    """A task to be kept; `name` only if the user gave one; `content` is a serialized `Task`."""

    id: int
    queue: int
    name: str | None
    schedule_us: int
    create_us: int
    content: bytes


class TaskRow(NamedTuple):
    """What is kept of a task besides its content; counts are of attempts that have ended."""

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
    """What the latest attempt came to; see `http_request.AttemptFacts.previous`."""
    first_dispatch_us: int | None
    last_schedule_us: int | None
    last_dispatch_us: int | None
    last_response_us: int | None


class Tombstone(NamedTuple):
    """The name of a task that is gone, taken until then."""

    queue: int
    name: str
    until_us: int


GoneTask = tuple[int, Tombstone | None]
"""The number of a task that is gone, and the tombstone of its name if it had one."""


class KeptOperation(NamedTuple):
    """An operation that a call with the same request id shall find, until then."""

    request: str
    operation: Operation
    until_us: int


@dataclass
class QueueRow:
    """What is kept of a queue."""

    number: int
    config: Queue
    policy: Policy = field(default_factory=Policy)
    options: QueueOptions = field(default_factory=QueueOptions)
    purged_id: int = 0
    """Its tasks up to this number are purged, whether they have been swept away or not."""
