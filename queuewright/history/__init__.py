"""The history of an engine on this machine: attempts, and tasks that are gone. Bounded.

Start with `History`. The dashboard and `queuewright tasks` read it.
"""

from queuewright.history.bounds import BUCKET_US
from queuewright.history.history import History
from queuewright.history.reasons import dead_letter_reason, wait_reason
from queuewright.history.records import (
    ENDS,
    AttemptRecord,
    Bucket,
    Certainty,
    LogLine,
    Outcome,
    State,
    TaskContent,
    TaskHistory,
    TaskRecord,
)
from queuewright.history.service import RemoteHistory, history_service

__all__ = [
    "BUCKET_US",
    "ENDS",
    "AttemptRecord",
    "Bucket",
    "Certainty",
    "History",
    "LogLine",
    "Outcome",
    "RemoteHistory",
    "State",
    "TaskContent",
    "TaskHistory",
    "TaskRecord",
    "dead_letter_reason",
    "history_service",
    "wait_reason",
]
