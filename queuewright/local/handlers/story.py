"""What happened to the processes of one handler: what serves, since when, and what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_LONGEST: Final = 300


class HandlerStory:
    """What happened to the processes of one handler since the start.

    Args:
        now_us: the engine's time.
    """

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self.version = ""
        """A short name of the files that it serves; "" if they are not known."""
        self.since_us: int | None = None
        """When it began to serve them."""
        self.restarts = 0
        """How often a process ended by itself."""
        self.error = ""
        """The last trouble, in one line."""
        self.error_us: int | None = None
        self.is_down = False
        """Whether it has no process now, and waits for the next start."""

    def serves(self, version: str | None = None) -> None:
        """Note that a process serves; with other files if `version` is given."""
        self.is_down = False
        if version is not None:
            self.version = version
            self.since_us = self._now_us()

    def failed(self, error: object) -> None:
        """Note that a process did not start."""
        self.error = str(error).partition("\n")[0][:_LONGEST]
        self.error_us = self._now_us()

    def ended(self, reason: str) -> None:
        """Note that a process ended by itself."""
        self.restarts += 1
        self.is_down = True
        self.failed(reason)
