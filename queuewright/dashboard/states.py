"""How states are shown: a colour class, a shape and a word, as `class|shape|Word`. Pure."""

from __future__ import annotations

from typing import Final

TASK: Final = {
    "scheduled": "wait|wait|Scheduled",
    "due": "wait|due|Due",
    "running": "run|run|Running",
    "retrying": "retry|retry|Retrying",
    "leased": "run|run|Leased",
    "finished": "done|done|Done",
    "failed": "dead|dead|Gave up",
    "buried": "dead|dead|Dead letter",
    "expired": "dead|dead|Expired",
    "deleted": "wait|dead|Deleted",
    "purged": "wait|dead|Purged",
    "gone": "wait|done|Gone",
    "unfinished": "wait|due|Unfinished",
}
QUEUE: Final = {
    "running": "run|run|Running",
    "paused": "hold|hold|Paused",
    "disabled": "hold|hold|Disabled",
    "held": "hold|warn|Held",
}
HANDLER: Final = {
    "healthy": "done|done|Healthy",
    "starting": "wait|wait|Starting",
    "failing": "hold|warn|Failing",
    "held": "hold|warn|Not started",
    "elsewhere": "wait|away|Elsewhere",
    "caught": "wait|due|Caught",
}
