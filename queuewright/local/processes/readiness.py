"""When a process serves: it accepts a connection on its port, and takes it."""

from __future__ import annotations

import asyncio
import socket

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.01, 0.1
PATIENCE_S = 5.0


def free_port(host: str) -> int:
    """A port of `host` that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind((host, 0))
        port: int = listener.getsockname()[1]
        return port


async def serving(host: str, port: int) -> None:
    """Return when something serves on a port; may take for ever.

    Cloud Run's startup probe is content with a connection. Here it must also be taken:
    gunicorn listens before it has loaded the code, and a reload must not put code in the place
    of the old one that cannot be loaded. So the connection is half closed, and who takes it
    closes the other half. A server that does not within 5 s counts as one that serves.
    """
    pause = FIRST_PAUSE_S
    while not await _takes(host, port):
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)


async def _takes(host: str, port: int) -> bool:
    """Whether a connection is accepted and taken, and not broken off."""
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    try:
        writer.write_eof()
        async with asyncio.timeout(PATIENCE_S):
            await reader.read()
    except TimeoutError:
        return True
    except OSError:  # nobody took it, and now the listener is gone
        return False
    finally:
        writer.close()
    return True
