"""What every call of the API has at hand, and how it finds queues and tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from queuewright.engine.clock import Clock
from queuewright.engine.dispatch.registry import Registry, RunningQueue
from queuewright.engine.events import Event, Kind
from queuewright.engine.protocol import names, refusals
from queuewright.engine.protocol.times import span_us
from queuewright.engine.service.iam import Access
from queuewright.engine.service.pages import PageTokens
from queuewright.engine.settings import Settings
from queuewright.engine.state.rows import TaskRow, Tombstone
from queuewright.engine.state.store import Store
from queuewright.engine.state.task_ids import TaskIds
from queuewright.errors import Refusal


@dataclass(frozen=True)
class Caller:
    """Who calls.

    `principal` None is the developer, who may do all; else it is a member as IAM writes it, such
    as "serviceAccount:x@p.iam.gserviceaccount.com".
    """

    principal: str | None = None


DEVELOPER: Final = Caller()


class Dispatch(Protocol):
    """What calls need of the dispatcher."""

    def touch(self, queue: RunningQueue, due_us: int | None = None) -> None:
        """Look at a queue again soon: something has changed, or falls due at `due_us`."""
        ...

    def run_now(self, queue: RunningQueue, row: TaskRow) -> None:
        """Start an attempt of a task by hand."""
        ...

    def sweep(self) -> None:
        """Clear away what is dead, soon."""
        ...

    def expires(self, when_us: int) -> None:
        """Note that a task's time is over at that moment."""
        ...


@dataclass(frozen=True)
class Desk:
    """The parts of an engine that calls work with."""

    clock: Clock
    store: Store
    registry: Registry
    access: Access
    settings: Settings
    ids: TaskIds
    pages: PageTokens
    dispatch: Dispatch
    emit: Callable[[Event], None] | None
    new_uuid: Callable[[], str]


class Calls:
    """The common ground of the classes that make up the service."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._clock = desk.clock
        self._store = desk.store
        self._registry = desk.registry

    def _allow(self, caller: Caller, permission: str, resource: str) -> None:
        if caller.principal is None:
            return
        queue = self._registry.get(resource)
        policy = queue.row.policy if queue else None
        try:
            self._desk.access.check(caller.principal, permission, resource, policy)
        except Refusal as refusal:
            self._tell_denied(caller.principal, resource, refusal)
            raise

    def _queue(self, name: str) -> RunningQueue:
        """The queue of this name, or NOT_FOUND."""
        queue = self._registry.get(name)
        if queue is None:
            names.check_queue(name)
            raise refusals.queue_missing()
        return queue

    def _task(self, name: str) -> tuple[RunningQueue, TaskRow]:
        """The task of this full name, or NOT_FOUND: gone, or never there."""
        queue_name, task_id = names.task_name(name)
        queue = self._registry.get(queue_name)
        if queue is None:
            raise refusals.entity_missing()
        row = self._row(queue, task_id)
        if row is None:
            raise self._missing(queue, task_id)
        return queue, row

    def _row(self, queue: RunningQueue, task_id: str) -> TaskRow | None:
        number = self._store.find(queue.number, task_id)
        if number is None:
            number = self._desk.ids.number(task_id)
            row = None if number is None else self._store.task(number)
            if row is not None and (row.queue != queue.number or row.name is not None):
                row = None
        else:
            row = self._store.task(number)
        return None if row is None or row.id <= queue.row.purged_id else row

    def _missing(self, queue: RunningQueue, task_id: str) -> Refusal:
        number = self._desk.ids.number(task_id)
        was_unnamed = number is not None and self._store.was_given(number)
        return (
            refusals.task_gone()
            if was_unnamed or self._is_taken(queue, task_id)
            else refusals.entity_missing()
        )

    def _is_taken(self, queue: RunningQueue, task_id: str) -> bool:
        """Whether a task has this name, or had it until recently."""
        until_us = self._store.tombstone_us(queue.number, task_id)
        if until_us is not None and until_us > self._clock.now_us():
            return True
        return self._store.find(queue.number, task_id) is not None

    def _tombstone(self, queue: RunningQueue, row: TaskRow) -> Tombstone | None:
        if row.name is None:
            return None
        until_us = self._clock.now_us() + name_reuse_us(queue, self._desk.settings)
        return Tombstone(queue.number, row.name, until_us)

    def _task_name(self, queue: RunningQueue, row: TaskRow) -> str:
        return f"{queue.name}/tasks/{row.name or self._desk.ids.text(row.id)}"

    def _tell_denied(self, principal: str, resource: str, refusal: Refusal) -> None:
        if self._desk.emit is not None:
            self._desk.emit(
                Event(
                    kind="CallDenied",
                    time_us=self._clock.now_us(),
                    queue=resource if "/queues/" in resource else "",
                    principal=principal,
                    status=refusal.code,
                    message=refusal.message,
                )
            )

    def _tell(self, kind: Kind, queue: RunningQueue, task: str = "") -> None:
        if self._desk.emit is not None:
            now_us, ratio = self._clock.now_us(), queue.sampling_ratio
            event = Event(
                kind=kind, time_us=now_us, queue=queue.name, task=task, sampling_ratio=ratio
            )
            self._desk.emit(event)


def name_reuse_us(queue: RunningQueue, settings: Settings) -> int:
    """Return how long the name of a queue's task stays taken."""
    own_us = queue.row.options.tombstone_ttl_us
    return span_us(settings.task_name_reuse) if own_us is None else own_us


def retention_us(queue: RunningQueue, settings: Settings) -> int:
    """Return how old a queue's tasks may get."""
    own_us = queue.row.options.task_ttl_us
    return settings.retention_us if own_us is None else own_us
