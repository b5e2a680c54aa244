"""Looks up the addresses of hosts, in threads, and keeps them for ten seconds."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import inf
from typing import Final

from aiohappyeyeballs import AddrInfoType

Addresses = Sequence[AddrInfoType]
"""As `socket.getaddrinfo` returns them."""

_KEEP_S: Final = 10.0
_THREADS: Final = 16
"""A pool of its own, so that a name server that hangs delays no other work."""


class Resolver:
    """Looks hosts up. An IP address is its own answer."""

    def __init__(self, lookup: Callable[..., Addresses] = socket.getaddrinfo) -> None:
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="queuewright lookup")
        self._known: dict[tuple[str, int], _Lookup] = {}

    async def addresses(self, host: str, port: int) -> Addresses:
        """Return a host's addresses, the preferred one first.

        Raises:
            OSError: the host is unknown.
            UnicodeError: the name is not valid for a host.
        """
        try:
            return socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
            )
        except socket.gaierror:  # a name
            pass
        known = self._known.get((host, port))
        if known is None or known.until_s <= asyncio.get_running_loop().time():
            known = self._asked(host, port)
        return await asyncio.shield(known.answer)

    def close(self) -> None:
        """Start no further lookups."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _asked(self, host: str, port: int) -> _Lookup:
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        self._known = {key: known for key, known in self._known.items() if known.until_s > now_s}
        known = _Lookup(
            loop.run_in_executor(
                self._threads, lambda: self._lookup(host, port, type=socket.SOCK_STREAM)
            )
        )
        known.answer.add_done_callback(known.answered)
        self._known[host, port] = known
        return known


class _Lookup:
    """A running lookup, or its answer."""

    def __init__(self, answer: asyncio.Future[Addresses]) -> None:
        self.answer = answer
        self.until_s = inf
        """The event loop's time until which the answer is valid. Failures are not kept."""

    def answered(self, answer: asyncio.Future[Addresses]) -> None:
        """Set how long the answer counts."""
        is_good = not answer.cancelled() and answer.exception() is None
        self.until_s = answer.get_loop().time() + _KEEP_S if is_good else -inf
