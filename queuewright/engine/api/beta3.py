"""v2beta3, on the service of v2: converts the requests and the answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message

from queuewright.engine.api.beta3_queue import (
    BetaQueue,
    beta_queue,
    filter_of,
    lifetimes_of,
    options_of,
    paths_of,
    queue_of,
    snake_paths,
    type_of,
    updated_options,
)
from queuewright.engine.api.beta_queues import (
    BetaMessage,
    BetaQueues,
    BetaRequest,
    QueueConversions,
)
from queuewright.engine.api.conversion import converted
from queuewright.engine.api.methods import Method, Methods, Version
from queuewright.engine.protocol import messages, messages_beta
from queuewright.engine.rules.queue_config import QueueOptions
from queuewright.engine.rules.task_message import FULL
from queuewright.engine.service.service import Caller, Service
from queuewright.errors import Refusal

SERVICE: Final = "google.cloud.tasks.v2beta3.CloudTasks"
"""The full name of the gRPC service."""

_CONVERSIONS: Final = QueueConversions(
    queue_of, options_of, filter_of, beta_queue, messages_beta.ListQueuesResponse
)

_IN_OPERATIONS: Final = (
    (messages.BatchCreateTasksMetadata, messages_beta.BatchCreateTasksMetadata),
    (messages.BatchCreateTasksResponse, messages_beta.BatchCreateTasksResponse),
    (messages.BatchDeleteTasksMetadata, messages_beta.BatchDeleteTasksMetadata),
)
"""The messages inside an operation, in v2 and in v2beta3."""


def version(service: Service) -> Version:
    """Return v2beta3 of the API."""
    beta = Beta3(service)
    methods: Methods = {
        "ListQueues": Method(messages_beta.ListQueuesRequest, beta.list_queues),
        "GetQueue": Method(messages_beta.GetQueueRequest, beta.get_queue),
        "CreateQueue": Method(messages_beta.CreateQueueRequest, beta.create_queue),
        "UpdateQueue": Method(messages_beta.UpdateQueueRequest, beta.update_queue),
        "DeleteQueue": Method(messages_beta.DeleteQueueRequest, beta.delete_queue),
        "PurgeQueue": Method(messages_beta.PurgeQueueRequest, beta.purge_queue),
        "PauseQueue": Method(messages_beta.PauseQueueRequest, beta.pause_queue),
        "ResumeQueue": Method(messages_beta.ResumeQueueRequest, beta.resume_queue),
        "GetIamPolicy": Method(messages.GetIamPolicyRequest, service.get_iam_policy),
        "SetIamPolicy": Method(messages.SetIamPolicyRequest, service.set_iam_policy),
        "TestIamPermissions": Method(
            messages.TestIamPermissionsRequest, service.test_iam_permissions
        ),
        "ListTasks": Method(messages_beta.ListTasksRequest, beta.list_tasks),
        "GetTask": Method(messages_beta.GetTaskRequest, beta.get_task),
        "CreateTask": Method(messages_beta.CreateTaskRequest, beta.create_task),
        "DeleteTask": Method(messages_beta.DeleteTaskRequest, beta.delete_task),
        "RunTask": Method(messages_beta.RunTaskRequest, beta.run_task),
        "BatchCreateTasks": Method(messages_beta.BatchCreateTasksRequest, beta.batch_create_tasks),
        "BatchDeleteTasks": Method(messages_beta.BatchDeleteTasksRequest, beta.batch_delete_tasks),
        "GetCmekConfig": Method(messages_beta.GetCmekConfigRequest, beta.get_cmek_config),
        "UpdateCmekConfig": Method(messages_beta.UpdateCmekConfigRequest, beta.update_cmek_config),
        "GetOperation": Method(messages.GetOperationRequest, beta.get_operation),
        "ListLocations": Method(messages.ListLocationsRequest, service.list_locations),
        "GetLocation": Method(messages.GetLocationRequest, service.get_location),
    }
    return Version(methods, beta.buffer_task)


class Beta3(BetaQueues):
    """The RPCs whose messages differ between v2 and v2beta3."""

    def __init__(self, service: Service) -> None:
        super().__init__(service, _CONVERSIONS)

    async def update_queue(self, request: BetaRequest, caller: Caller) -> BetaQueue:
        """Update a queue by a mask, or create it."""
        paths = snake_paths(request.update_mask)
        update = messages.UpdateQueueRequest(queue=queue_of(request.queue))
        update.update_mask.paths.extend(paths_of(paths))
        current = self._options(request.queue.name)
        wanted = replace(lifetimes_of(request.queue), pull=type_of(request.queue, current, paths))
        options = updated_options(current, wanted, paths)
        return self._shown(await self._service.update_queue(update, caller, options))

    async def create_task(self, request: BetaRequest, caller: Caller) -> BetaMessage:
        """Create a task. Pull messages are refused."""
        _check_no_pull(request.task)
        create = converted(request, messages.CreateTaskRequest)
        return _task(await self._service.create_task(create, caller))

    async def get_task(self, request: BetaRequest, caller: Caller) -> BetaMessage:
        """Return a task."""
        get = converted(request, messages.GetTaskRequest)
        if self._service.is_pull_queue(get.name.partition("/tasks/")[0]):
            return _pull_task(await self._service.get_pull_task(get, caller))
        return _task(await self._service.get_task(get, caller))

    async def list_tasks(self, request: BetaRequest, caller: Caller) -> BetaMessage:
        """Return a queue's tasks."""
        list_ = converted(request, messages.ListTasksRequest)
        if self._service.is_pull_queue(list_.parent):
            page = await self._service.list_pull_tasks(list_, caller)
            shown = messages_beta.ListTasksResponse(next_page_token=page.next_page_token)
            shown.tasks.extend(_pull_task(task) for task in page.tasks)
            return shown
        answer = await self._service.list_tasks(list_, caller)
        return converted(answer, messages_beta.ListTasksResponse)

    async def run_task(self, request: BetaRequest, caller: Caller) -> BetaMessage:
        """Start an attempt of a task now."""
        return _task(
            await self._service.run_task(converted(request, messages.RunTaskRequest), caller)
        )

    async def buffer_task(
        self,
        queue: str,
        task_id: str,
        headers: Mapping[str, str],
        body: bytes,
        caller: Caller,
    ) -> BetaMessage:
        """Create a task from a plain HTTP request."""
        return _task(await self._service.buffer_task(queue, task_id, headers, body, caller))

    async def batch_create_tasks(self, request: BetaRequest, caller: Caller) -> BetaMessage:
        """Create up to 100 tasks."""
        for one in request.requests:
            _check_no_pull(one.task)
        create = converted(request, messages.BatchCreateTasksRequest)
        return _operation(await self._service.batch_create_tasks(create, caller))

    async def batch_delete_tasks(self, request: BetaRequest, caller: Caller) -> Message:
        """Delete up to 1,000 tasks."""
        delete = converted(request, messages.BatchDeleteTasksRequest)
        return _operation(await self._service.batch_delete_tasks(delete, caller))

    async def get_cmek_config(self, request: BetaRequest, caller: Caller) -> BetaMessage:
        """Refused, as in v2."""
        get = converted(request, messages.GetCmekConfigRequest)
        return converted(await self._service.get_cmek_config(get, caller), messages_beta.CmekConfig)

    async def update_cmek_config(self, request: BetaRequest, caller: Caller) -> BetaMessage:
        """Refused, as in v2."""
        update = converted(request, messages.UpdateCmekConfigRequest)
        config = await self._service.update_cmek_config(update, caller)
        return converted(config, messages_beta.CmekConfig)

    async def get_operation(
        self, request: messages.GetOperationRequest, caller: Caller
    ) -> messages.Operation:
        """Return an operation with v2beta3 metadata and response."""
        return _operation(await self._service.get_operation(request, caller))

    def _options(self, name: str) -> QueueOptions:
        """Return the options of a queue, or those of a new queue if it does not exist."""
        try:
            return self._service.options(name)
        except Refusal:
            return QueueOptions()


def _task(task: messages.Task) -> BetaMessage:
    return converted(task, messages_beta.Task)


def _pull_task(task: Message) -> BetaMessage:
    """Return a v2beta2 task of a pull queue; v2beta3 shows its message in FULL only."""
    shown = converted(task, messages_beta.Task)
    shown.dispatch_count = task.status.attempt_dispatch_count  # type: ignore[attr-defined]
    if shown.view != FULL:
        shown.ClearField("pull_message")
    return shown


def _operation(operation: messages.Operation) -> messages.Operation:
    """Return an operation whose contents are v2beta3 messages."""
    shown = messages.Operation()
    shown.CopyFrom(operation)
    if shown.HasField("metadata"):
        _repack(shown.metadata)
    if shown.HasField("response"):
        _repack(shown.response)
    return shown


def _repack(carried: AnyMessage) -> None:
    for old, new in _IN_OPERATIONS:
        message = old()
        if carried.Unpack(message):
            carried.Pack(converted(message, new))
            return


def _check_no_pull(task: BetaRequest) -> None:
    if task.HasField("pull_message"):
        raise Refusal("INVALID_ARGUMENT", "Task.pullMessage cannot be set.")
