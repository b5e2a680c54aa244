"""Fields of a Cloud Tasks queue, with every setting written out."""

from __future__ import annotations

from pulumi_gcp import cloudtasks

from queuewright.cloud_tasks.durations import seconds
from queuewright.spec import RateLimits, RetryConfig


def rate_limits(limits: RateLimits) -> cloudtasks.QueueRateLimitsArgsDict:
    """The rate limits of a queue."""
    return {
        "max_dispatches_per_second": limits.max_dispatches_per_second,
        "max_concurrent_dispatches": limits.max_concurrent_dispatches,
    }


def retry_config(config: RetryConfig) -> cloudtasks.QueueRetryConfigArgsDict:
    """The retries of a queue."""
    return {
        "max_attempts": config.max_attempts,
        "max_retry_duration": seconds(config.max_retry_duration),
        "min_backoff": seconds(config.min_backoff),
        "max_backoff": seconds(config.max_backoff),
        "max_doublings": config.max_doublings,
    }
