"""The gRPC listener.

It parses the requests itself, because gRPC would answer a malformed request with INTERNAL, not
with Google's refusal.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from queuewright.engine.api import beta2, beta3, methods
from queuewright.engine.api.methods import Method, Methods, Rpc
from queuewright.engine.clock import SystemClock
from queuewright.engine.dispatch.addresses import host_port, unusable
from queuewright.engine.protocol import messages, refusals
from queuewright.engine.protocol.times import text
from queuewright.engine.service.calls import Caller
from queuewright.engine.service.service import Service
from queuewright.errors import Refusal
from queuewright.grpc_refusal import refuse

ENDED_ATTEMPTS: Final = "queuewright.v1.EndedAttempts"
"""A service of our own, for `queuewright tasks`. It has ListTasks with Google's messages, but the
attempts that run are left out, so the last attempt is the last one that ended."""

MAX_REQUEST_BYTES: Final = 112 * 1024 * 1024
"""Enough for a batch of 100 tasks of the maximum size."""

_LONGEST_WAIT_S: Final = 30.0
_ROUNDED_UP_S: Final = 0.2  # gRPC rounds a timeout of this size up to a tenth of a second
_LOG: Final = logging.getLogger(__name__)

_OPERATIONS: Final[tuple[Rpc, ...]] = ("GetOperation",)
_LOCATIONS: Final[tuple[Rpc, ...]] = ("ListLocations", "GetLocation")


@dataclass(frozen=True)
class GrpcService:
    """A gRPC service: its full name, and its methods by RPC name."""

    name: str
    methods: Mapping[str, Method]


def services(service: Service) -> list[GrpcService]:
    """Return the services of every version. Operations and Locations answer in v2."""
    v2 = methods.v2(service).methods
    return [
        _tasks_service("google.cloud.tasks.v2.CloudTasks", v2),
        GrpcService("google.longrunning.Operations", {rpc: v2[rpc] for rpc in _OPERATIONS}),
        GrpcService("google.cloud.location.Locations", {rpc: v2[rpc] for rpc in _LOCATIONS}),
        _tasks_service(beta3.SERVICE, beta3.version(service).methods),
        _tasks_service(beta2.SERVICE, beta2.version(service).methods),
        GrpcService(ENDED_ATTEMPTS, {"ListTasks": _ended_attempts(service)}),
    ]


def _ended_attempts(service: Service) -> Method:
    return methods.method(messages.ListTasksRequest, service.list_ended_attempts)


def _tasks_service(name: str, methods: Methods) -> GrpcService:
    """Return the CloudTasks service of one version."""
    elsewhere = (*_OPERATIONS, *_LOCATIONS)
    own: dict[str, Method] = {
        rpc: method for rpc, method in methods.items() if rpc not in elsewhere
    }
    return GrpcService(name, own)


async def listening(
    services: Iterable[GrpcService], caller: Caller, host: str, port: int
) -> tuple[grpc.aio.Server, int]:
    """Start a server whose clients are all `caller`; return it and its port.

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
                {rpc: _handler(method, caller) for rpc, method in service.methods.items()},
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


def _handler(method: Method, caller: Caller) -> grpc.RpcMethodHandler[bytes, bytes]:
    request_class, call = method

    async def answer(raw: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        try:
            _check_deadline(context.time_remaining())
            request = request_class.FromString(raw)
            response = await call(request, caller)
            return response.SerializeToString()
        except Refusal as refusal:
            await refuse(context, refusal)
        except DecodeError:
            await refuse(context, refusals.invalid("Request contains an invalid argument."))
        except Exception:
            _LOG.exception("%s failed", request_class.DESCRIPTOR.full_name)
            await context.abort(grpc.StatusCode.INTERNAL, "Internal error encountered.")
        raise AssertionError("abort does not return")

    return grpc.unary_unary_rpc_method_handler(answer)


def _check_deadline(remaining_s: float | None) -> None:
    if remaining_s is not None and remaining_s > _LONGEST_WAIT_S + _ROUNDED_UP_S:
        deadline_us = SystemClock().now_us() + int(remaining_s * 1_000_000)
        raise refusals.deadline_too_far(text(min(deadline_us, 253_402_300_799_000_000)))
