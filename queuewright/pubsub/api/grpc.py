"""The gRPC listener.

It parses the requests itself, because gRPC would answer a malformed request with INTERNAL, not
with a refusal.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Struct

from queuewright.engine import host_port, unusable
from queuewright.errors import Refusal
from queuewright.grpc_refusal import refuse
from queuewright.pubsub.api.held import HELD_MESSAGES, held_messages
from queuewright.pubsub.api.methods import CONSUME, SUBSCRIBER, Method, methods
from queuewright.pubsub.api.stream import Stream
from queuewright.pubsub.delivery.taker import Poller
from queuewright.pubsub.protocol import refusals
from queuewright.pubsub.protocol.messages import (
    PullRequest,
    StreamingPullRequest,
    StreamingPullResponse,
)
from queuewright.pubsub.service.access import Access, Client
from queuewright.pubsub.service.publisher import Publisher
from queuewright.pubsub.service.subscriber import Subscriber

MAX_REQUEST_BYTES: Final = 20 * 1024 * 1024
"""More than a Publish request may have, so that a larger one is refused in Google's words."""

_PINGS_MS: Final = 1_000
"""How often a client may send HTTP/2 pings. gRPC's own limit, 5 minutes, would close the
connection of a client with the keep-alive that Google's clients use for Google (30 seconds)."""

_LOG: Final = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[bytes, bytes]


@dataclass(frozen=True)
class ListenerParts:
    """What a listener answers with, and to whom."""

    publisher: Publisher
    subscriber: Subscriber
    access: Access
    client: Client
    """Who makes all of its calls."""
    poller: Poller
    """The same, as the one that takes messages."""
    on_poll: Callable[[], None]
    """Called when a Pull or a stream begins that is not refused."""


async def listening(parts: ListenerParts, host: str, port: int) -> tuple[grpc.aio.Server, int]:
    """Start a server; return it and its port.

    Raises:
        TargetError: the port can't be used.
    """
    server = grpc.aio.server(
        options=[
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
            ("grpc.max_send_message_length", -1),
            ("grpc.http2.min_ping_interval_without_data_ms", _PINGS_MS),
            ("grpc.http2.min_recv_ping_interval_without_data_ms", _PINGS_MS),
            ("grpc.http2.max_ping_strikes", 0),
            ("grpc.keepalive_permit_without_calls", 1),
        ]
    )
    server.add_generic_rpc_handlers((_Handlers(parts),))
    try:
        bound = server.add_insecure_port(host_port(host, port))
    except RuntimeError as error:
        raise unusable("Pub/Sub", host, port) from error
    await server.start()
    return server, bound


class _Handlers(grpc.GenericRpcHandler):  # type: ignore[type-arg] # not at run time
    """Finds the handler of a call by its path; every other path is refused in plain words."""

    def __init__(self, parts: ListenerParts) -> None:
        self._handlers = {
            path: _unary(method, parts)
            for path, method in methods(parts.publisher, parts.subscriber).items()
        }
        self._handlers[f"/{SUBSCRIBER}/Pull"] = _pull(parts)
        self._handlers[f"/{SUBSCRIBER}/StreamingPull"] = _streaming_pull(parts)
        if parts.client.principal is None:
            self._handlers[f"/{HELD_MESSAGES}/List"] = _held(parts.subscriber)

    def service(
        self, details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        return self._handlers.get(details.method) or _not_emulated(details.method)


def _unary(method: Method, parts: ListenerParts) -> grpc.RpcMethodHandler[bytes, bytes]:
    async def answer(raw: bytes, context: Context) -> bytes:
        async def response() -> bytes:
            request = method.request.FromString(raw)
            parts.access.check(parts.client, method.permission, method.resource(request))
            message = await method.call(request)
            return message.SerializeToString()

        return await _answered(context, response)

    return grpc.unary_unary_rpc_method_handler(answer)


def _held(subscriber: Subscriber) -> grpc.RpcMethodHandler[bytes, bytes]:
    async def answer(raw: bytes, context: Context) -> bytes:
        async def response() -> bytes:
            message = await held_messages(subscriber, Struct.FromString(raw))
            return message.SerializeToString()

        return await _answered(context, response)

    return grpc.unary_unary_rpc_method_handler(answer)


def _pull(parts: ListenerParts) -> grpc.RpcMethodHandler[bytes, bytes]:
    async def answer(raw: bytes, context: Context) -> bytes:
        async def response() -> bytes:
            remaining_s = context.time_remaining()
            remaining_us = None if remaining_s is None else int(remaining_s * 1_000_000)
            request = PullRequest.FromString(raw)
            _admit(parts, request.subscription)
            message = await parts.subscriber.pull(request, remaining_us, parts.poller)
            return message.SerializeToString()

        return await _answered(context, response)

    return grpc.unary_unary_rpc_method_handler(answer)


def _streaming_pull(parts: ListenerParts) -> grpc.RpcMethodHandler[bytes, bytes]:
    async def answer(_: object, context: Context) -> None:
        async def response() -> bytes:
            wire = _Wire(context)
            first = await wire.read()
            if first is None:
                raise refusals.argument_missing("subscription")
            _admit(parts, first.subscription)
            await Stream(parts.subscriber, wire, first, parts.poller).run()
            return b""

        await _answered(context, response)

    return grpc.stream_stream_rpc_method_handler(answer)


def _admit(parts: ListenerParts, subscription: str) -> None:
    """Let a client poll, or refuse it."""
    parts.access.check(parts.client, CONSUME, subscription)
    if subscription:
        parts.subscriber.deliverable(subscription)
    parts.on_poll()


def _not_emulated(path: str) -> grpc.RpcMethodHandler[bytes, bytes]:
    async def answer(_: bytes, context: Context) -> bytes:
        async def response() -> bytes:
            raise refusals.not_emulated(path.rpartition("/")[2] or "This method")

        return await _answered(context, response)

    return grpc.unary_unary_rpc_method_handler(answer)


class _Wire:
    """A stream's two directions, as messages."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def read(self) -> StreamingPullRequest | None:
        raw = await self._context.read()
        return StreamingPullRequest.FromString(raw) if isinstance(raw, bytes) else None

    async def write(self, response: StreamingPullResponse) -> None:
        await self._context.write(response.SerializeToString())


async def _answered(context: Context, response: Callable[[], Awaitable[bytes]]) -> bytes:
    """Return the response, or end the call with a refusal."""
    try:
        return await response()
    except Refusal as refusal:
        refused = refusal
    except DecodeError:
        refused = refusals.unreadable()
    except Exception:
        _LOG.exception("a call of Pub/Sub failed")
        refused = Refusal("INTERNAL", "Internal error encountered.")
    await refuse(context, refused)
    raise AssertionError("abort does not return")
