"""Parses a URL: the server to connect to, and the target and headers of the request."""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """A server. Requests to one origin share its connections."""

    scheme: str
    host: str
    """In lower case, an IPv6 address without its brackets."""
    port: int


class Destination(NamedTuple):
    """The parts of a URL that a request needs."""

    origin: Origin
    target: str
    """Path and query, as written; at least `/`."""
    host: str
    """The `Host` header: without a default port (RFC 9110, 7.2)."""
    authorization: str | None
    """The `Authorization` header for the URL's user and password, if any."""


@lru_cache(maxsize=1024)
def destination(url: str) -> Destination:
    """Parse a URL.

    Raises:
        ValueError: nothing can be sent there; the text is the reason.

    >>> destination("http://Example.com:8080/a%2Fb?q#part")[1:3]
    ('/a%2Fb?q', 'Example.com:8080')
    >>> destination("https://[::1]:443").origin, destination("https://[::1]:443").host
    (Origin(scheme='https', host='::1', port=443), '[::1]')
    """
    parts = urlsplit(url)
    default_port = _DEFAULT_PORTS.get(parts.scheme)
    if default_port is None:
        raise ValueError("it does not start with http:// or https://")
    if not parts.hostname:
        raise ValueError("it has no host")
    if not parts.netloc.isprintable() or " " in parts.netloc:
        raise ValueError("its host contains a space or a control character")
    port = parts.port or default_port
    host = _host_as_written(parts)
    return Destination(
        Origin(parts.scheme, parts.hostname, port),
        (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        host if port == default_port else f"{host}:{port}",
        _basic(parts),
    )


def _host_as_written(parts: SplitResult) -> str:
    host = parts.netloc.rpartition("@")[2]
    end = host.rfind(":", host.rfind("]") + 1)
    return host if end < 0 else host[:end]


def _basic(parts: SplitResult) -> str | None:
    """Return the credentials of RFC 7617."""
    if not parts.username and not parts.password:
        return None
    user, password = unquote_to_bytes(parts.username or ""), unquote_to_bytes(parts.password or "")
    return f"Basic {base64.b64encode(user + b':' + password).decode()}"
