"""Settings: the choices Google's documentation leaves open, and those of a local environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import cached_property

from queuewright.cloud_tasks import limits
from queuewright.engine.protocol.times import span_us
from queuewright.engine.rules.bucket import default_burst

AppEngineUrl = Callable[[str, str, str], str | None]
"""Maps (service, version, instance), each "" for the default, to `http://host:port` or None."""

ExplainDenial = Callable[[str, str, str], str | None]
"""Maps (principal, permission, resource) to a sentence on how to get the permission, or None."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings. The defaults are values that Google documents or that were observed.

    Raises:
        ValueError: a duration is negative.
    """

    task_name_reuse: timedelta = limits.TASK_NAME_REUSE
    """How long the name of a finished or deleted task stays taken."""

    queue_name_reuse: timedelta = limits.QUEUE_NAME_REUSE
    """How long the name of a deleted queue stays taken."""

    retention: timedelta = limits.TASK_RETENTION
    """The age at which a task is deleted, dispatched or not."""

    burst: Callable[[float], int] = default_burst
    """Maps a rate to a burst size, for queues that don't set one. The default is a guess."""

    follow_redirects: bool = False
    """Follow redirects of HTTP targets (never of App Engine). Off: a redirect fails the attempt."""

    throttling: bool = False
    """Slow a queue down on 429, 503 and Retry-After. Off, because Google publishes no figures."""

    missing_queue_is_precondition: bool = False
    """Refuse CreateTask on a missing queue with FAILED_PRECONDITION, as in earlier years."""

    app_engine_url: AppEngineUrl | None = None
    """The addresses of App Engine services. Without it, attempts of App Engine tasks fail."""

    explain_denial: ExplainDenial | None = None
    """Adds a sentence to the text of a PERMISSION_DENIED."""

    max_in_flight: int | None = None
    """How many attempts may be in flight at a time; the queues share them (`rules.slots`).
    None: as many as this process may have connections, or no limit with a `sender` of your own."""

    descriptors_per_attempt: int = 1
    """File descriptors that an attempt uses: 3 if its handler's proxy is in this process too."""

    stop_grace: timedelta = timedelta(seconds=2)
    """How long `stop` waits for running attempts; the others run again after the next start."""

    patience: timedelta = timedelta(seconds=1)
    """With a `ManualClock`: how long time stands still for a handler, in real time. Zero is right
    for handlers in this process that wait for nothing but the clock."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, timedelta) and value < timedelta(0):
                raise ValueError(f"`{field.name}` cannot be negative, like {value!r}")

    @cached_property
    def retention_us(self) -> int:
        """`retention` in microseconds; read for every new task."""
        return span_us(self.retention)

    @cached_property
    def task_name_reuse_us(self) -> int:
        """`task_name_reuse` in microseconds; read for every finished task."""
        return span_us(self.task_name_reuse)
