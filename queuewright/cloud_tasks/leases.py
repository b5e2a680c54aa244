"""The facts of pull queues and leases (google/cloud/tasks/v2beta2, cloudtasks.proto and others)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

MAX_LEASED_TASKS: Final = 1000
"""`LeaseTasksRequest.max_tasks`."""

MIN_LEASE: Final = timedelta(seconds=1)
"""A lease has whole seconds (`LeaseTasksRequest.lease_duration`), so a shorter one would end as it
begins. Whether Google accepts 0 is not documented."""

MAX_LEASE: Final = timedelta(days=7)
"""`LeaseTasksRequest.lease_duration`."""

MAX_LEASE_RESPONSE_BYTES: Final = 32 * 1024 * 1024
"""The size of the tasks in one answer (`LeaseTasksResponse`, `LeaseTasksRequest.max_tasks`)."""

LEASE_CALLS_PER_SECOND: Final = 10
"""LeaseTasks calls on one queue (`RateLimits.max_tasks_dispatched_per_second` in queue.proto)."""

MAX_TAG_CHARACTERS: Final = 499
"""`PullMessage.tag` "must be less than 500 characters" (target.proto)."""

NO_CONCURRENCY_LIMIT: Final = -1
"""`RateLimits.max_concurrent_tasks` of every pull queue, and of no other (queue.proto)."""

NAME_REUSE: Final = timedelta(hours=1)
"""`Queue.tombstone_ttl` of a queue that v2beta2 creates, if it sets none (queue.proto)."""
