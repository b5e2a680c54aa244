"""v2beta2, which is refused whole: its own part, leasing from pull queues, is not emulated."""

from __future__ import annotations

from typing import Final, Never

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from queuewright.engine.service.calls import Caller
from queuewright.errors import Refusal

SERVICE: Final = "google.cloud.tasks.v2beta2.CloudTasks"
"""The service's name over gRPC."""

REQUESTS: Final[dict[str, type[Message]]] = dict.fromkeys(
    (
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
    ),
    Empty,
)
"""Its RPCs. What they ask does not matter: any message reads as an empty one."""


class Beta2:
    """Has a coroutine for each RPC, and each refuses."""

    def __getattr__(self, name: str) -> object:
        async def refused(request: Message, caller: Caller) -> Never:
            del request, caller
            raise refusal()

        if name.startswith("__"):
            raise AttributeError(name)
        return refused


def refusal() -> Refusal:
    """Return what any call of v2beta2 is answered with."""
    text = (
        "The v2beta2 API is not emulated yet: leasing tasks from pull queues comes with a later "
        "version of queuewright. For push queues use v2, or v2beta3 for a queue's statistics."
    )
    return Refusal("UNIMPLEMENTED", text)
