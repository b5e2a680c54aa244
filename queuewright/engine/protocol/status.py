"""The result of an attempt as a `google.rpc.Status`."""

from __future__ import annotations

from typing import Final

from queuewright.engine.protocol.messages import Status

NO_ATTEMPT: Final = 0
TIMED_OUT: Final = -1
UNREACHABLE: Final = -2
"""Outcomes other than an HTTP status code. `NO_ATTEMPT`: there was no attempt yet."""

CODES: Final = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
"""Names by number (google/rpc/code.proto)."""

# 500 and 502 were observed; the others follow the comments in google/rpc/code.proto.
_BY_HTTP_CODE: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    416: "OUT_OF_RANGE",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "UNKNOWN",
    501: "UNIMPLEMENTED",
    502: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def code_name(outcome: int) -> str:
    """Return the canonical name of an HTTP code, `TIMED_OUT` or `UNREACHABLE`.

    >>> code_name(204), code_name(502), code_name(418), code_name(302)
    ('OK', 'INTERNAL', 'FAILED_PRECONDITION', 'UNKNOWN')
    """
    if outcome == TIMED_OUT:
        return "DEADLINE_EXCEEDED"
    if outcome == UNREACHABLE:
        return "UNAVAILABLE"
    if 200 <= outcome <= 299:
        return "OK"
    if outcome in _BY_HTTP_CODE:
        return _BY_HTTP_CODE[outcome]
    if 400 <= outcome <= 499:
        return "FAILED_PRECONDITION"
    return "INTERNAL" if 500 <= outcome <= 599 else "UNKNOWN"


def attempt_status(outcome: int) -> Status:
    """Return `Attempt.response_status`; its text was observed from the real service.

    >>> attempt_status(500).message
    'UNKNOWN(2): HTTP status code 500'
    """
    name = code_name(outcome)
    number = CODES.index(name)
    if outcome == TIMED_OUT:
        reason = "no response within the dispatch deadline"
    elif outcome == UNREACHABLE:
        reason = "no response from the target"
    else:
        reason = f"HTTP status code {outcome}"
    return Status(code=number, message=f"{name}({number}): {reason}")
