"""The base of the service: its parts, the permission check, and looking up queues and tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from queuewright.engine.clock import Clock
from queuewright.engine.dispatch.dispatcher import Dispatcher
from queuewright.engine.dispatch.registry import Registry, RunningQueue
from queuewright.engine.events import CallDenied, Event, Origin
from queuewright.engine.protocol import names, refusals
from queuewright.engine.service.iam import Grants
from queuewright.engine.service.pages import PageTokens
from queuewright.engine.settings import Settings
from queuewright.engine.state.rows import TaskRow
from queuewright.engine.state.store import Store
from queuewright.engine.state.task_ids import TaskIds
from queuewright.errors import Refusal

_REACHABLE: Final = 2**40
"""More tasks than a state ever has; an id with a larger number will not be given."""


@dataclass(frozen=True)
class Caller:
    """Who makes a call."""

    principal: str | None = None
    """A member in IAM's notation, such as "serviceAccount:x@p.iam.gserviceaccount.com".

    None is the developer, who may do everything."""
    origin: Origin = "caller"
    """The origin in the events of the call's changes."""
    label: str = ""
    """What the program that runs the engine calls the callers of a listener; for events only."""


DEVELOPER: Final = Caller()
PROGRAM: Final = Caller(origin="program")
"""The program that runs the engine, which may do everything."""


@dataclass(frozen=True)
class ServiceParts:
    """The parts of the engine that the service uses."""

    clock: Clock
    store: Store
    registry: Registry
    grants: Grants
    settings: Settings
    ids: TaskIds
    pages: PageTokens
    dispatcher: Dispatcher
    emit: Callable[[Event], None] | None
    new_uuid: Callable[[], str]


class Calls:
    """The base class of the RPCs."""

    def __init__(self, parts: ServiceParts) -> None:
        self._parts = parts
        self._clock = parts.clock
        self._store = parts.store
        self._registry = parts.registry

    def _allow(self, caller: Caller, permission: str, resource: str) -> None:
        if caller.principal is None:
            return
        queue = self._registry.get(resource)
        policy = queue.row.policy if queue else None
        try:
            self._parts.grants.check(caller.principal, permission, resource, policy)
        except Refusal as refusal:
            self._tell_denied(caller.principal, resource, refusal)
            raise

    def _queue(self, name: str) -> RunningQueue:
        """Return a queue by its full name, or raise NOT_FOUND."""
        queue = self._registry.get(name)
        if queue is None:
            names.check_queue(name)
            raise refusals.queue_missing()
        return queue

    def _task(self, name: str) -> tuple[RunningQueue, TaskRow]:
        """Return a task by its full name, or raise NOT_FOUND."""
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
            number = self._parts.ids.number(task_id)
            row = None if number is None else self._store.task(number)
            if row is not None and (row.queue != queue.number or row.name is not None):
                row = None
        else:
            row = self._store.task(number)
        return None if row is None or row.id <= queue.row.purged_id else row

    def _missing(self, queue: RunningQueue, task_id: str) -> Refusal:
        number = self._parts.ids.number(task_id)
        was_unnamed = number is not None and self._store.was_given(number)
        return (
            refusals.task_gone()
            if was_unnamed or self._is_taken(queue, task_id)
            else refusals.entity_missing()
        )

    def _is_taken(self, queue: RunningQueue, task_id: str) -> bool:
        """Return whether a task has this id or had it until recently."""
        return self._is_name(queue, task_id) or self._is_unnamed_tasks(queue, task_id)

    def _is_name(self, queue: RunningQueue, task_id: str) -> bool:
        """Return whether a user gave this name to a task that is there or was until recently."""
        until_us = self._store.tombstone_us(queue.number, task_id)
        if until_us is not None and until_us > self._clock.now_us():
            return True
        return self._store.find(queue.number, task_id) is not None

    def _is_unnamed_tasks(self, queue: RunningQueue, task_id: str) -> bool:
        """Return whether a task without a name has this id or had it.

        Once such a task is gone, neither its queue nor its end is known; so its id stays taken.
        """
        number = self._parts.ids.number(task_id)
        if number is None or not self._store.was_given(number):
            return False
        row = self._store.task(number)
        if row is None:
            return queue.name_reuse_us > 0 and number > self._store.freed_id
        return row.name is None and row.queue == queue.number

    def _claim(self, task_id: str) -> None:
        """Note that a user's name may be the id of an unnamed task to come."""
        number = self._parts.ids.number(task_id)
        if number is not None and number < _REACHABLE and not self._store.was_given(number):
            self._store.claim_ids()

    def _is_claimed(self, queue: RunningQueue, number: int) -> bool:
        """Return whether the id of a new unnamed task is a user's name."""
        return self._store.has_claimed_ids and self._is_name(queue, self._parts.ids.text(number))

    def _task_name(self, queue: RunningQueue, row: TaskRow) -> str:
        return f"{queue.name}/tasks/{row.name or self._parts.ids.text(row.id)}"

    def _tell_denied(self, principal: str, resource: str, refusal: Refusal) -> None:
        if self._parts.emit is not None:
            self._parts.emit(
                CallDenied(
                    time_us=self._clock.now_us(),
                    queue=resource if "/queues/" in resource else "",
                    principal=principal,
                    status=refusal.code,
                    message=refusal.message,
                )
            )
