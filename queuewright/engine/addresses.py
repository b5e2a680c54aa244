"""Addresses to listen on: how they are written, and why one cannot be used."""

from __future__ import annotations

import os
import socket

from queuewright.errors import TargetError


def host_port(host: str, port: int) -> str:
    """An address as clients take it.

    >>> host_port("127.0.0.1", 8123), host_port("::1", 8123)
    ('127.0.0.1:8123', '[::1]:8123')
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def unusable(kind: str, host: str, port: int) -> TargetError:
    """The error that says why nothing can listen there; `kind` is the protocol."""
    hint = "stop what listens there, or choose another port (0 lets the system choose)"
    reason = "it is in use, or not allowed"
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        reason, hint = "no such host", "give an address of this machine, such as 127.0.0.1"
    else:
        try:
            with socket.socket(family) as probe:
                probe.bind(place)
        except OSError as error:
            reason = os.strerror(error.errno or 0).lower()
            if isinstance(error, PermissionError):
                hint = f"a port below 1024 is the system's; {hint.partition(', or ')[2]}"
            elif "assign" in reason:
                hint = "give an address of this machine, such as 127.0.0.1"
    return TargetError(f"port {port} on {host} cannot be used for {kind}: {reason}", hint=hint)
