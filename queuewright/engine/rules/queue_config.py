"""A queue's configuration: fills in the defaults and checks the ranges.

Ranges and texts are as recorded (see `refusals`). The two backoffs are compared after the defaults
are filled in, as the real service does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from google.protobuf.duration_pb2 import Duration

from queuewright.cloud_tasks import defaults
from queuewright.cloud_tasks.leases import NO_CONCURRENCY_LIMIT
from queuewright.cloud_tasks.limits import (
    MAX_BURST_SIZE,
    MAX_CONCURRENT_DISPATCHES,
    MAX_DISPATCHES_PER_SECOND,
    MAX_DURATION_SECONDS,
)
from queuewright.cloud_tasks.retry import UNLIMITED, RetryPolicy
from queuewright.engine.protocol import refusals
from queuewright.engine.protocol.headers import check_headers
from queuewright.engine.protocol.messages import HttpTarget, Queue, RateLimits, RetryConfig
from queuewright.engine.protocol.times import duration_us, set_duration
from queuewright.engine.rules.schedule import QueueLimits

RUNNING: Final = 1
PAUSED: Final = 2

_NO_DISPATCHES: Final = QueueLimits(rate=1.0, burst=1, concurrency=0)

_is_host = re.compile(r"\[[0-9A-Fa-f:.]+\]|[^\x00-\x20\s/?#@\\:\[\]]+").fullmatch


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """The options of a queue that only v2beta3 can set. None means the engine's setting."""

    task_ttl_us: int | None = None
    """v2beta3 `task_ttl`: the maximum age of a task."""
    tombstone_ttl_us: int | None = None
    """v2beta3 `tombstone_ttl`: how long the name of a finished or deleted task stays taken."""
    burst: int | None = None
    """v2beta3 `max_burst_size`, which is output only in v2."""
    pull: bool = False
    """v2beta2 `pull_target`, v2beta3 `type`: workers lease the queue's tasks. Cannot change."""


def complete(queue: Queue, options: QueueOptions, burst: Callable[[float], int]) -> None:
    """Check a queue's configuration and fill in the defaults, in place.

    Raises:
        Refusal: INVALID_ARGUMENT if a value is out of range.
    """
    if options.pull:
        _complete_pull(queue)
    else:
        _complete_rate_limits(queue.rate_limits, options, burst)
        complete_retry(queue.retry_config)
    if queue.HasField("stackdriver_logging_config"):
        ratio = queue.stackdriver_logging_config.sampling_ratio
        if not 0.0 <= ratio <= 1.0:
            raise refusals.invalid(
                "StackdriverLoggingConfig.samplingRatio must be between 0.0 and 1.0."
            )
    if queue.HasField("http_target"):
        _check_http_target(queue.http_target)


def is_pull(queue: Queue) -> bool:
    """Return whether a completed configuration is a pull queue's."""
    return queue.rate_limits.max_concurrent_dispatches == NO_CONCURRENCY_LIMIT


def limits(queue: Queue) -> QueueLimits:
    """Return the rate limits of a completed configuration. A pull queue dispatches nothing."""
    if is_pull(queue):
        return _NO_DISPATCHES
    rates = queue.rate_limits
    return QueueLimits(
        rates.max_dispatches_per_second, rates.max_burst_size, rates.max_concurrent_dispatches
    )


def retry_policy(config: RetryConfig) -> RetryPolicy:
    """Return the retry policy of a completed configuration."""
    return RetryPolicy(
        max_attempts=config.max_attempts,
        max_retry_duration_us=duration_us(config.max_retry_duration),
        min_backoff_us=duration_us(config.min_backoff),
        max_backoff_us=duration_us(config.max_backoff),
        max_doublings=config.max_doublings,
    )


def complete_retry(config: RetryConfig) -> None:
    """Check a retry configuration and fill in the defaults, in place.

    Raises:
        Refusal: INVALID_ARGUMENT if a value is out of range.
    """
    default = RetryPolicy()
    if config.max_attempts < -1:
        raise refusals.invalid("RetryConfig.maxAttempts must be greater or equal to -1.")
    if config.max_doublings < 0:
        raise refusals.invalid("RetryConfig.maxDoublings cannot be negative.")
    # On the wire, zero and unset are the same; both mean the default.
    config.max_attempts = config.max_attempts or default.max_attempts
    config.max_doublings = config.max_doublings or default.max_doublings
    _check_span(config.max_retry_duration, "RetryConfig.maxRetryDuration")
    _check_span(config.min_backoff, "RetryConfig.minBackoff")
    _check_span(config.max_backoff, "RetryConfig.maxBackoff")
    config.max_retry_duration.nanos = 0
    if not config.max_retry_duration.seconds:
        config.ClearField("max_retry_duration")
    if not config.HasField("min_backoff"):
        set_duration(config.min_backoff, default.min_backoff_us)
    if not config.HasField("max_backoff"):
        set_duration(config.max_backoff, default.max_backoff_us)
    if duration_us(config.min_backoff) > duration_us(config.max_backoff):
        raise refusals.invalid(
            "RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff."
        )


def _complete_pull(queue: Queue) -> None:
    """Only the number of attempts can be set; other limits are output only and are left out."""
    for field in ("http_target", "app_engine_routing_override"):
        if queue.HasField(field):
            raise refusals.invalid(
                f"A pull queue cannot have `{field}`, and its type cannot change: create another "
                "queue for push tasks."
            )
    attempts = queue.retry_config.max_attempts
    if attempts < UNLIMITED:
        raise refusals.invalid("RetryConfig.maxAttempts must be greater or equal to -1.")
    queue.retry_config.Clear()
    queue.retry_config.max_attempts = attempts or UNLIMITED
    queue.rate_limits.Clear()
    queue.rate_limits.max_concurrent_dispatches = NO_CONCURRENCY_LIMIT


def _complete_rate_limits(
    rates: RateLimits, options: QueueOptions, burst: Callable[[float], int]
) -> None:
    rate = rates.max_dispatches_per_second
    if rate != rate or rate < 0:
        raise refusals.invalid("RateLimits.maxDispatchesPerSecond cannot be negative.")
    if rate > MAX_DISPATCHES_PER_SECOND:
        raise refusals.invalid(
            "RateLimits.maxDispatchesPerSecond must be less than or equal to "
            f"{MAX_DISPATCHES_PER_SECOND}."
        )
    concurrency = rates.max_concurrent_dispatches
    if concurrency < 0:
        raise refusals.invalid("RateLimits.maxConcurrentDispatches cannot be negative.")
    if concurrency > MAX_CONCURRENT_DISPATCHES:
        raise refusals.invalid(
            "RateLimits.maxConcurrentDispatches must be less than or equal to "
            f"{MAX_CONCURRENT_DISPATCHES}."
        )
    if options.burst is not None and not 0 <= options.burst <= MAX_BURST_SIZE:
        raise refusals.invalid(
            "RateLimits.maxBurstSize cannot be negative."
            if options.burst < 0
            else f"RateLimits.maxBurstSize must be less than or equal to {MAX_BURST_SIZE}."
        )
    rates.max_dispatches_per_second = rate or defaults.MAX_DISPATCHES_PER_SECOND
    rates.max_concurrent_dispatches = concurrency or defaults.MAX_CONCURRENT_DISPATCHES
    rates.max_burst_size = options.burst or burst(rates.max_dispatches_per_second)


def _check_span(span: Duration, field: str) -> None:
    if span.seconds < 0 or span.nanos < 0:
        raise refusals.invalid(f"{field} cannot be negative.")
    if span.seconds > MAX_DURATION_SECONDS or span.nanos > 999_999_999:
        raise refusals.invalid(f"{field} must be at most {MAX_DURATION_SECONDS}s.")


def _check_http_target(target: HttpTarget) -> None:
    uri = target.uri_override
    if uri.HasField("host") and not uri.host:
        raise refusals.invalid("UriOverride.host cannot be empty.")
    if uri.HasField("host") and not _is_host(uri.host):
        raise refusals.invalid("UriOverride.host must be a host, without scheme, port and path.")
    if uri.HasField("port") and not 0 <= uri.port <= 65_535:
        raise refusals.invalid("UriOverride.port must be between 0 and 65535.")
    check_headers(
        [(override.header.key, override.header.value) for override in target.header_overrides],
        "HttpTarget.headerOverrides",
    )
    kind = target.WhichOneof("authorization_header")
    if kind == "oidc_token" and not (
        target.oidc_token.service_account_email and target.oidc_token.audience
    ):
        raise refusals.invalid(
            "HttpTarget.oidcToken must have both serviceAccountEmail and audience."
        )
    if kind == "oauth_token" and not (
        target.oauth_token.service_account_email and target.oauth_token.scope
    ):
        raise refusals.invalid(
            "HttpTarget.oauthToken must have both serviceAccountEmail and scope."
        )
