"""Where a queue is: from the variables that queuewright gives a handler, or from explicit parts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from queuewright_runtime.durations import duration
from queuewright_runtime.errors import NoQueueError

_QUEUE = re.compile(r"projects/[^/]+/locations/[^/]+/queues/[^/]+").fullmatch
_TOPIC = re.compile(r"projects/[^/]+/topics/[^/]+").fullmatch


@dataclass(frozen=True)
class QueueAddress:
    """A queue, as far as whoever adds tasks to it needs to know it."""

    key: str
    """Its key in the YAML file, or its full name."""
    name: str
    """`projects/…/locations/…/queues/…`; of a pull queue, its topic: `projects/…/topics/…`."""
    deadline: timedelta | None = None
    """How long an attempt may take: the handler's `timeout`. None: Google's ten minutes."""
    is_app_engine: bool = False
    """Whether its tasks go to a service of App Engine."""
    delays: str | None = None
    """Of a pull queue with `delays`: the full name of the push queue that keeps delayed tasks."""

    @property
    def is_pull(self) -> bool:
        """Whether it is a pull queue, whose tasks are Pub/Sub messages."""
        return _TOPIC(self.name) is not None


def variable(prefix: str, key: str) -> str:
    """Return the variable of a queue.

    >>> variable("QUEUE", "order-events")
    'QUEUE_ORDER_EVENTS'
    """
    return f"{prefix}_{re.sub('[^A-Z0-9]', '_', key.upper())}"


def from_variables(key: str, variables: Mapping[str, str]) -> QueueAddress | None:
    """Return the queue that the variables describe; None if they don't.

    `QUEUE_EMAILS` is its full name, `DEADLINE_EMAILS` the time an attempt may take, and
    `APP_ENGINE_EMAILS` is there if its tasks go to App Engine. Of pull queue `reports`,
    `QUEUE_REPORTS_DELAYS` is the full name of the queue that keeps delayed tasks.

    Raises:
        NoQueueError: a variable has a value that can't be one.
    """
    named = variable("QUEUE", key)
    name = variables.get(named)
    if not name:
        return None
    if not _QUEUE(name) and not _TOPIC(name):
        raise NoQueueError(
            f"`{named}` is `{name}`, which is not the full name of a queue: "
            "`projects/…/locations/…/queues/…`, or `projects/…/topics/…` for a pull queue"
        )
    if _TOPIC(name):
        return QueueAddress(key, name, delays=_delays(key, variables))
    timed = variable("DEADLINE", key)
    try:
        deadline = duration(variables[timed]) if variables.get(timed) else None
    except ValueError as error:
        raise NoQueueError(f"`{timed}`: {error}") from None
    return QueueAddress(key, name, deadline, bool(variables.get(variable("APP_ENGINE", key))))


def _delays(key: str, variables: Mapping[str, str]) -> str | None:
    delays = f"{key}-delays"
    named = variable("QUEUE", delays)
    name = variables.get(named)
    # A push queue of the file may have this key; it has a handler, and one of these variables.
    is_other = any(variables.get(variable(each, delays)) for each in ("DEADLINE", "APP_ENGINE"))
    if not name or is_other:
        return None
    if not _QUEUE(name):
        raise NoQueueError(
            f"`{named}` is `{name}`, which is not the full name of a queue: "
            "`projects/…/locations/…/queues/…`"
        )
    return name


def from_name(name: str) -> QueueAddress | None:
    """Return the queue with this full name; None if the text is none."""
    return QueueAddress(name, name) if _QUEUE(name) or _TOPIC(name) else None


def not_found(key: str) -> NoQueueError:
    """Return the error for a queue that nothing describes."""
    named = variable("QUEUE", key)
    return NoQueueError(
        f"`{named}` is not set, so the full name of queue `{key}` is unknown; queuewright sets it "
        f"for the handlers that the YAML file lists in `queues.{key}.enqueuers`. Elsewhere, set it "
        'to `projects/…/locations/…/queues/…`, or give `Tasks(environment="dev")`, or '
        "`Tasks(project=…, location=…)`"
    )
