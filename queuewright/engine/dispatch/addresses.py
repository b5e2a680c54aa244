"""Addresses on a network: how they are written, and why one cannot be used."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl

from queuewright.errors import TargetError


def host_port(host: str, port: int) -> str:
    """An address as clients take it.

    >>> host_port("127.0.0.1", 8123), host_port("::1", 8123)
    ('127.0.0.1:8123', '[::1]:8123')
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reason(error: OSError) -> str:
    """Why the system refuses something, in its own few words.

    asyncio writes the address into its errors as Python shows it, and several errors into one.

    >>> import errno
    >>> reason(OSError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)"))
    'connection refused'
    >>> reason(OSError(f"Multiple exceptions: [Errno {errno.ECONNREFUSED}] …, [Errno 1] …"))
    'connection refused'
    """
    if isinstance(error, ssl.SSLError):  # its number is not the system's
        return (error.reason or str(error)).replace("_", " ").lower()
    listed = re.search(r"\[Errno ([0-9]+)\]", str(error))
    number = int(listed[1]) if listed else error.errno
    if number is None and isinstance(error, ConnectionResetError):
        number = errno.ECONNRESET
    if number is not None and number > 0:
        return os.strerror(number).lower()
    return (error.strerror or str(error)).lower()


def unusable(kind: str, host: str, port: int) -> TargetError:
    """The error that says why nothing can listen there; `kind` is the protocol."""
    hint = "stop what listens there, or choose another port (0 lets the system choose)"
    why = "it is in use, or not allowed"
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        why, hint = "no such host", "give an address of this machine, such as 127.0.0.1"
    else:
        try:
            with socket.socket(family) as probe:
                probe.bind(place)
        except OSError as error:
            why = reason(error)
            if isinstance(error, PermissionError):
                hint = f"a port below 1024 is the system's; {hint.partition(', or ')[2]}"
            elif error.errno == errno.EADDRNOTAVAIL:
                hint = "give an address of this machine, such as 127.0.0.1"
    return TargetError(f"port {port} on {host} cannot be used for {kind}: {why}", hint=hint)
