"""The RPCs on many tasks at once, and their operations.

A batch is not atomic: the operation's metadata lists the requests that failed, by index; the others
are carried out. The operation is done when the call returns. A repeated `request_id` returns the
first operation again, even after a restart.
"""

from __future__ import annotations

import re
from typing import Final

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from queuewright.engine.dispatch.registry import RunningQueue
from queuewright.engine.protocol import names, refusals
from queuewright.engine.protocol.messages import (
    BatchCreateTasksMetadata,
    BatchCreateTasksRequest,
    BatchCreateTasksResponse,
    BatchDeleteTasksMetadata,
    BatchDeleteTasksRequest,
    CreateTaskRequest,
    GetOperationRequest,
    Operation,
    Status,
)
from queuewright.engine.protocol.status import CODES
from queuewright.engine.protocol.times import set_timestamp
from queuewright.engine.service.calls import Caller, ServiceParts
from queuewright.engine.service.operations import LIFETIME_US, RecentOperations
from queuewright.engine.service.tasks import Prepared, TaskCalls
from queuewright.engine.state.rows import KeptOperation, TaskRow
from queuewright.errors import Refusal

MAX_CREATES: Final = 100
"""BatchCreateTasksRequest.requests."""

MAX_DELETES: Final = 1000
"""BatchDeleteTasksRequest.names."""

_SUCCEEDED: Final = 2
_FAILED_CREATE: Final = 3
_PARTIAL_CREATE: Final = 5
_PARTIAL_DELETE: Final = 3
_FAILED_DELETE: Final = 4  # the two enums disagree: BatchCreateTasksMetadata.State and the other
_ABORTED: Final = CODES.index("ABORTED")

_is_request_id = re.compile(r"[A-Za-z0-9_\-]{1,128}").fullmatch


class BatchCalls(TaskCalls):
    """BatchCreateTasks, BatchDeleteTasks, and GetOperation for both."""

    def __init__(self, parts: ServiceParts) -> None:
        super().__init__(parts)
        self._recent = RecentOperations()

    async def batch_create_tasks(
        self, request: BatchCreateTasksRequest, caller: Caller
    ) -> Operation:
        """Create up to 100 tasks. Those that are accepted are stored in one transaction."""
        self._allow(caller, "cloudtasks.tasks.create", request.parent)
        _check_count(len(request.requests), MAX_CREATES, "BatchCreateTasksRequest.requests")
        queue = self._queue(request.parent)
        name = self._operation_name(queue, request.request_id)
        if earlier := self._earlier(queue, name, request.request_id, BatchCreateTasksMetadata()):
            return earlier
        metadata = BatchCreateTasksMetadata()
        set_timestamp(metadata.start_time, self._clock.now_us())
        accepted: list[tuple[Prepared, int]] = []
        taken: set[str] = set()
        for index, create in enumerate(request.requests):
            try:
                new = self._prepared_in_batch(queue, create, caller, taken)
                accepted.append((new, create.response_view))
            except Refusal as refusal:
                metadata.failed_requests[index].CopyFrom(_status(refusal))
        response = BatchCreateTasksResponse()
        response.tasks.extend(new.shown(view) for new, view in accepted)
        failed = len(metadata.failed_requests)
        metadata.state = _state(failed, len(request.requests), _PARTIAL_CREATE, _FAILED_CREATE)
        set_timestamp(metadata.end_time, self._clock.now_us())
        operation = _done(name, metadata, response if accepted else None)
        rows = [new.row for new, _ in accepted]
        self._store.insert(rows, self._kept(queue, operation, request.request_id))
        self._recent.add(operation)
        for new, _ in accepted:
            self._accepted(queue, new, caller.label)
        return operation

    async def batch_delete_tasks(
        self, request: BatchDeleteTasksRequest, caller: Caller
    ) -> Operation:
        """Delete up to 1,000 tasks."""
        self._allow(caller, "cloudtasks.tasks.delete", request.parent)
        _check_count(len(request.names), MAX_DELETES, "BatchDeleteTasksRequest.names")
        queue = self._queue(request.parent)
        name = self._operation_name(queue, request.request_id)
        if earlier := self._earlier(queue, name, request.request_id, BatchDeleteTasksMetadata()):
            return earlier
        metadata = BatchDeleteTasksMetadata()
        set_timestamp(metadata.start_time, self._clock.now_us())
        rows: dict[int, TaskRow] = {}
        for index, task in enumerate(request.names):
            try:
                row = self._named_row(queue, task)
                if row.id in rows:
                    raise refusals.task_gone()
                rows[row.id] = row
            except Refusal as refusal:
                metadata.failed_requests[index].CopyFrom(_status(refusal))
        failed = len(metadata.failed_requests)
        metadata.state = _state(failed, len(request.names), _PARTIAL_DELETE, _FAILED_DELETE)
        set_timestamp(metadata.end_time, self._clock.now_us())
        operation = _done(name, metadata, Empty() if rows else None)
        contents = [self._content_to_tell(row) for row in rows.values()]
        kept = self._kept(queue, operation, request.request_id)
        queue.forget(
            list(rows.values()), self._clock.now_us(), lambda gone: self._store.delete(gone, kept)
        )
        self._recent.add(operation)
        for row, content in zip(rows.values(), contents, strict=True):
            self._deleted(queue, row, content)
        return operation

    async def get_operation(self, request: GetOperationRequest, caller: Caller) -> Operation:
        """Return the operation of a batch call.

        It is kept for a day if the call had a request id, else while it is one of the latest.
        """
        del caller
        if recent := self._recent.get(request.name):
            return recent
        kept = self._store.operation(request.name, self._clock.now_us())
        if kept is None:
            raise refusals.entity_missing()
        return kept.operation

    def _prepared_in_batch(
        self, queue: RunningQueue, create: CreateTaskRequest, caller: Caller, taken: set[str]
    ) -> Prepared:
        if create.parent and create.parent != queue.name:
            raise refusals.invalid(
                f"The parent of a request ('{create.parent}') must be the same as the parent of "
                f"the batch ('{queue.name}')."
            )
        if caller.principal is not None:
            self._allow_create(create, caller)
        new = self._prepared(queue.name, queue, create.task)
        if new.row.name is None:
            while taken and names.short(new.name) in taken:  # an id that the batch has as a name
                new = self._prepared(queue.name, queue, create.task)
        elif new.row.name in taken:
            raise refusals.task_exists()
        else:
            taken.add(new.row.name)
        return new

    def _named_row(self, queue: RunningQueue, task: str) -> TaskRow:
        named = names.task_name(task)
        if named.queue != queue.name:
            raise refusals.invalid(
                f"The queue name from request ('{queue.name}') must be the same as the queue "
                f"name in the named task ('{named.queue}')."
            )
        row = self._row(queue, named.task_id)
        if row is None:
            raise self._missing(queue, named.task_id)
        return row

    def _operation_name(self, queue: RunningQueue, request_id: str) -> str:
        if request_id and not _is_request_id(request_id):
            raise refusals.invalid(
                "The request_id must be 1 to 128 letters, numbers, hyphens or underscores."
            )
        location = names.location_of(queue.name)
        return f"{location}/operations/{request_id or self._parts.new_uuid()}"

    def _earlier(
        self, queue: RunningQueue, name: str, request_id: str, kind: Message
    ) -> Operation | None:
        """Return the operation of an earlier call with this request id.

        A call of another kind or on another queue is refused: it would succeed and do nothing.
        """
        if not request_id:
            return None
        earlier = self._store.operation(name, self._clock.now_us())
        if earlier is None:
            return None
        if earlier.operation.metadata.TypeName() != kind.DESCRIPTOR.full_name:
            raise refusals.already_exists("This request_id belongs to an operation of another kind")
        if earlier.queue not in (None, queue.number):
            raise refusals.already_exists(
                "This request_id belongs to an operation of another queue"
            )
        return earlier.operation

    def _kept(
        self, queue: RunningQueue, operation: Operation, request_id: str
    ) -> KeptOperation | None:
        if not request_id:
            return None
        until_us = self._clock.now_us() + LIFETIME_US
        return KeptOperation(operation.name, operation, until_us, queue.number)


def _check_count(count: int, most: int, field: str) -> None:
    if not 1 <= count <= most:
        raise refusals.invalid(f"{field} must have 1 to {most} entries, not {count}.")


def _state(failures: int, asked: int, partial: int, failed: int) -> int:
    if failures == asked:
        return failed
    return partial if failures else _SUCCEEDED


def _status(refusal: Refusal) -> Status:
    return Status(code=CODES.index(refusal.code), message=refusal.message)


def _done(name: str, metadata: Message, response: Message | None) -> Operation:
    operation = Operation(name=name, done=True)
    operation.metadata.Pack(metadata)
    if response is not None:
        operation.response.Pack(response)
    else:
        operation.error.code = _ABORTED
        operation.error.message = (
            f"None of the requests succeeded, refer to {metadata.DESCRIPTOR.name}.failed_requests "
            "for individual error details"
        )
    return operation
