"""How long a queue pauses when its target reports an overload.

Cloud Tasks backs off on 429 and 503 and considers `Retry-After` (HttpRequest in target.proto), but
publishes no figures. These are ours, and the setting is off by default.
"""

from __future__ import annotations

from typing import Final

FIRST_PAUSE_US: Final = 1_000_000
LONGEST_PAUSE_US: Final = 60_000_000
LONGEST_RETRY_AFTER_US: Final = 3_600_000_000


class Throttle:
    """The pause of one queue: doubled by every overload in a row, reset by a success."""

    __slots__ = ("_pause_us", "until_us")

    def __init__(self) -> None:
        self._pause_us = 0
        self.until_us = 0
        """Nothing is dispatched before this moment."""

    def overloaded(self, now_us: int, retry_after_us: int | None) -> bool:
        """Record an overload; return whether it makes the pause longer.

        Answers that arrive during a pause belong to the same overload.
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
        """Reset: the next overload starts with the first pause."""
        self._pause_us = 0
