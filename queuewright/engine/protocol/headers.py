"""Checks the headers that a user gives a task or a queue."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from queuewright.cloud_tasks.headers import has_control_character, is_token
from queuewright.cloud_tasks.limits import MAX_HEADERS_BYTES
from queuewright.engine.protocol import refusals

_FRAMING: Final = frozenset(
    {"connection", "transfer-encoding", "upgrade", "expect", "te", "trailer"}
)


def is_framing(name: str) -> bool:
    """Return whether the header concerns the connection, not the request."""
    return name.lower() in _FRAMING


def check_headers(
    headers: Iterable[tuple[str, str]], field: str, *, max_bytes: int | None = MAX_HEADERS_BYTES
) -> None:
    """Check that these headers can be sent.

    Raises:
        Refusal: INVALID_ARGUMENT (our wording) if a name is not an HTTP token, a value contains
            a control character, or the headers together are too large.
    """
    size = 0
    for name, value in headers:
        if not is_token(name):
            raise refusals.invalid(f"{field}: {name!r} is not the name of an HTTP header.")
        if has_control_character(value):
            raise refusals.invalid(f"{field}: the value of {name!r} contains a control character.")
        size += len(name) + len(value.encode())
    if max_bytes is not None and size >= max_bytes:
        raise refusals.invalid(f"{field} must be less than {max_bytes} bytes, not {size}.")
