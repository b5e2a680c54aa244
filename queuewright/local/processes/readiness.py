"""Whether a process serves: it accepts a connection on its port, and handles it."""

from __future__ import annotations

import asyncio

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.01, 0.1
CONNECTION_S = 5.0


async def serving(host: str, port: int) -> None:
    """Return when something serves on a port; without a time limit.

    An open connection is enough for Cloud Run's startup probe. Here the server must handle it,
    too: gunicorn listens before it has loaded the code, and a reload must not replace a working
    process with one whose code cannot be loaded. So this half-closes the connection and waits
    for the server to close its half. A server that takes longer than 5 s counts as serving.
    """
    pause = FIRST_PAUSE_S
    while not await _is_handled(host, port):
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)


async def _is_handled(host: str, port: int) -> bool:
    """Whether a connection is accepted, handled, and not reset."""
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    try:
        writer.write_eof()
        async with asyncio.timeout(CONNECTION_S):
            await reader.read()
    except TimeoutError:
        return True
    except OSError:  # the listener closed before anything handled the connection
        return False
    finally:
        writer.close()
    return True
