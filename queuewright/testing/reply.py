"""What a handler's code made of one request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Reply:
    """A handler's response, and the exception that led to it."""

    status: int
    """The HTTP code."""
    text: str = ""
    """The body, as far as it is text."""
    retry_after: str | None = None
    """The header `Retry-After`."""
    error: BaseException | None = None
    """The exception that the handler's code did not catch, if any."""


def reply(
    status: int,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    error: BaseException | None = None,
) -> Reply:
    """Return the reply that a response consists of.

    >>> reply(503, [("Retry-After", "10")], b"busy").retry_after
    '10'
    """
    retry_after = next((value for name, value in headers if name.lower() == "retry-after"), None)
    return Reply(status, body.decode("utf-8", "replace"), retry_after, error)
