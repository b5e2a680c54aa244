"""Runs background tasks and reports the ones that fail, so that none dies unnoticed."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Self

from queuewright.errors import QueuewrightError

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0

Work = Callable[[], Coroutine[None, None, None]]


class BackgroundTasks:
    """The background tasks of an environment; an async context manager that cancels them.

    Args:
        report: gets the name of the part that a failed task belongs to, and what happened.
        pause_s: how long a task waits after its first failure before it runs again; the pause
            doubles with each failure, up to a minute.
    """

    def __init__(
        self, report: Callable[[str, str], None], *, pause_s: float = FIRST_PAUSE_S
    ) -> None:
        self._report = report
        self._pause_s = pause_s
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, source: str, what: str, work: Work) -> asyncio.Task[None]:
        """Run `work` once; if it fails, report that `what` of `source` failed."""
        return self._started(self._once(source, what, work))

    def keep(self, source: str, what: str, work: Work) -> asyncio.Task[None]:
        """Run `work` until it returns: each failure is reported, and it runs again."""
        return self._started(self._kept(source, what, work))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await cancel(*self._tasks)

    def _started(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _once(self, source: str, what: str, work: Work) -> None:
        try:
            await work()
        except Exception as error:
            self._report(source, f"{what} failed: {_told(error)}")

    async def _kept(self, source: str, what: str, work: Work) -> None:
        pause_s = self._pause_s
        while True:
            try:
                return await work()
            except Exception as error:
                self._report(source, f"{what} failed and starts again: {_told(error)}")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


async def cancel(*tasks: asyncio.Task[object]) -> None:
    """Cancel tasks, and return when they have ended."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


def _told(error: Exception) -> str:
    """A user's error in its own words, a bug with its traceback."""
    if isinstance(error, QueuewrightError):
        return str(error)
    return "".join(traceback.format_exception(error)).rstrip()
