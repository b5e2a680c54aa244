"""The requests that the handlers' processes work on now, and the attempts behind them.

A log line of a process belongs to a request that it works on, and so does a task that it creates.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from queuewright.cloud_tasks.headers import APP_ENGINE_PREFIX, CLOUD_TASKS_PREFIX
from queuewright.engine import events
from queuewright.history import History

_LATER: Final = 2
"""Turns of the event loop after which what a process wrote before its response has been read."""


class RequestsInProgress:
    """The requests in progress at all handlers.

    Args:
        history: takes the log lines, and knows which attempts run.
        queues: returns the full names of queues, by their id.
        now_us: returns the time, in microseconds.
    """

    def __init__(
        self,
        history: History,
        queues: Callable[[], Mapping[str, str]],
        now_us: Callable[[], int],
    ) -> None:
        self._history = history
        self._queues = queues
        self._now_us = now_us
        self._requests: dict[tuple[str, str], list[events.AttemptStarted | None]] = {}
        """Of each process, by its handler's key and its URL."""
        history.working_on = self.only_attempt

    @contextmanager
    def request(self, handler: str, server: str, headers: Mapping[str, str]) -> Iterator[None]:
        """Count a request to a process as in progress, until the block ends."""
        attempt = self._attempt(headers)
        requests = self._requests.setdefault((handler, server), [])
        requests.append(attempt)
        try:
            yield
        finally:
            self._later(lambda: self._end(handler, server, attempt), _LATER)

    def printed(self, handler: str, server: str, line: str) -> None:
        """Take a line that a process of a handler has printed."""
        self._history.printed(line, self._now_us(), self._requests.get((handler, server), ()))

    def only_attempt(self, handler: str) -> events.AttemptStarted | None:
        """Return the attempt that a handler works on; None if it works on several, or on none."""
        requests = [
            attempt
            for (key, _), attempts in self._requests.items()
            if key == handler
            for attempt in attempts
        ]
        return requests[0] if len(requests) == 1 else None

    def _attempt(self, headers: Mapping[str, str]) -> events.AttemptStarted | None:
        """Return the attempt that a request is; None if it is none."""
        for prefix in (CLOUD_TASKS_PREFIX, APP_ENGINE_PREFIX):
            queue = self._queues().get(headers.get(f"{prefix}QueueName", ""))
            task = headers.get(f"{prefix}TaskName", "")
            retries = headers.get(f"{prefix}TaskRetryCount", "")
            if queue is not None and retries.isascii() and retries.isdecimal():
                return self._history.attempt(f"{queue}/tasks/{task}", int(retries) + 1)
        return None

    def _later(self, call: Callable[[], None], turns: int) -> None:
        if turns:
            loop = asyncio.get_running_loop()
            loop.call_soon(self._later, call, turns - 1)
        else:
            call()

    def _end(self, handler: str, server: str, attempt: events.AttemptStarted | None) -> None:
        requests = self._requests[handler, server]
        requests.remove(attempt)
        if not requests:
            del self._requests[handler, server]
