"""Google's facts, each written once: limits, defaults, names, headers, retries, durations, roles.

Every fact stands next to its source. Nothing here imports anything but the standard library.
"""

from queuewright.cloud_tasks import (
    defaults,
    durations,
    headers,
    ingress,
    limits,
    names,
    pubsub,
    retry,
    roles,
)

__all__ = [
    "defaults",
    "durations",
    "headers",
    "ingress",
    "limits",
    "names",
    "pubsub",
    "retry",
    "roles",
]
