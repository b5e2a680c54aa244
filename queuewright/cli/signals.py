"""How a command that runs until it is stopped hears that it shall stop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable


def stop_asked(at_once: Callable[[], None]) -> asyncio.Event:
    """An event that is set when somebody asks to stop: Ctrl-C, `kill`, a closed terminal.

    Whoever asks twice does not want to wait: `at_once` is called, and the program ends with 130.
    """
    asked = asyncio.Event()

    def ask() -> None:
        if asked.is_set():
            at_once()
            os._exit(130)
        asked.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ask)
    return asked
