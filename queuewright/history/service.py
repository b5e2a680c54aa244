"""The history as a gRPC service of our own, beside the engine's API, and its client.

Requests and responses are JSON in a `google.protobuf.StringValue`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection, Mapping
from typing import Final

import grpc
from google.protobuf.wrappers_pb2 import StringValue

from queuewright.engine import Caller, GrpcMethod, GrpcService
from queuewright.errors import Refusal, TargetError
from queuewright.history.history import History
from queuewright.history.records import State, TaskHistory, TaskRecord
from queuewright.history.wire import (
    records_from_json,
    records_to_json,
    task_from_json,
    task_to_json,
)

SERVICE: Final = "queuewright.v1.History"
MOST: Final = 1_000
"""Tasks in one answer."""


def history_service(history: History) -> GrpcService:
    """Return the service. It is for the developer's listener: handlers must not read bodies."""

    async def get_task(request: StringValue, caller: Caller) -> StringValue:
        del caller
        name = json.loads(request.value)["name"]
        return await _answered(lambda: task_to_json(history.task(name)))

    async def list_tasks(request: StringValue, caller: Caller) -> StringValue:
        del caller
        asked = json.loads(request.value)
        return await _answered(
            lambda: records_to_json(
                history.tasks(
                    asked["queue"],
                    asked["states"],
                    text=asked["text"],
                    before=asked["before"],
                    limit=min(asked["limit"], MOST),
                )
            )
        )

    methods = {"GetTask": get_task, "ListTasks": list_tasks}
    return GrpcService(
        SERVICE, {name: GrpcMethod(StringValue, call) for name, call in methods.items()}
    )


class RemoteHistory:
    """The history of an engine in another process.

    Args:
        address: `host:port` of its gRPC API.
    """

    def __init__(self, address: str) -> None:
        self._address = address

    def task(self, name: str) -> TaskHistory | None:
        """Return all that is known about the latest task of a name; None without a history.

        Raises:
            TargetError: nothing answers, or the history cannot be read.
        """
        answer = self._call("GetTask", {"name": name})
        return None if answer is None else task_from_json(answer)

    def tasks(
        self,
        queue: str,
        states: Collection[State],
        *,
        text: str = "",
        before: int | None = None,
        limit: int = 50,
    ) -> list[TaskRecord] | None:
        """Return tasks that are gone, as `History.tasks`, 1,000 at most; None without a history.

        Raises:
            TargetError: nothing answers, or the history cannot be read.
        """
        asked = {
            "queue": queue,
            "states": list(states),
            "text": text,
            "before": before,
            "limit": limit,
        }
        answer = self._call("ListTasks", asked)
        return None if answer is None else records_from_json(answer)

    def _call(self, rpc: str, asked: Mapping[str, object]) -> str | None:
        options = [("grpc.max_receive_message_length", -1)]
        with grpc.insecure_channel(self._address, options=options) as channel:
            call = channel.unary_unary(
                f"/{SERVICE}/{rpc}",
                request_serializer=StringValue.SerializeToString,
                response_deserializer=StringValue.FromString,
            )
            try:
                answer: StringValue = call(StringValue(value=json.dumps(asked)), timeout=10)
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.UNIMPLEMENTED:  # another emulator
                    return None
                raise TargetError(f"no history from {self._address}: {error.details()}") from None
        return answer.value


async def _answered(query: Callable[[], str]) -> StringValue:
    """Run a query in a thread."""
    try:
        return StringValue(value=await asyncio.to_thread(query))
    except TargetError as error:
        raise Refusal("UNAVAILABLE", str(error)) from error
