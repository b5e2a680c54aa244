"""Cloud Tasks' limits.

The comments name the message and field of google/cloud/tasks/v2 that documents a limit, or say
how it was observed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

MAX_DISPATCHES_PER_SECOND: Final = 500
"""`RateLimits.max_dispatches_per_second` in queue.proto."""

MAX_CONCURRENT_DISPATCHES: Final = 5000
"""`RateLimits.max_concurrent_dispatches` in queue.proto."""

MAX_BURST_SIZE: Final = 500
"""`RateLimits.max_burst_size` in v2beta3's queue.proto."""

MAX_INT32: Final = 2**31 - 1
"""The largest `max_attempts` and `max_doublings`: both are an int32."""

MAX_URL_CHARACTERS: Final = 2083
"""`HttpRequest.url` in target.proto."""

MAX_HEADERS_BYTES: Final = 80 * 1024
"""Header names and values together must stay below this (`HttpRequest.headers` in target.proto)."""

MAX_TASK_BYTES: Final = 1_048_569
"""The serialized size of a stored task, as observed of the real service (2026-08)."""

MAX_SCHEDULE_AHEAD: Final = timedelta(days=30)
"""How far in the future a schedule time may be: 720 hours
(https://cloud.google.com/tasks/docs/quotas)."""

TASK_RETENTION: Final = timedelta(days=31)
"""A task is deleted at this age, dispatched or not (https://cloud.google.com/tasks/docs/quotas)."""

TASK_NAME_REUSE: Final = timedelta(hours=24)
"""How long the name of a finished or deleted task stays taken, at most
(`CreateTaskRequest.task` in cloudtasks.proto)."""

QUEUE_NAME_REUSE: Final = timedelta(days=3)
"""How long the name of a deleted queue stays taken, at most (`DeleteQueue` in cloudtasks.proto)."""

MIN_DISPATCH_DEADLINE: Final = timedelta(seconds=15)
"""`Task.dispatch_deadline` in task.proto."""

MAX_HTTP_DISPATCH_DEADLINE: Final = timedelta(minutes=30)
"""`Task.dispatch_deadline` in task.proto, for HTTP targets."""

MAX_APP_ENGINE_DISPATCH_DEADLINE: Final = timedelta(hours=24, seconds=15)
"""`Task.dispatch_deadline` in task.proto, for App Engine targets."""

MAX_DURATION_SECONDS: Final = 315_576_000_000
"""The longest protobuf `Duration`, 10,000 years (google/protobuf/duration.proto)."""

MAX_QUEUES_PER_PAGE: Final = 9800
"""`ListQueuesRequest.page_size` in cloudtasks.proto."""

MAX_TASKS_PER_PAGE: Final = 1000
"""`ListTasksRequest.page_size` in cloudtasks.proto."""

SERVICE_ACCOUNTS_PER_PROJECT: Final = 100
"""The default quota of a project (https://cloud.google.com/iam/quotas)."""
