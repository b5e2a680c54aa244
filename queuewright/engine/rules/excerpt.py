"""What is kept of a handler's answer for people: some headers, and the beginning of its body."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

MAX_BODY_BYTES: Final = 4_096
"""Enough for a traceback or an error as JSON."""

_MAX_VALUE_BYTES: Final = 512

KEPT_HEADERS: Final = frozenset(
    (
        b"allow",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"location",
        b"retry-after",
        b"server",
        b"www-authenticate",
        b"x-cloud-trace-context",
    )
)
"""The headers that help to see what went wrong. None of them carries a secret."""


class Excerpt(NamedTuple):
    """The excerpt of an answer."""

    headers: tuple[tuple[str, str], ...] = ()
    """Lower-case names and values."""
    body: bytes = b""
    """At most `MAX_BODY_BYTES`."""
    is_cut: bool = False
    """Whether the body is longer."""


NO_EXCERPT: Final = Excerpt()


def excerpt(headers: Iterable[tuple[bytes, bytes]], body: bytes) -> Excerpt:
    """Return the excerpt of an answer with these headers and this body.

    >>> excerpt([(b"Content-Type", b"text/plain"), (b"Set-Cookie", b"id=1")], b"no such address")
    Excerpt(headers=(('content-type', 'text/plain'),), body=b'no such address', is_cut=False)
    """
    kept = tuple(
        (name.decode("latin-1"), value[:_MAX_VALUE_BYTES].decode("utf-8", "replace"))
        for name, value in ((name.lower(), value) for name, value in headers)
        if name in KEPT_HEADERS
    )
    if not kept and not body:
        return NO_EXCERPT
    return Excerpt(kept, body[:MAX_BODY_BYTES], len(body) > MAX_BODY_BYTES)
