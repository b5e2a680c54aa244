"""Ends a gRPC call with a refusal, for every API that is emulated."""

from __future__ import annotations

from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from queuewright.errors import Refusal

_LONGEST_MESSAGE: Final = 2_000


async def refuse(context: grpc.aio.ServicerContext[Any, Any], refusal: Refusal) -> None:
    """End a call with a refusal's code, message and details; does not return."""
    code = grpc.StatusCode[refusal.code]
    message = refusal.message
    if len(message) > _LONGEST_MESSAGE:  # it is sent as a header, and headers have a size limit
        message = f"{message[:_LONGEST_MESSAGE]}…"
    status = Status(code=code.value[0], message=message)
    for detail in refusal.details:
        assert isinstance(detail, Message), "a detail of a refusal is a protobuf message"
        packed = Packed()
        packed.Pack(detail)
        status.details.append(packed)
    trailer = ("grpc-status-details-bin", status.SerializeToString())
    await context.abort(code, message, trailing_metadata=(trailer,) if refusal.details else ())
