"""The two clocks of a test: the engine's, which the test moves, and the machine's.

Handlers read the machine's clock. So the times that pass between a handler and Cloud Tasks are
translated: what is an hour away for one is an hour away for the other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from queuewright.cloud_tasks.headers import APP_ENGINE_PREFIX, CLOUD_TASKS_PREFIX
from queuewright.engine import ManualClock, OutgoingRequest, SystemClock

_SECOND_US: Final = 1_000_000
_DUE: Final = (f"{CLOUD_TASKS_PREFIX}TaskETA", f"{APP_ENGINE_PREFIX}TaskETA")
"""The headers that say when a task was due, in seconds since the epoch."""


class HandlerTime:
    """Translates between the time of handlers and the engine's.

    Args:
        clock: the engine's.
    """

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._machine = SystemClock()

    def engine_us(self, handler_us: int) -> int:
        """Return a schedule time that a handler has computed, by the engine's clock.

        A handler's work takes no time on the engine's clock, so a delay is rounded up to whole
        seconds: `now + 10 minutes` is due in 10 minutes, however long the call took.
        """
        delay_us = max(0, handler_us - self._machine.now_us())
        return self._clock.now_us() + -(-delay_us // _SECOND_US) * _SECOND_US

    def handler_us(self, engine_us: int) -> int:
        """Return a moment of the engine's clock by the machine's."""
        return self._machine.now_us() + engine_us - self._clock.now_us()

    def seen_by_handler(self, request: OutgoingRequest) -> OutgoingRequest:
        """Return a request as a handler sees it: the time when its task was due is moved."""
        headers = tuple(
            (name, self._due(value) if name in _DUE else value) for name, value in request.headers
        )
        return replace(request, headers=headers)

    def _due(self, value: str) -> str:
        seconds, micros = divmod(self.handler_us(round(float(value) * _SECOND_US)), _SECOND_US)
        return f"{seconds}.{micros:06d}"
