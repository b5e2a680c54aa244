"""What one may want otherwise than it is by default.

These are the places where Google's documents are silent or disagree, and what a local
environment adds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from queuewright.engine.protocol.times import span_us
from queuewright.engine.rules.bucket import default_burst

AppEngineUrl = Callable[[str, str, str], str | None]
"""(service, version, instance), each "" for the default one, to `http://host:port` or None."""

ExplainDenial = Callable[[str, str, str], str | None]
"""(principal, permission, resource) to a sentence that says how to get it, or None."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The engine's settings. Every default is what the real service is known to do, or says."""

    task_name_reuse: timedelta = timedelta(hours=24)
    """How long the name of a task that is gone stays taken (CreateTaskRequest.task: up to 24 h)."""

    queue_name_reuse: timedelta = timedelta(days=3)
    """How long the name of a deleted queue stays taken (DeleteQueue: up to 3 days)."""

    retention: timedelta = timedelta(days=31)
    """A task is deleted at this age, dispatched or not (CreateQueue: 31 days)."""

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

    stop_grace: timedelta = timedelta(seconds=2)
    """How long `stop` lets running attempts finish; the rest is delivered after the next start."""

    patience: timedelta = timedelta(seconds=1)
    """With a `ManualClock`: how long a handler may take in real time before time moves on."""

    @cached_property
    def retention_us(self) -> int:
        """`retention` in microseconds; every new task asks for it."""
        return span_us(self.retention)
