"""Network addresses: how to write them, and the reason when one can't be used."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl

from queuewright.errors import TargetError


def host_port(host: str, port: int) -> str:
    """Return an address in the form that clients accept.

    >>> host_port("127.0.0.1", 8123), host_port("::1", 8123)
    ('127.0.0.1:8123', '[::1]:8123')
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reason(error: OSError) -> str:
    """Return the system's short text for an error.

    asyncio adds the address to the text, as a Python tuple, and joins several errors into one.

    >>> import errno
    >>> reason(OSError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)"))
    'connection refused'
    >>> reason(OSError(f"Multiple exceptions: [Errno {errno.ECONNREFUSED}] …, [Errno 1] …"))
    'connection refused'
    """
    if isinstance(error, ssl.SSLError):  # its errno is not the system's
        return (error.reason or str(error)).replace("_", " ").lower()
    listed = re.search(r"\[Errno ([0-9]+)\]", str(error))
    number = int(listed[1]) if listed else error.errno
    if number is None and isinstance(error, ConnectionResetError):
        number = errno.ECONNRESET
    if number is not None and number > 0:
        return os.strerror(number).lower()
    return (error.strerror or str(error)).lower()


def unusable(kind: str, host: str, port: int) -> TargetError:
    """Return the error for a port that can't be listened on. `kind` is the protocol."""
    hint = "stop the program that uses it, or choose another port (0 lets the system choose)"
    why = "it is in use, or not allowed"
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        why, hint = "no such host", "use an address of this machine, such as 127.0.0.1"
    else:
        try:
            with socket.socket(family) as probe:
                probe.bind(place)
        except OSError as error:
            why = reason(error)
            if isinstance(error, PermissionError):
                hint = f"ports below 1024 belong to the system; {hint.partition(', or ')[2]}"
            elif error.errno == errno.EADDRNOTAVAIL:
                hint = "use an address of this machine, such as 127.0.0.1"
    return TargetError(f"port {port} on {host} cannot be used for {kind}: {why}", hint=hint)
