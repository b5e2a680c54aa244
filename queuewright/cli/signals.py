"""Runs something until somebody asks to stop: Ctrl-C, `kill`, or a closed terminal."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from typing import TypeVar

_Running = TypeVar("_Running")


async def run_until_stopped(
    running: AbstractAsyncContextManager[_Running],
    *,
    on_ready: Callable[[_Running], None],
    say: Callable[[str], None],
    at_once: Callable[[], None] = lambda: None,
) -> None:
    """Enter `running`, wait until somebody asks to stop, and leave it in order.

    Asking during the start cancels the start. Asking twice calls `at_once` and ends the program
    with exit code 130.
    """
    asked = _stop_asked(at_once)
    async with AsyncExitStack() as stack:
        starting = asyncio.create_task(stack.enter_async_context(running))
        waiting = asyncio.create_task(asked.wait())
        await asyncio.wait((starting, waiting), return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            on_ready(starting.result())
        await waiting
        say("stopping (Ctrl-C again: at once)")
        starting.cancel()
        with suppress(asyncio.CancelledError):
            await starting
    say("stopped")


def _stop_asked(at_once: Callable[[], None]) -> asyncio.Event:
    """An event that is set when somebody asks to stop."""
    asked = asyncio.Event()

    def ask() -> None:
        if asked.is_set():
            at_once()
            os._exit(130)
        asked.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ask)
    return asked
