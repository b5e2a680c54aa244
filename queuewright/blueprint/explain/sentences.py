"""The parts of a blueprint in a few words each."""

from __future__ import annotations

import posixpath
import shlex
from datetime import timedelta

from queuewright.blueprint.model import (
    AppEnginePlan,
    AppEngineRoute,
    DeadQueuePlan,
    GrantPlan,
    HandlerRoute,
    ImageBuildPlan,
    PullQueuePlan,
    QueuePlan,
    ServicePlan,
    UrlRoute,
    WorkerPlan,
)
from queuewright.blueprint.patience import first_waits, patience
from queuewright.cloud_tasks import roles
from queuewright.cloud_tasks.durations import written_duration
from queuewright.cloud_tasks.limits import TASK_RETENTION

_MAY = {
    roles.INVOKER: "call {kind} {resource}",
    roles.ENQUEUER: "add tasks to {kind} {resource}",
    roles.PUBLISHER: "publish to the {kind} of queue {resource}",
    roles.SUBSCRIBER: "take tasks from the {kind} of queue {resource}",
    roles.SECRET_ACCESSOR: "read {kind} {resource}",
    roles.LOG_WRITER: "write logs in {kind} {resource}",
    roles.OBJECT_VIEWER: "read objects in {kind} {resource}",
    roles.IMAGE_WRITER: "push images to {kind} {resource}",
}


def rate(queue: QueuePlan) -> str:
    """How fast a queue dispatches: `5 a second, 2 at once`."""
    limits = queue.rate_limits
    return (
        f"{limits.max_dispatches_per_second:g} a second, "
        f"{limits.max_concurrent_dispatches:,} at once"
    )


def retries(queue: QueuePlan) -> str:
    """When a queue gives up a task: `gives up after 8 attempts, ~14 min`."""
    end = patience(queue.allowed)
    attempts = "1 attempt" if end.attempts == 1 else f"{end.attempts:,} attempts"
    if end.outlives_retention:
        return f"never gives up: tries until a task is {TASK_RETENTION.days} days old, ~{attempts}"
    if end.attempts == 1:
        return "gives up after 1 attempt"
    return f"gives up after {attempts}, {about(end.elapsed)}"


def waits(queue: QueuePlan) -> str:
    """The waits between attempts: `10s, 20s, 40s, 1m20s, 2m40s … at most 5m`. May be empty."""
    config = queue.allowed
    shown = min(patience(config).attempts - 1, 5)
    first = ", ".join(map(written_duration, first_waits(config, shown)))
    is_all = patience(config).attempts - 1 <= 5
    return first if is_all else f"{first} … at most {written_duration(config.max_backoff)}"


def dead_letters(dead: DeadQueuePlan) -> str:
    """Where the tasks are kept that a push queue gives up."""
    return f"kept for {written_duration(dead.keep)} in {dead.name}, which is paused"


def redelivery(queue: PullQueuePlan) -> str:
    """When a pull queue gives up a task, and what becomes of it."""
    dead = queue.dead_letters
    if dead is None:
        return "until a task is done or too old"
    attempts = f"gives up after {dead.max_attempts} attempts"
    if queue.dead_letter_subscription is None:
        return f"{attempts}, and drops the task"
    kept = written_duration(dead.keep)
    return f"{attempts}, and keeps the task for {kept} in {queue.dead_letter_subscription}"


def about(time: timedelta) -> str:
    """A time, rounded to about two figures.

    >>> [about(timedelta(seconds=n)) for n in (0.3, 59, 850, 11_520, 200_000)]
    ['~0.3 s', '~59 s', '~14 min', '~3 h 12 min', '~2 d 8 h']
    """
    seconds = time.total_seconds()
    if seconds < 10:
        return f"~{seconds:.1f} s"
    if seconds < 120:
        return f"~{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"~{minutes} min"
    if minutes < 48 * 60:
        return f"~{minutes // 60} h {minutes % 60} min"
    hours = round(seconds / 3600)
    return f"~{hours // 24:,} d {hours % 24} h"


def routing(queue: QueuePlan) -> str:
    """The route of a queue's tasks."""
    route = queue.route
    if isinstance(route, HandlerRoute):
        where = f"`{route.path}`" if route.path else "the path of its own URL"
        return f"every task to handler {route.handler}, at {where}"
    if isinstance(route, UrlRoute):
        port = f":{route.port}" if route.port is not None else ""
        where = f"{route.scheme.lower()}://{route.host}{port}{route.path or ''}"
        where += f"?{route.query}" if route.query else ""
        return f"every task to {where}" + ("" if route.path else ", at the path of its own URL")
    return f"every App Engine task to {app_engine_service(route)}"


def token(queue: QueuePlan, invoker: str | None) -> str:
    """The token that a queue's tasks carry; `invoker` is the e-mail address of its account."""
    if invoker is None:
        return "none"
    audience = queue.route.audience if isinstance(queue.route, UrlRoute) else None
    return f"of {invoker}, for {audience or 'the root URL of ' + queue.handler}"


def app_engine_service(target: AppEnginePlan | AppEngineRoute) -> str:
    """An App Engine service: `service ledger, version v2`."""
    words = [f"service {target.service}"]
    words += [f"version {target.version}"] if target.version else []
    words += [f"instance {target.instance}"] if target.instance else []
    return ", ".join(words)


def command(words: tuple[str, ...]) -> str:
    """A command, as typed in a shell.

    >>> command(("/bin/sh", "-c", "make serve")), command(("python", "my app.py"))
    ('make serve', "python 'my app.py'")
    """
    return words[2] if words[:2] == ("/bin/sh", "-c") else shlex.join(words)


def service_code(target: ServicePlan) -> str:
    """The code of a Cloud Run service: `handlers/web, built by its Dockerfile`."""
    if target.source is None:
        return f"image {target.image}"
    if target.build is not None:
        return f"{target.source}, {_built(target.source, target.build)}"
    return f"{target.source} in {target.runtime_name}: {command(target.command)}"


def worker_code(target: WorkerPlan) -> str:
    """The code of a worker: `handlers/reporter, built by its Dockerfile: python main.py`."""
    code = f"image {target.image}"
    if target.source is not None and target.build is not None:
        code = f"{target.source}, {_built(target.source, target.build)}"
    return f"{code}: {command(target.command)}" if target.command else code


def _built(source: str, build: ImageBuildPlan) -> str:
    """How an image is built: `built by its Dockerfile`, unless something is out of the ordinary."""
    own = posixpath.join(posixpath.normpath(source), "Dockerfile")
    file = "its Dockerfile" if build.dockerfile == own else build.dockerfile
    return f"built by {file}" + (
        f" from {build.context}" if build.context != posixpath.normpath(source) else ""
    )


def may(grant: GrantPlan) -> str:
    """The right that a grant gives: `add tasks to queue emails`."""
    text = _MAY.get(grant.role, f"use {grant.role} on {{kind}} {{resource}}")
    only = f", where {grant.condition.expression}" if grant.condition else ""
    if grant.kind == "dead_letter_queue":
        return f"add dead letters of queue {grant.resource}"
    words = {"dead_letter_topic": "dead-letter topic", "delay_queue": "the delay queue of"}
    kind = words.get(grant.kind, grant.kind)
    return text.format(kind=kind, resource=grant.resource) + only
