"""Refuses v2beta2: what sets it apart, leasing tasks from pull queues, is not emulated."""

from __future__ import annotations

from typing import Final, Never

from google.protobuf.empty_pb2 import Empty

from queuewright.engine.api.methods import Method, Methods, Rpc
from queuewright.engine.service.calls import Caller
from queuewright.errors import Refusal

SERVICE: Final = "google.cloud.tasks.v2beta2.CloudTasks"
"""The full name of the gRPC service."""

RPCS: Final[tuple[Rpc, ...]] = (
    "AcknowledgeTask",
    "CancelLease",
    "CreateQueue",
    "CreateTask",
    "DeleteQueue",
    "DeleteTask",
    "GetIamPolicy",
    "GetQueue",
    "GetTask",
    "LeaseTasks",
    "ListQueues",
    "ListTasks",
    "PauseQueue",
    "PurgeQueue",
    "RenewLease",
    "ResumeQueue",
    "RunTask",
    "SetIamPolicy",
    "TestIamPermissions",
    "UpdateQueue",
    "UploadQueueYaml",
)


def methods() -> Methods:
    """Return the RPCs, all of which are refused. Every request can be parsed as an `Empty`."""
    return dict.fromkeys(RPCS, Method(Empty, _refused))


def refusal() -> Refusal:
    """Return the answer to every call of v2beta2."""
    text = (
        "The v2beta2 API is not emulated yet: leasing tasks from pull queues comes with a later "
        "version of queuewright. For push queues use v2, or v2beta3 for a queue's statistics."
    )
    return Refusal("UNIMPLEMENTED", text)


async def _refused(request: Empty, caller: Caller) -> Never:
    del request, caller
    raise refusal()
