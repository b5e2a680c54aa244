"""The gRPC front of the engine: bytes become a call of the service, and back.

Requests are parsed here and not by gRPC, so that malformed ones are refused as Google does it
and not with INTERNAL.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError, Message

from queuewright.engine.clock import SystemClock
from queuewright.engine.dispatch.addresses import host_port, unusable
from queuewright.engine.protocol import messages, refusals
from queuewright.engine.protocol.status import CODES
from queuewright.engine.protocol.times import text
from queuewright.engine.service.calls import Caller
from queuewright.engine.service.service import Service
from queuewright.errors import Refusal

MAX_REQUEST_BYTES: Final = 112 * 1024 * 1024
"""A batch of 100 tasks of the greatest size, and some more."""

_LONGEST_WAIT_S: Final = 30.0
_ROUNDED_UP_S: Final = 0.2  # gRPC sends a timeout of this size in tenths of a second, rounded up
_LONGEST_MESSAGE: Final = 2_000
_LOG: Final = logging.getLogger(__name__)

_TASKS_RPCS: Final = (
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
)


@dataclass(frozen=True)
class GrpcService:
    """One gRPC service: the coroutines of `target`, called with requests of `classes`.

    The method of an RPC is its name in snake_case.
    """

    name: str
    target: object
    requests: Mapping[str, type[Message]]
    """Request class by RPC."""


def v2_services(service: Service) -> list[GrpcService]:
    """Return what a v2 client calls: CloudTasks, Operations and Locations."""
    return [
        tasks_service("google.cloud.tasks.v2.CloudTasks", service, messages),
        GrpcService(
            "google.longrunning.Operations",
            service,
            {"GetOperation": messages.GetOperationRequest},
        ),
        GrpcService(
            "google.cloud.location.Locations",
            service,
            {
                "ListLocations": messages.ListLocationsRequest,
                "GetLocation": messages.GetLocationRequest,
            },
        ),
    ]


def tasks_service(name: str, target: object, classes: object) -> GrpcService:
    """Return the CloudTasks service of one version; `classes` has its request classes by name."""
    return GrpcService(
        name,
        target,
        {
            rpc: getattr(classes, f"{rpc}Request")
            for rpc in _TASKS_RPCS
            if hasattr(classes, f"{rpc}Request") and hasattr(target, _snake(rpc))
        },
    )


async def listening(
    services: Iterable[GrpcService], caller: Caller, host: str, port: int
) -> tuple[grpc.aio.Server, int]:
    """Start a server on which whoever connects is `caller`; return it and its port.

    Raises:
        TargetError: the port can't be used.
    """
    server = grpc.aio.server(
        options=[
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
            ("grpc.max_send_message_length", -1),
        ]
    )
    server.add_generic_rpc_handlers(
        tuple(
            grpc.method_handlers_generic_handler(
                service.name,
                {
                    rpc: _handler(getattr(service.target, _snake(rpc)), request, caller)
                    for rpc, request in service.requests.items()
                },
            )
            for service in services
        )
    )
    try:
        bound = server.add_insecure_port(host_port(host, port))
    except RuntimeError as error:
        raise unusable("gRPC", host, port) from error
    await server.start()
    return server, bound


def _handler(
    method: Callable[[Message, Caller], Awaitable[Message]],
    request_class: type[Message],
    caller: Caller,
) -> grpc.RpcMethodHandler[bytes, bytes]:
    async def answer(raw: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        try:
            _check_deadline(context.time_remaining())
            request = request_class.FromString(raw)
            response = await method(request, caller)
            return response.SerializeToString()
        except Refusal as refusal:
            await _refuse(context, refusal)
        except DecodeError:
            await _refuse(context, refusals.invalid("Request contains an invalid argument."))
        except Exception:
            _LOG.exception("%s failed", request_class.DESCRIPTOR.full_name)
            await context.abort(grpc.StatusCode.INTERNAL, "Internal error encountered.")
        raise AssertionError("abort does not return")

    return grpc.unary_unary_rpc_method_handler(answer)


def _check_deadline(remaining_s: float | None) -> None:
    if remaining_s is not None and remaining_s > _LONGEST_WAIT_S + _ROUNDED_UP_S:
        deadline_us = SystemClock().now_us() + int(remaining_s * 1_000_000)
        raise refusals.deadline_too_far(text(min(deadline_us, 253_402_300_799_000_000)))


async def _refuse(context: grpc.aio.ServicerContext[bytes, bytes], refusal: Refusal) -> None:
    code = grpc.StatusCode[refusal.code]
    message = refusal.message
    if len(message) > _LONGEST_MESSAGE:  # it travels as a header, which has a limit
        message = f"{message[:_LONGEST_MESSAGE]}…"
    status = messages.Status(code=CODES.index(refusal.code), message=message)
    for detail in refusal.details:
        assert isinstance(detail, Message), "a detail of a refusal is a protobuf message"
        packed = Any()
        packed.Pack(detail)
        status.details.append(packed)
    trailer = ("grpc-status-details-bin", status.SerializeToString())
    await context.abort(code, message, trailing_metadata=(trailer,) if refusal.details else ())


def _snake(rpc: str) -> str:
    return re.sub("(?<!^)(?=[A-Z])", "_", rpc).lower()
