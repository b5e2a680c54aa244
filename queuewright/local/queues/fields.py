"""Writes the fields of a queue message that both kinds of configuration set. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from queuewright.engine.protocol import HttpTarget, Queue
from queuewright.spec import RateLimits, RetryConfig

# Queue.State, UriOverride.Scheme and UriOverrideEnforceMode of google/cloud/tasks/v2.
STATES = {"RUNNING": 1, "PAUSED": 2}
SCHEMES = {"http": 1, "https": 2}
ENFORCE_MODES = {"IF_NOT_EXISTS": 1, "ALWAYS": 2}


def set_limits(queue: Queue, rates: RateLimits, retries: RetryConfig) -> None:
    """Set a queue's rate limits and its retry settings."""
    queue.rate_limits.max_dispatches_per_second = rates.max_dispatches_per_second
    queue.rate_limits.max_concurrent_dispatches = rates.max_concurrent_dispatches
    retry = queue.retry_config
    retry.max_attempts = retries.max_attempts
    retry.max_retry_duration.FromTimedelta(retries.max_retry_duration)
    retry.min_backoff.FromTimedelta(retries.min_backoff)
    retry.max_backoff.FromTimedelta(retries.max_backoff)
    retry.max_doublings = retries.max_doublings


def set_address(target: HttpTarget, url: str, path: str | None) -> None:
    """Send tasks to `url`, with `path` after its own; without any path, to each task's own."""
    parts = urlsplit(url)
    uri = target.uri_override
    uri.scheme = SCHEMES[parts.scheme]
    host = parts.hostname or ""
    uri.host = f"[{host}]" if ":" in host else host
    if parts.port is not None:
        uri.port = parts.port
    joined = parts.path.rstrip("/") + (path or "")
    if joined:
        uri.path_override.path = joined
    uri.uri_override_enforce_mode = ENFORCE_MODES["ALWAYS"]
