"""Decides which HTTP requests a local listener answers, so that no web page can drive it.

A page on any site may make the browser send requests to this machine. Two things give such a
request away: the headers with which a browser names the page (`Origin`, `Sec-Fetch-Site`), and a
`Host` that is a name on the internet (DNS rebinding). Programs send neither.

A GET for an `<img>` has no `Origin`, and browsers send `Sec-Fetch-Site` only to `localhost` and
loopback addresses (https://www.w3.org/TR/secure-contexts/#is-origin-trustworthy). So no other
address is answered, such as `0.0.0.0`, and no GET with an effect may come from a browser that
does not say which page has sent it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LOCAL_NAMES: Final = ("localhost", "host.docker.internal")
"""Names that no web site can have: RFC 6761, 6.3, and Docker's name for the machine it runs on."""

ANY_HOST: Final = "*"

# A name as in `Host`, without the dot at its end; Compose allows `_`.
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")

BROWSER: Final = "mozilla/"
"""How `User-Agent` begins in every browser: RFC 9110, 10.1.5. A page can't change it without
asking first (https://fetch.spec.whatwg.org/#cors-safelisted-request-header)."""


@dataclass(frozen=True)
class RequestFilter:
    """Refuses requests that come from a foreign web page.

    Args:
        allowed_hosts: names that `Host` may have besides loopback addresses and `LOCAL_NAMES`;
            `*` allows every name.
        any_address: `Host` may be any other IP address, too, as for a listener that other machines
            reach; except `0.0.0.0`, `::` and IPv4 written as IPv6, which only a page needs.
    """

    allowed_hosts: Collection[str] = ()
    any_address: bool = False

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
        allowed = {_bare(each.lower()) for each in self.allowed_hosts}
        return (
            ANY_HOST in allowed
            or name in LOCAL_NAMES
            or _bare(name) in allowed
            or self._is_own_address(_bare(name))
        )

    def _is_own_address(self, text: str) -> bool:
        address = _address(text)
        if address is None or _is_other_way_to_this_machine(address):
            return False
        return self.any_address or address.is_loopback


def browser_objection(method: str, headers: Mapping[str, str]) -> str | None:
    """Return why a request that has an effect is refused with 403, or None.

    A browser sends `Origin` with every method but GET and HEAD, which `objection` decides about.

    >>> browser_objection("GET", {"User-Agent": "Mozilla/5.0", "Sec-Fetch-Site": "none"})
    >>> browser_objection("GET", {"User-Agent": "curl/8.5.0"})
    >>> browser_objection("GET", {"User-Agent": "Mozilla/5.0"})
    'the request comes from a browser that does not say which page has sent it'
    """
    is_browser = headers.get("User-Agent", "").lower().startswith(BROWSER)
    if method in ("GET", "HEAD") and is_browser and "Sec-Fetch-Site" not in headers:
        return "the request comes from a browser that does not say which page has sent it"
    return None


def host_name(host: str) -> str:
    """Return the name in a `Host` header: without its port, in lower case.

    >>> host_name("LOCALHOST:8124"), host_name("[::1]:8124"), host_name("::1")
    ('localhost', '[::1]', '::1')
    """
    name, colon, port = host.strip().lower().rpartition(":")
    has_port = colon and port.isdecimal() and (":" not in name or name.endswith("]"))
    return (name if has_port else host.strip().lower()).rstrip(".")


def allowed_host_mistake(name: str) -> tuple[str, str] | None:
    """What is wrong with a name for `allowed_hosts`, and what to give instead; None if it is right.

    It is compared with the `Host` of a request without its port.

    >>> allowed_host_mistake("tasks")
    >>> allowed_host_mistake("http://Tasks:8124/")
    ('`http://Tasks:8124/` is not a host name', 'give `tasks`')
    """
    if name == ANY_HOST or _NAME.fullmatch(name) or _address(_bare(name)) is not None:
        return None
    host = host_name(re.sub(r"^[a-z]+://|[/?#].*$", "", name.strip(), flags=re.I | re.S))
    is_right = _NAME.fullmatch(host) or _address(_bare(host)) is not None
    example = f"give `{host}`" if is_right else "give a name such as `tasks`, or `*` for any name"
    return (f"`{name}` is not a host name" if name.strip() else "it is empty", example)


def own_address(host: str) -> str:
    """Return the address that reaches a listener on `host` from this machine.

    >>> own_address("0.0.0.0"), own_address("::"), own_address("10.0.0.7")
    ('127.0.0.1', '::1', '10.0.0.7')
    """
    address = _address(_bare(host))
    if address is None or not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"


def is_loopback(host: str) -> bool:
    """Return whether an address to listen on is reached from this machine only.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    address = _address(_bare(host))
    return host == "localhost" or (address is not None and address.is_loopback)


def _origins(host: str | None) -> Collection[str]:
    """The origins of a listener's own pages."""
    return () if host is None else (f"http://{host.strip().lower()}",)


def _bare(host: str) -> str:
    return host.removeprefix("[").removesuffix("]")


def _address(name: str) -> Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _is_other_way_to_this_machine(address: Address) -> bool:
    """Whether it reaches this machine like `127.0.0.1`, but browsers don't know that it does."""
    mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
    return mapped or address.is_unspecified
