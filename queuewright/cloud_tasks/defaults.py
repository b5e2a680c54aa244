"""The settings that Cloud Tasks gives a queue or a task that leaves them out.

Source: https://cloud.google.com/tasks/docs/configuring-queues; the service shows the same values
for a new queue.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

MAX_DISPATCHES_PER_SECOND: Final = 500.0
MAX_CONCURRENT_DISPATCHES: Final = 1000

MAX_ATTEMPTS: Final = 100
MAX_RETRY_DURATION: Final = timedelta(0)
"""Zero is no limit."""
MIN_BACKOFF: Final = timedelta(milliseconds=100)
MAX_BACKOFF: Final = timedelta(hours=1)
MAX_DOUBLINGS: Final = 16

DISPATCH_DEADLINE: Final = timedelta(minutes=10)
"""`Task.dispatch_deadline` in google/cloud/tasks/v2/task.proto."""
