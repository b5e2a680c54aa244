"""The limits of Cloud Tasks and Pub/Sub that are checked before a call.

The runtime can't import `queuewright.cloud_tasks`, which names the source of each; a test holds the
two equal.
"""

from __future__ import annotations

from datetime import timedelta

MAX_TASK_BYTES = 1_048_569
MAX_URL_CHARACTERS = 2083
MAX_HEADERS_BYTES = 80 * 1024
MAX_SCHEDULE_AHEAD = timedelta(days=30)
MIN_DISPATCH_DEADLINE = timedelta(seconds=15)
MAX_HTTP_DISPATCH_DEADLINE = timedelta(minutes=30)
MAX_APP_ENGINE_DISPATCH_DEADLINE = timedelta(hours=24, seconds=15)
MAX_CREATES = 100
"""Tasks in one BatchCreateTasks."""

MAX_PUBLISH_BYTES = 10_000_000
MAX_MESSAGES_PER_PUBLISH = 1000
