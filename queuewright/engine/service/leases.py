"""The RPCs on tasks of pull queues: create, lease, acknowledge, renew, cancel.

No call waits between reading and writing, so two calls at the same instant never get the same task.
Every change of a call is one transaction.

Google's list of permissions has none for leases. We ask for `tasks.run` to take, renew or cancel a
lease, because a lease is an attempt, and for `tasks.delete` to acknowledge.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from google.protobuf.empty_pb2 import Empty

from queuewright.cloud_tasks.leases import MAX_LEASE_RESPONSE_BYTES
from queuewright.cloud_tasks.limits import MAX_TASK_BYTES
from queuewright.engine.dispatch.registry import RunningQueue
from queuewright.engine.events import (
    LeaseCancelled,
    LeaseEvent,
    LeaseRenewed,
    StateFailed,
    TaskAcknowledged,
    TaskCreated,
    TaskGivenUp,
    TaskLeased,
)
from queuewright.engine.protocol import messages_beta, refusals
from queuewright.engine.protocol.messages import GetTaskRequest, ListTasksRequest
from queuewright.engine.protocol.messages import Task as PushTask
from queuewright.engine.protocol.messages_lease import (
    AcknowledgeTaskRequest,
    CancelLeaseRequest,
    CreateTaskRequest,
    LeaseTasksRequest,
    LeaseTasksResponse,
    ListTasksResponse,
    RenewLeaseRequest,
    Task,
)
from queuewright.engine.rules.lease_filter import (
    AnyTask,
    LeaseFilter,
    OldestTag,
    Tagged,
    check_tag,
    lease_filter,
)
from queuewright.engine.rules.leases import (
    check_held,
    check_max_tasks,
    is_spent,
    lease_us,
    proof_us,
)
from queuewright.engine.rules.queue_config import RUNNING
from queuewright.engine.rules.task_message import FULL, due_us
from queuewright.engine.service.calls import Caller
from queuewright.engine.service.pull_view import shown_pull_task
from queuewright.engine.service.tasks import ENTRY_BYTES, TaskCalls, task_id_of
from queuewright.engine.state.pull_tasks import FIRST, Place
from queuewright.engine.state.rows import NewTask, TaskRow
from queuewright.errors import Refusal

_TAKE: Final = "cloudtasks.tasks.run"
_FINISH: Final = "cloudtasks.tasks.delete"


class LeaseCalls(TaskCalls):
    """The RPCs on tasks of pull queues. Their messages are v2beta2's."""

    def is_pull_queue(self, name: str) -> bool:
        """Return whether a queue exists and is a pull queue."""
        queue = self._registry.get(name)
        return queue is not None and queue.is_pull

    async def create_pull_task(self, request: CreateTaskRequest, caller: Caller) -> Task:
        """Create a task with a payload and a tag, which workers can lease."""
        parent, task, view = request.parent, request.task, request.response_view
        self._allow(caller, "cloudtasks.tasks.create", parent)
        if view == FULL:
            self._allow(caller, "cloudtasks.tasks.fullView", parent)
        now_us = self._clock.now_us()
        task_id = task_id_of(task.name, parent)
        message = task.pull_message
        check_tag(message.tag, "PullMessage.tag")
        schedule_us = now_us
        if task.HasField("schedule_time"):
            schedule_us = due_us(task.schedule_time, now_us)
        queue = self._existing(parent, self._registry.get(parent))
        if not queue.is_pull:
            raise refusals.invalid("Task.pullMessage can only be set in a pull queue.")
        number = self._new_number(queue, task_id)
        content = messages_beta.Task()
        content.pull_message.payload, content.pull_message.tag = message.payload, message.tag
        new = NewTask(
            number, queue.number, task_id, schedule_us, now_us, content.SerializeToString()
        )
        row = _first_row(new)
        name = self._task_name(queue, row)
        if shown_pull_task(name, row, message.tag, message.payload, FULL).ByteSize() > (
            MAX_TASK_BYTES
        ):
            raise refusals.invalid("Task size too large")
        self._store.pull_tasks.insert(new, message.tag)
        self._parts.dispatcher.expires(now_us + queue.retention_us)
        if self._parts.emit is not None:
            created = partial(TaskCreated, create_us=now_us, creator=caller.label)
            self._tell_of_task(created, queue, name, schedule_us, PushTask())
        return shown_pull_task(name, row, message.tag, message.payload, view)

    async def get_pull_task(self, request: GetTaskRequest, caller: Caller) -> Task:
        """Return a task of a pull queue."""
        self._allow_view(caller, "cloudtasks.tasks.get", request.name, request.response_view)
        queue, row = self._task(request.name)
        return self._shown_pull(queue, row, request.response_view)

    async def list_pull_tasks(self, request: ListTasksRequest, caller: Caller) -> ListTasksResponse:
        """Return a page of a pull queue's tasks, at most 1,000, oldest first."""
        tasks, token = self._page(request, caller, self._shown_pull)
        return ListTasksResponse(tasks=tasks, next_page_token=token)

    async def lease_tasks(self, request: LeaseTasksRequest, caller: Caller) -> LeaseTasksResponse:
        """Lease due tasks, oldest first: until the lease ends, nobody else gets them.

        Tasks that were leased as often as the queue allows are deleted instead. Fewer tasks than
        asked for come if their size reaches 32 MB.
        """
        name, view = request.parent, request.response_view
        self._allow(caller, _TAKE, name)
        if view == FULL:
            self._allow(caller, "cloudtasks.tasks.fullView", name)
        most = check_max_tasks(request.max_tasks)
        length_us = lease_us(request.lease_duration if request.HasField("lease_duration") else None)
        wanted = lease_filter(request.filter)
        queue = self._queue(name)
        now_us = self._clock.now_us()
        _check_leasable(queue, now_us)
        until_us = now_us + length_us
        response = LeaseTasksResponse()
        leased: list[TaskRow] = []
        spent: list[TaskRow] = []
        bytes_left = MAX_LEASE_RESPONSE_BYTES
        for due in self._candidates(queue, wanted, now_us, most, spent):
            row = due._replace(schedule_us=until_us, dispatches=due.dispatches + 1)
            try:
                task = self._shown_pull(queue, row, view)
            except Refusal as refusal:
                self._tell_unreadable(queue, row, refusal)
                continue
            bytes_left -= task.ByteSize() + ENTRY_BYTES
            if bytes_left < 0 and leased:
                break
            leased.append(row)
            response.tasks.append(task)
            if len(leased) == most:
                break
        if leased or spent:
            queue.forget(
                spent, now_us, lambda gone: self._store.pull_tasks.write(leased, deleted=gone)
            )
        for row in spent:
            self._tell_of_lease(TaskGivenUp, queue, row)
        for row in leased:
            self._tell_of_lease(TaskLeased, queue, row, until_us)
        return response

    async def acknowledge_task(self, request: AcknowledgeTaskRequest, caller: Caller) -> Empty:
        """Delete a task that its holder has finished."""
        self._allow_view(caller, _FINISH, request.name, 0)
        queue, row = self._held(request)
        now_us = self._clock.now_us()
        queue.forget((row,), now_us, self._store.delete)
        queue.note_executed(now_us)
        self._tell_of_lease(TaskAcknowledged, queue, row)
        return Empty()

    async def renew_lease(self, request: RenewLeaseRequest, caller: Caller) -> Task:
        """Let a lease end that long from now, which may be earlier or later than it would."""
        self._allow_view(caller, _TAKE, request.name, request.response_view)
        length_us = lease_us(request.lease_duration if request.HasField("lease_duration") else None)
        queue, row = self._held(request)
        row = row._replace(schedule_us=self._clock.now_us() + length_us)
        task = self._shown_pull(queue, row, request.response_view)
        self._store.pull_tasks.write((row,))
        self._tell_of_lease(LeaseRenewed, queue, row, row.schedule_us)
        return task

    async def cancel_lease(self, request: CancelLeaseRequest, caller: Caller) -> Task:
        """End a lease now, so that the task can be leased again at once."""
        self._allow_view(caller, _TAKE, request.name, request.response_view)
        queue, row = self._held(request)
        row = row._replace(schedule_us=self._clock.now_us())
        task = self._shown_pull(queue, row, request.response_view)
        self._store.pull_tasks.write((row,))
        self._tell_of_lease(LeaseCancelled, queue, row)
        return task

    def _candidates(
        self,
        queue: RunningQueue,
        wanted: LeaseFilter,
        now_us: int,
        count: int,
        spent: list[TaskRow],
    ) -> Iterator[TaskRow]:
        """Yield the tasks to lease next, oldest first; add those that are spent to `spent`.

        Tasks that have reached the maximum age are left to the sweeper. `count` is how many tasks
        are expected to be taken.
        """
        expired_us = now_us - queue.retention_us
        after, tag = FIRST, None
        if isinstance(wanted, Tagged):
            tag = wanted.tag
        elif isinstance(wanted, OldestTag):
            oldest = next(self._candidates(queue, AnyTask(), now_us, count, spent), None)
            if oldest is None:
                return
            after = Place(oldest.schedule_us, oldest.id - 1)
            tag = self._store.pull_tasks.tag(oldest.id)
        while rows := self._store.pull_tasks.due(
            queue.number,
            now_us,
            after=after,
            tag=tag,
            purged_id=queue.row.purged_id,
            limit=count,
        ):
            for row in rows:
                if row.create_us <= expired_us:
                    continue
                if is_spent(row.dispatches, queue.retry.max_attempts):
                    spent.append(row)
                else:
                    yield row
            after = Place(rows[-1].schedule_us, rows[-1].id)

    def _held(
        self, request: AcknowledgeTaskRequest | RenewLeaseRequest | CancelLeaseRequest
    ) -> tuple[RunningQueue, TaskRow]:
        """Return a task whose lease the request proves.

        Raises:
            Refusal: INVALID_ARGUMENT, NOT_FOUND, or FAILED_PRECONDITION without a valid proof.
        """
        given_us = proof_us(request.schedule_time if request.HasField("schedule_time") else None)
        queue, row = self._task(request.name)
        if not queue.is_pull:
            raise refusals.invalid("Only tasks of a pull queue can be leased.")
        check_held(row.schedule_us, row.dispatches, given_us, self._clock.now_us())
        return queue, row

    def _shown_pull(self, queue: RunningQueue, row: TaskRow, view: int) -> Task:
        name, pull_tasks = self._task_name(queue, row), self._store.pull_tasks
        if view != FULL:  # the payload may be large, and BASIC leaves it out
            return shown_pull_task(name, row, pull_tasks.tag(row.id), None, view)
        message = pull_tasks.message(row.id)
        return shown_pull_task(name, row, message.tag, message.payload, view)

    def _tell_unreadable(self, queue: RunningQueue, row: TaskRow, refusal: Refusal) -> None:
        """Emit that a task cannot be leased, and that the others still can."""
        if self._parts.emit is not None:
            text = f"{self._task_name(queue, row)} is not leased. {refusal.message}"
            self._parts.emit(
                StateFailed(time_us=self._clock.now_us(), status=refusal.code, message=text)
            )

    def _tell_of_lease(
        self,
        event: type[LeaseEvent],
        queue: RunningQueue,
        row: TaskRow,
        until_us: int | None = None,
    ) -> None:
        if self._parts.emit is None:
            return
        ends = {} if until_us is None else {"until_us": until_us}
        self._parts.emit(
            event(
                time_us=self._clock.now_us(),
                queue=queue.name,
                task=self._task_name(queue, row),
                attempt=row.dispatches,
                max_attempts=queue.retry.max_attempts,
                **ends,
            )
        )


def _check_leasable(queue: RunningQueue, now_us: int) -> None:
    """Check that a queue's tasks can be leased now, and count the call."""
    if queue.lease_calls is None:
        raise refusals.invalid("LeaseTasks can only be called on a pull queue.")
    if queue.config.state != RUNNING:
        raise refusals.precondition(
            "The queue is paused: no task of it can be leased until it is resumed."
        )
    if not queue.lease_calls.take(now_us):
        raise refusals.lease_calls_exceeded()


def _first_row(new: NewTask) -> TaskRow:
    """Return the row of a task that was never leased."""
    return TaskRow(
        new.id, new.queue, new.name, new.schedule_us, new.create_us, 0, 0, 0, 0, *(None,) * 4
    )
