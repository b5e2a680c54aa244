"""The table of RPCs: the request class and the coroutine of each.

gRPC and REST share the table. Each version of the API has its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar

from google.protobuf.message import Message

from queuewright.engine.protocol import messages
from queuewright.engine.service.service import Caller, Service

Request = TypeVar("Request", bound=Message)

Rpc = Literal[
    "ListQueues",
    "GetQueue",
    "CreateQueue",
    "UpdateQueue",
    "DeleteQueue",
    "PurgeQueue",
    "PauseQueue",
    "ResumeQueue",
    "GetIamPolicy",
    "SetIamPolicy",
    "TestIamPermissions",
    "ListTasks",
    "GetTask",
    "CreateTask",
    "DeleteTask",
    "RunTask",
    "BatchCreateTasks",
    "BatchDeleteTasks",
    "GetCmekConfig",
    "UpdateCmekConfig",
    "GetOperation",
    "ListLocations",
    "GetLocation",
    # v2beta2 only
    "AcknowledgeTask",
    "CancelLease",
    "LeaseTasks",
    "RenewLease",
    "UploadQueueYaml",
]
"""The names of the RPCs of all versions, as in Google's services."""


class Method(NamedTuple):
    """An RPC's request class, and the coroutine that takes a request and the caller."""

    request: type[Message]
    call: Callable[[Any, Caller], Awaitable[Message]]


Methods = Mapping[Rpc, Method]

BufferTask = Callable[[str, str, Mapping[str, str], bytes, Caller], Awaitable[Message]]
"""Takes queue, task id, headers, body and caller; REST only. See `TaskCalls.buffer_task`."""


@dataclass(frozen=True)
class Version:
    """One version of the API."""

    methods: Methods
    buffer_task: BufferTask

    def serves(self, rpc: Rpc | Literal["BufferTask"]) -> bool:
        """Return whether this version has an RPC."""
        return rpc == "BufferTask" or rpc in self.methods


def method(request: type[Request], call: Callable[[Request, Caller], Awaitable[Message]]) -> Method:
    """Return a method whose coroutine takes requests of this class."""
    return Method(request, call)


def v2(service: Service) -> Version:
    """Return v2 of the API."""
    methods: Methods = {
        "ListQueues": method(messages.ListQueuesRequest, service.list_queues),
        "GetQueue": method(messages.GetQueueRequest, service.get_queue),
        "CreateQueue": method(messages.CreateQueueRequest, service.create_queue),
        "UpdateQueue": method(messages.UpdateQueueRequest, service.update_queue),
        "DeleteQueue": method(messages.DeleteQueueRequest, service.delete_queue),
        "PurgeQueue": method(messages.PurgeQueueRequest, service.purge_queue),
        "PauseQueue": method(messages.PauseQueueRequest, service.pause_queue),
        "ResumeQueue": method(messages.ResumeQueueRequest, service.resume_queue),
        "GetIamPolicy": method(messages.GetIamPolicyRequest, service.get_iam_policy),
        "SetIamPolicy": method(messages.SetIamPolicyRequest, service.set_iam_policy),
        "TestIamPermissions": method(
            messages.TestIamPermissionsRequest, service.test_iam_permissions
        ),
        "ListTasks": method(messages.ListTasksRequest, service.list_tasks),
        "GetTask": method(messages.GetTaskRequest, service.get_task),
        "CreateTask": method(messages.CreateTaskRequest, service.create_task),
        "DeleteTask": method(messages.DeleteTaskRequest, service.delete_task),
        "RunTask": method(messages.RunTaskRequest, service.run_task),
        "BatchCreateTasks": method(messages.BatchCreateTasksRequest, service.batch_create_tasks),
        "BatchDeleteTasks": method(messages.BatchDeleteTasksRequest, service.batch_delete_tasks),
        "GetCmekConfig": method(messages.GetCmekConfigRequest, service.get_cmek_config),
        "UpdateCmekConfig": method(messages.UpdateCmekConfigRequest, service.update_cmek_config),
        "GetOperation": method(messages.GetOperationRequest, service.get_operation),
        "ListLocations": method(messages.ListLocationsRequest, service.list_locations),
        "GetLocation": method(messages.GetLocationRequest, service.get_location),
    }
    return Version(methods, service.buffer_task)
