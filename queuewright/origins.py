"""Decides which HTTP requests a local listener answers, so that no web page can drive it.

A page on any site may make the browser send requests to this machine. Two things give such a
request away: the headers with which a browser names the page (`Origin`, `Sec-Fetch-Site`), and a
`Host` that is a name on the internet (DNS rebinding). Programs send neither.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

LOCAL_NAMES: Final = ("localhost", "host.docker.internal")
"""Names that no web site can have: RFC 6761, 6.3, and Docker's name for the machine it runs on."""

ANY_HOST: Final = "*"


@dataclass(frozen=True)
class RequestFilter:
    """Refuses requests that come from a foreign web page.

    Args:
        allowed_hosts: names that `Host` may have besides IP addresses and `LOCAL_NAMES`;
            `*` allows every name.
    """

    allowed_hosts: Collection[str] = ()

    def objection(self, headers: Mapping[str, str]) -> str | None:
        """Return why a request is refused with 403, or None.

        `headers` looks names up without regard to case.

        >>> allow = RequestFilter().objection
        >>> allow({"Host": "127.0.0.1:8124"})
        >>> allow({"Host": "localhost:8124", "Origin": "https://evil.example"})
        'the request comes from a web page of `https://evil.example`'
        >>> allow({"Host": "evil.example"})
        '`evil.example` is not a name of this machine; `--allow-host evil.example` allows it'
        """
        host = headers.get("Host")
        if host is not None and not self._is_ours(name := host_name(host)):
            return (
                f"`{name[:200]}` is not a name of this machine; "
                f"`--allow-host {name[:200]}` allows it"
            )
        origin = headers.get("Origin")
        if origin is not None and origin.lower() not in _origins(host):
            return f"the request comes from a web page of `{origin[:200]}`"
        site = headers.get("Sec-Fetch-Site", "none").lower()
        if site not in ("none", "same-origin"):
            return "the request comes from a web page of another site"
        return None

    def _is_ours(self, name: str) -> bool:
        allowed = {each.lower() for each in self.allowed_hosts}
        return (
            ANY_HOST in allowed
            or name in LOCAL_NAMES
            or name in allowed
            or _is_address(name.removeprefix("[").removesuffix("]"))
        )


def host_name(host: str) -> str:
    """Return the name in a `Host` header: without its port, in lower case.

    >>> host_name("LOCALHOST:8124"), host_name("[::1]:8124"), host_name("::1")
    ('localhost', '[::1]', '::1')
    """
    name, colon, port = host.strip().lower().rpartition(":")
    has_port = colon and port.isdecimal() and (":" not in name or name.endswith("]"))
    return (name if has_port else host.strip().lower()).rstrip(".")


def is_loopback(host: str) -> bool:
    """Return whether an address to listen on is reached from this machine only.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    bare = host.removeprefix("[").removesuffix("]")
    return host == "localhost" or (_is_address(bare) and ipaddress.ip_address(bare).is_loopback)


def _origins(host: str | None) -> Collection[str]:
    """The origins of a listener's own pages."""
    return () if host is None else (f"http://{host.strip().lower()}",)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
