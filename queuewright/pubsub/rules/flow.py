"""Flow control: how much more a subscriber takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass
class Outstanding:
    """The messages that a subscriber holds, and their bytes."""

    messages: int = 0
    size: int = 0


@dataclass(frozen=True)
class FlowLimits:
    """A subscriber's limits (`StreamingPullRequest.max_outstanding_…`); 0 or less is no limit."""

    max_messages: int = 0
    max_bytes: int = 0

    def has_room(self, outstanding: Outstanding) -> bool:
        """Return whether one more message may be delivered, of whatever size.

        Delivery stops at the limit of messages, and when the bytes are at or over theirs, so one
        message may overshoot.

        >>> limits = FlowLimits(max_messages=2, max_bytes=100)
        >>> limits.has_room(Outstanding(1, 99)), limits.has_room(Outstanding(1, 100))
        (True, False)
        >>> limits.has_room(Outstanding(2, 0)), FlowLimits().has_room(Outstanding(9, 999))
        (False, True)
        """
        return (self.max_messages <= 0 or outstanding.messages < self.max_messages) and (
            self.max_bytes <= 0 or outstanding.size < self.max_bytes
        )


NO_LIMITS: Final = FlowLimits()
