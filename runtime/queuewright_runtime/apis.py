"""The calls that create tasks: over REST, or over gRPC to a local engine.

Both take and return the API's JSON.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from queuewright_runtime.credentials import access_token
from queuewright_runtime.errors import ApiError
from queuewright_runtime.rest import (
    ATTEMPTS,
    CLOUD_TASKS,
    EMULATOR_URL,
    TIMEOUT_S,
    Rest,
    backoff_s,
    is_passing,
)

EMULATOR_HOST = "CLOUD_TASKS_EMULATOR_HOST"
"""The environment variable with the `host:port` of a local engine's gRPC API."""

# google/rpc/code.proto, and the HTTP status of each: https://google.aip.dev/193.
CODES = (
    ("OK", 200),
    ("CANCELLED", 499),
    ("UNKNOWN", 500),
    ("INVALID_ARGUMENT", 400),
    ("DEADLINE_EXCEEDED", 504),
    ("NOT_FOUND", 404),
    ("ALREADY_EXISTS", 409),
    ("PERMISSION_DENIED", 403),
    ("RESOURCE_EXHAUSTED", 429),
    ("FAILED_PRECONDITION", 400),
    ("ABORTED", 409),
    ("OUT_OF_RANGE", 400),
    ("UNIMPLEMENTED", 501),
    ("INTERNAL", 500),
    ("UNAVAILABLE", 503),
    ("DATA_LOSS", 500),
    ("UNAUTHENTICATED", 401),
)
UNKNOWN = 2


class TasksApi(Protocol):
    """Creates tasks in Cloud Tasks. Threads may share it."""

    def create_task(self, queue: str, task: Mapping[str, Any]) -> None:
        """Create a named task.

        Raises:
            ApiError: it was not created; errors that may pass were met again and again.
        """

    def create_tasks(
        self, queue: str, tasks: Sequence[Mapping[str, Any]], request_id: str
    ) -> dict[str, Any]:
        """Start to create up to 100 named tasks, and return the operation.

        Raises:
            ApiError: no task was created, or nobody knows.
        """

    def operation(self, name: str) -> dict[str, Any]:
        """Return an operation."""

    def close(self) -> None:
        """Close the connections."""


class RestApi:
    """Cloud Tasks over REST."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def create_task(self, queue: str, task: Mapping[str, Any]) -> None:
        """Create a named task."""
        self._rest.create_task(queue, task)

    def create_tasks(
        self, queue: str, tasks: Sequence[Mapping[str, Any]], request_id: str
    ) -> dict[str, Any]:
        """Start to create up to 100 named tasks, and return the operation."""
        body = {"requests": [{"task": task} for task in tasks], "requestId": request_id}
        return self._rest.call("POST", f"{queue}/tasks:batchCreate", body, is_idempotent=True)

    def operation(self, name: str) -> dict[str, Any]:
        """Return an operation."""
        return self._rest.call("GET", name, is_idempotent=True)

    def close(self) -> None:
        """Close the connections."""
        self._rest.close()


class GrpcApi:
    """A local engine over gRPC, on one channel. Needs the package `google-cloud-tasks`.

    Args:
        address: `host:port`.
        sleep: waits for a number of seconds.
        chance: returns a number from 0 to 1, for the jitter.
    """

    def __init__(
        self,
        address: str,
        *,
        sleep: Callable[[float], object] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        try:
            import grpc
            from google.cloud import tasks_v2
            from google.longrunning import operations_pb2
        except ImportError as error:
            raise ImportError(
                f"`${EMULATOR_HOST}` is set, and gRPC needs Google's client ({error}); set "
                f"`{EMULATOR_URL}` to `http://host:port` of the engine's REST API instead, or "
                "install `google-cloud-tasks`"
            ) from error
        self._error: type[Exception] = grpc.RpcError
        self._sleep, self._chance = sleep, chance
        self._channel = grpc.insecure_channel(
            address, options=[("grpc.max_receive_message_length", -1)]
        )
        create = tasks_v2.CreateTaskRequest.pb()
        batch = tasks_v2.BatchCreateTasksRequest.pb()
        get = operations_pb2.GetOperationRequest
        operation = operations_pb2.Operation
        tasks = "/google.cloud.tasks.v2.CloudTasks/"
        self._create = self._method(f"{tasks}CreateTask", create, tasks_v2.Task.pb())
        self._batch = self._method(f"{tasks}BatchCreateTasks", batch, operation)
        self._get = self._method("/google.longrunning.Operations/GetOperation", get, operation)

    def create_task(self, queue: str, task: Mapping[str, Any]) -> None:
        """Create a named task."""
        self._create({"parent": queue, "task": task})

    def create_tasks(
        self, queue: str, tasks: Sequence[Mapping[str, Any]], request_id: str
    ) -> dict[str, Any]:
        """Start to create up to 100 named tasks, and return the operation."""
        requests = [{"task": task} for task in tasks]
        return self._batch({"parent": queue, "requests": requests, "requestId": request_id})

    def operation(self, name: str) -> dict[str, Any]:
        """Return an operation."""
        return self._get({"name": name})

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()

    def _method(
        self,
        path: str,
        request: Any,  # noqa: ANN401 - a class of protobuf's messages
        answer: Any,  # noqa: ANN401
    ) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
        from google.protobuf.json_format import MessageToDict, ParseDict

        send = self._channel.unary_unary(
            path,
            request_serializer=request.SerializeToString,
            response_deserializer=answer.FromString,
        )

        def call(message: Mapping[str, Any]) -> dict[str, Any]:
            asked = ParseDict(dict(message), request())
            attempt = 0
            while True:
                attempt += 1
                try:
                    found: dict[str, Any] = MessageToDict(send(asked, timeout=TIMEOUT_S))
                    return found
                except self._error as error:
                    failed = _from_grpc(error)
                    if not is_passing(failed) or attempt >= ATTEMPTS:
                        raise failed from error
                self._sleep(backoff_s(attempt, self._chance()))

        return call


def tasks_api(
    variables: Mapping[str, str] = os.environ, *, url: str | None = None
) -> RestApi | GrpcApi:
    """Return the engine that the variables name, else Google's Cloud Tasks.

    Args:
        variables: `CLOUD_TASKS_EMULATOR_URL` comes before `CLOUD_TASKS_EMULATOR_HOST`.
        url: `http://host:port` of an engine; it comes before both.

    Raises:
        ImportError: only gRPC is left, and Google's client for it is not installed.
    """
    url = url or variables.get(EMULATOR_URL)
    if url:
        return RestApi(Rest(f"{url.rstrip('/')}/v2"))
    if variables.get(EMULATOR_HOST):
        return GrpcApi(variables[EMULATOR_HOST])
    return RestApi(Rest(f"{CLOUD_TASKS}/v2", access_token()))


def coded(number: int, message: str) -> ApiError:
    """Return the error with a code of google/rpc/code.proto.

    >>> coded(6, "Taken.").http_status
    409
    """
    code, status = CODES[number if 0 <= number < len(CODES) else UNKNOWN]
    return ApiError(code, message, http_status=status)


def _from_grpc(error: Any) -> ApiError:  # noqa: ANN401 - grpc.RpcError says nothing of its methods
    return coded(error.code().value[0], error.details() or "")
