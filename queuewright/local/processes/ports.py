"""Ports of this machine: finding a free one, and opening the one that an option chose."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable

from queuewright.errors import TargetError


def free_port(host: str) -> int:
    """Return a port of `host` on which nothing listens now."""
    with socket.socket() as listener:
        listener.bind((host, 0))
        port: int = listener.getsockname()[1]
        return port


async def listen(
    serve: Callable[[str, int], Awaitable[int]], host: str, port: int, option: str
) -> int:
    """Call `serve` to listen on a port, and return the port; 0 lets the system choose.

    Raises:
        TargetError: the port cannot be used; the hint names the `option` that chooses another.
    """
    try:
        return await serve(host, port)
    except TargetError as error:
        problem = str(error).partition("\n")[0]
        hint = (error.hint or "").replace(" port (0", f" port with `{option}` (0")
        raise TargetError(problem, hint=hint) from error
