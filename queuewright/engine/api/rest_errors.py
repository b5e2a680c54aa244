"""Refusals over HTTP: Google's error envelope (https://google.aip.dev/193)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from google.protobuf.message import Message

from queuewright.engine.api.rest_json import shown
from queuewright.errors import Refusal

HTTP_STATUS: Final = {
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "UNAUTHENTICATED": 401,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
}
"""HTTP status by code (https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto)."""


def envelope(refusal: Refusal, *, enums_as_numbers: bool = False) -> tuple[int, dict[str, Any]]:
    """Return the HTTP status and the JSON body of a refusal."""
    status = HTTP_STATUS[refusal.code]
    error: dict[str, Any] = {
        "code": status,
        "message": refusal.message,
        "status": refusal.code,
    }
    details = list(_details(refusal.details, enums_as_numbers))
    if details:
        error["details"] = details
    return status, {"error": error}


def _details(details: Iterable[object], enums_as_numbers: bool) -> Iterable[dict[str, Any]]:
    for detail in details:
        assert isinstance(detail, Message), "a detail of a refusal is a protobuf message"
        kind = f"type.googleapis.com/{detail.DESCRIPTOR.full_name}"
        yield {"@type": kind, **shown(detail, enums_as_numbers=enums_as_numbers)}
