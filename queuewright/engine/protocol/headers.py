"""Which headers a task may carry, and which of them Cloud Tasks keeps for itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from queuewright.engine.protocol import refusals

HTTP_USER_AGENT: Final = "Google-Cloud-Tasks"
APP_ENGINE_USER_AGENT: Final = "AppEngine-Google; (+http://code.google.com/appengine)"

MAX_HEADERS_BYTES: Final = 80 * 1024
"""Names and values together (HttpRequest.headers in target.proto)."""

_RESERVED: Final = frozenset({"host", "content-length", "user-agent"})
_RESERVED_PREFIXES: Final = ("x-google-", "x-appengine-", "x-cloudtasks-")
_FRAMING: Final = frozenset(
    {"connection", "transfer-encoding", "upgrade", "expect", "te", "trailer"}
)

_is_token = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch  # RFC 9110, 5.6.2
_is_no_text = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search  # RFC 9110, 5.5; a tab may stand


def is_reserved(name: str) -> bool:
    """Return whether Cloud Tasks ignores or replaces this header when a user sets it."""
    lower = name.lower()
    return lower in _RESERVED or lower.startswith(_RESERVED_PREFIXES)


def is_framing(name: str) -> bool:
    """Return whether the header belongs to the connection and not to the request."""
    return name.lower() in _FRAMING


def check_headers(
    headers: Iterable[tuple[str, str]], field: str, *, max_bytes: int | None = MAX_HEADERS_BYTES
) -> None:
    """Check that these headers can be sent.

    Raises:
        Refusal: INVALID_ARGUMENT (our texts); a name is no HTTP token, a value has a control
            character, or all together are too large.
    """
    size = 0
    for name, value in headers:
        if not _is_token(name):
            raise refusals.invalid(f"{field}: {name!r} is not the name of an HTTP header.")
        if _is_no_text(value):
            raise refusals.invalid(f"{field}: the value of {name!r} contains a control character.")
        size += len(name) + len(value.encode())
    if max_bytes is not None and size >= max_bytes:
        raise refusals.invalid(f"{field} must be less than {max_bytes} bytes, not {size}.")
