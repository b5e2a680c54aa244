"""The open connections: which one a request uses, and when one is opened or closed."""

from __future__ import annotations

import asyncio
import ssl
from functools import cached_property
from typing import Final

import aiohappyeyeballs

from queuewright.engine.dispatch.addresses import host_port, reason
from queuewright.engine.dispatch.http.connection import HttpConnection
from queuewright.engine.dispatch.http.destination import Origin
from queuewright.engine.dispatch.http.resolver import Resolver
from queuewright.engine.dispatch.sender import NoAnswerError

CONNECT_TIMEOUT_S: Final = 30.0

IDLE_LIMIT_S: Final = 1.5
"""An idle connection is closed before its server does that: Gunicorn after 2 s, Node.js and
Uvicorn after 5 s. So a request hardly ever meets a connection that is being closed."""

_SECOND_ADDRESS_AFTER_S: Final = 0.25
"""When to try a host's next address in parallel (RFC 8305, 5)."""


class ConnectionPool:
    """The connections to all servers.

    Args:
        limit: idle connections are closed when there would be more connections than this.
        idle_limit_s: how long a connection is kept without a request.
        connect_timeout_s: for looking up the host, connecting, and TLS together.
        tls: decides which servers are trusted; by default those that the system trusts.
        resolver: looks hosts up.
    """

    def __init__(
        self,
        limit: int | None = None,
        idle_limit_s: float = IDLE_LIMIT_S,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self._limit = limit
        self._idle_limit_s = idle_limit_s
        self._connect_timeout_s = connect_timeout_s
        self._given_tls = tls
        self._resolver = resolver or Resolver()
        self._open: set[HttpConnection] = set()
        self._opening = 0
        self._idle: dict[HttpConnection, None] = {}
        """In the order in which they became idle."""
        self._idle_by_origin: dict[Origin, dict[HttpConnection, None]] = {}
        self._expiry: asyncio.TimerHandle | None = None

    def idle(self, origin: Origin) -> HttpConnection | None:
        """Take the idle connection that was used last, None if there is none."""
        idle = self._idle_by_origin.get(origin)
        if not idle:
            return None
        connection = next(reversed(idle))
        self._forget_idle(connection)
        return connection

    async def open(self, origin: Origin) -> HttpConnection:
        """Return a new connection.

        Raises:
            NoAnswerError: it could not be made; says why.
        """
        self._make_room()
        self._opening += 1
        address = host_port(origin.host, origin.port)
        try:
            async with asyncio.timeout(self._connect_timeout_s) as timeout:
                return await self._connected(origin)
        except ssl.SSLCertVerificationError as error:
            raise NoAnswerError(f"no trust in {address}: {error.verify_message}") from error
        except ssl.SSLError as error:
            text = f"no TLS with {address}, is it http? ({reason(error)})"
            raise NoAnswerError(text) from error
        except OSError as error:
            why = (
                f"no answer within {self._connect_timeout_s:g} s"
                if timeout.expired()
                else reason(error)
            )
            raise NoAnswerError(f"cannot connect to {address}: {why}") from error
        except UnicodeError as error:
            raise NoAnswerError(f"cannot connect to {address}: not a host's name") from error
        finally:
            self._opening -= 1

    def give_back(self, connection: HttpConnection) -> None:
        """Keep a connection for the next request if it is reusable, or close it."""
        if not connection.is_reusable:
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since_s = loop.time()
        self._idle[connection] = None
        self._idle_by_origin.setdefault(connection.origin, {})[connection] = None
        if self._expiry is None:
            self._expiry = loop.call_later(self._idle_limit_s, self._expire)

    async def close(self) -> None:
        """Close all connections; return when they are closed."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        self._resolver.close()
        closed = [connection.closed for connection in self._open]
        for connection in list(self._open):
            connection.abort()
        await asyncio.gather(*closed)

    async def _connected(self, origin: Origin) -> HttpConnection:
        loop = asyncio.get_running_loop()
        addresses = await self._resolver.addresses(origin.host, origin.port)
        sock = await aiohappyeyeballs.start_connection(
            addresses, happy_eyeballs_delay=_SECOND_ADDRESS_AFTER_S, interleave=1
        )
        is_tls = origin.scheme == "https"
        _, connection = await loop.create_connection(
            lambda: HttpConnection(origin, self._lost),
            sock=sock,
            ssl=self._tls if is_tls else None,
            server_hostname=origin.host.rstrip(".") if is_tls else None,
        )
        if not connection.closed.done():
            self._open.add(connection)
        return connection

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        if self._given_tls is not None:
            return self._given_tls
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        return context

    def _make_room(self) -> None:
        """Close the connection that has been idle longest if there are too many."""
        if self._limit is None or len(self._open) + self._opening < self._limit:
            return
        oldest = next(iter(self._idle), None)
        if oldest is not None:
            self._lost(oldest)
            oldest.abort()

    def _expire(self) -> None:
        """Close connections that have been idle too long, and plan the next look."""
        loop = asyncio.get_running_loop()
        self._expiry = None
        for connection in list(self._idle):
            until_s = connection.idle_since_s + self._idle_limit_s
            if until_s > loop.time():
                self._expiry = loop.call_at(until_s, self._expire)
                return
            self._lost(connection)
            connection.abort()

    def _lost(self, connection: HttpConnection) -> None:
        """Forget a connection that is closed or about to be."""
        self._open.discard(connection)
        if connection in self._idle:
            self._forget_idle(connection)

    def _forget_idle(self, connection: HttpConnection) -> None:
        del self._idle[connection]
        idle = self._idle_by_origin[connection.origin]
        del idle[connection]
        if not idle:
            del self._idle_by_origin[connection.origin]
