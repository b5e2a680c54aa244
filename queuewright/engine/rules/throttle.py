"""How far a queue backs off when its target says that it is overloaded. Pure.

Cloud Tasks does so on 429 and 503 and considers `Retry-After`, but publishes no sizes
(HttpRequest in target.proto); so these are ours, and the setting is off by default.
"""

from __future__ import annotations

from typing import Final

FIRST_PAUSE_US: Final = 1_000_000
LONGEST_PAUSE_US: Final = 60_000_000
LONGEST_RETRY_AFTER_US: Final = 3_600_000_000


class Throttle:
    """The pause of one queue: doubled with each overload in a row, ended by a success."""

    __slots__ = ("_pause_us", "until_us")

    def __init__(self) -> None:
        self._pause_us = 0
        self.until_us = 0
        """No dispatch before this moment."""

    def overloaded(self, now_us: int, retry_after_us: int | None) -> bool:
        """Note an overload; return whether it makes the pause longer.

        Answers that come in while the queue already pauses belong to the same overload.
        """
        asked_us = min(retry_after_us or 0, LONGEST_RETRY_AFTER_US)
        if now_us >= self.until_us:
            doubled_us = min(self._pause_us * 2, LONGEST_PAUSE_US)
            self._pause_us = doubled_us or FIRST_PAUSE_US
            asked_us = max(asked_us, self._pause_us)
        until_us = now_us + asked_us
        if until_us <= self.until_us:
            return False
        self.until_us = until_us
        return True

    def succeeded(self) -> None:
        """Forget the overload: the next one begins with the first pause."""
        self._pause_us = 0
