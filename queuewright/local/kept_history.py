"""The history of an engine that runs here, while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from queuewright.history import History
from queuewright.local.console.console import ENGINE, Console


@asynccontextmanager
async def kept_history(folder: Path | None, console: Console) -> AsyncIterator[History]:
    """Keep a history until the block ends; the console shows what troubles it.

    Args:
        folder: where it is kept; None keeps it in memory.
        console: where it prints.
    """
    loop = asyncio.get_running_loop()

    def report(text: str) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody reads it any more
            loop.call_soon_threadsafe(console.say, ENGINE, text, "warning")

    history = History.opened(folder, report)
    try:
        yield history
    finally:
        await asyncio.to_thread(history.close)
