"""Settings: the choices Google's documentation leaves open, and those of a local environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from queuewright.cloud_tasks import limits
from queuewright.engine.protocol.times import span_us
from queuewright.engine.rules.bucket import default_burst

AppEngineUrl = Callable[[str, str, str], str | None]
"""(service, version, instance), each "" for the default one, to `http://host:port` or None."""

ExplainDenial = Callable[[str, str, str], str | None]
"""(principal, permission, resource) to a sentence that says how to get it, or None."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The engine's settings. Every default is what the real service is known to do, or says."""

    task_name_reuse: timedelta = limits.TASK_NAME_REUSE
    """How long the name of a task that is gone stays taken."""

    queue_name_reuse: timedelta = limits.QUEUE_NAME_REUSE
    """How long the name of a deleted queue stays taken."""

    retention: timedelta = limits.TASK_RETENTION
    """A task is deleted at this age, dispatched or not."""

    burst: Callable[[float], int] = default_burst
    """Rate to bucket size, for queues that don't say it; a guess by default."""

    follow_redirects: bool = False
    """Follow 3xx of an HTTP target (never an App Engine one's) instead of failing the attempt."""

    throttling: bool = False
    """Slow a queue down on 429, 503 and Retry-After. Off: Google publishes no sizes."""

    missing_queue_is_precondition: bool = False
    """Answer CreateTask on a queue that isn't there as users of earlier years report it."""

    app_engine_url: AppEngineUrl | None = None
    """Where App Engine targets are. Without it, their attempts fail and say so."""

    explain_denial: ExplainDenial | None = None
    """Ends the text of a PERMISSION_DENIED."""

    max_in_flight: int | None = None
    """How many attempts may be in flight at a time; the queues share them (`rules.slots`).
    None: as many as this process may have connections, or no limit with a `sender` of your own."""

    descriptors_per_attempt: int = 1
    """What an attempt in flight costs this process: 3 where its handler's proxy runs here too."""

    stop_grace: timedelta = timedelta(seconds=2)
    """How long `stop` lets running attempts finish; the rest is delivered after the next start."""

    patience: timedelta = timedelta(seconds=1)
    """With a `ManualClock`: how long a handler may take in real time before time moves on."""

    @cached_property
    def retention_us(self) -> int:
        """`retention` in microseconds; read for every new task."""
        return span_us(self.retention)

    @cached_property
    def task_name_reuse_us(self) -> int:
        """`task_name_reuse` in microseconds; read for every finished task."""
        return span_us(self.task_name_reuse)
