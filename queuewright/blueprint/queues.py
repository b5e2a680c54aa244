"""The plan of a queue: its name, its settings, and the route of its tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from queuewright.blueprint.dead_letters import dead_queue_plan, live_retry_config, queue_id
from queuewright.blueprint.model import (
    AppEngineRoute,
    HandlerRoute,
    QueuePlan,
    Reason,
    Route,
    UrlRoute,
)
from queuewright.blueprint.names import app_engine_service, queue_name
from queuewright.cloud_tasks.durations import seconds
from queuewright.cloud_tasks.limits import MAX_HTTP_DISPATCH_DEADLINE, MIN_DISPATCH_DEADLINE
from queuewright.errors import Location
from queuewright.spec import (
    FUNCTION_TIMEOUT,
    SERVICE_TIMEOUT,
    HandlerSpec,
    Spec,
    app_engine_variable,
    deadline_variable,
    dotted,
    queue_variable,
)


def queue_plan(spec: Spec, key: str, invoker: str | None) -> QueuePlan:
    """The plan of queue `key`; `invoker` is the key of the account whose token its tasks carry."""
    queue = spec.queues[key]
    return QueuePlan(
        key=key,
        queue_id=queue_id(spec, key),
        name=full_name(spec, key),
        renamed_from=queue.renamed_from,
        handler=queue.handler,
        path=queue.path,
        rate_limits=queue.rate_limits,
        retry_config=live_retry_config(queue),
        sampling_ratio=queue.stackdriver_logging_config.sampling_ratio,
        desired_state=queue.desired_state,
        protect=queue.protect,
        dead_letters=dead_queue_plan(spec, key),
        route=_route(spec, queue.handler, spec.handlers[queue.handler], queue.path),
        invoker=invoker,
        variable=queue_variable(key),
        dispatch_deadline=dispatch_deadline(spec, key),
        producer_variables=producer_variables(spec, key),
        payload=queue.payload,
        example=queue.example,
        reason=Reason(f"queue `{key}`", f"queues.{key}", spec.locate("queues", key)),
        places=setting_places(spec, "queues", key),
    )


def setting_places(spec: Spec, *path: str) -> dict[str, Location]:
    """Where the file has each setting below `path`, by its dotted path from there."""
    node = spec.document.at(path)
    if node is None:
        return {}
    return {dotted(below): each.place for below, each in node.walk() if below}


def full_name(spec: Spec, key: str) -> str:
    """The full name of queue `key`, as in the API."""
    return queue_name(spec.project, spec.location, queue_id(spec, key))


def dispatch_deadline(spec: Spec, key: str) -> timedelta | None:
    """How long an attempt of queue `key` may take: its handler's timeout, as far as Google allows.

    Cloud Tasks has no such setting of a queue, and gives each task ten minutes unless its producer
    asks for another time. None if the handler's timeout is not known here.
    """
    handler = spec.handlers[spec.queues[key].handler]
    if handler.function is None and handler.service is None:
        return None
    default = FUNCTION_TIMEOUT if handler.function is not None else SERVICE_TIMEOUT
    timeout = handler.timeout or default
    return min(max(timeout, MIN_DISPATCH_DEADLINE), MAX_HTTP_DISPATCH_DEADLINE)


def producer_variables(spec: Spec, key: str) -> Mapping[str, str]:
    """The variables that tell a producer about queue `key`."""
    return dict(_producer_variables(spec, key))


def _producer_variables(spec: Spec, key: str) -> Iterator[tuple[str, str]]:
    yield queue_variable(key), full_name(spec, key)
    deadline = dispatch_deadline(spec, key)
    if deadline is not None:
        yield deadline_variable(key), seconds(deadline)
    name = spec.queues[key].handler
    route = _route(spec, name, spec.handlers[name], None)
    if isinstance(route, AppEngineRoute):
        yield app_engine_variable(key), route.service


def _route(spec: Spec, name: str, handler: HandlerSpec, path: str | None) -> Route:
    if handler.app_engine is not None:
        engine = handler.app_engine
        is_deployed = engine.source is not None
        service = app_engine_service(spec.prefix, engine.service, is_deployed=is_deployed)
        return AppEngineRoute(service, engine.version, engine.instance)
    if handler.url is None:
        return HandlerRoute(name, path)
    return UrlRoute.of(handler.url, path=path, audience=handler.audience, headers=handler.headers)
