"""The plan of a queue: its name, its settings, and the route of its tasks."""

from __future__ import annotations

from queuewright.blueprint.model import (
    AppEngineRoute,
    HandlerRoute,
    QueuePlan,
    Reason,
    Route,
    UrlRoute,
)
from queuewright.blueprint.names import app_engine_service, first_key, prefixed, queue_name
from queuewright.errors import Location
from queuewright.spec import HandlerSpec, Spec, dotted, queue_variable


def queue_plan(spec: Spec, key: str, invoker: str | None) -> QueuePlan:
    """The plan of queue `key`; `invoker` is the key of the account whose token its tasks carry."""
    queue = spec.queues[key]
    return QueuePlan(
        key=key,
        queue_id=prefixed(spec.prefix, first_key(key, queue.renamed_from)),
        name=full_name(spec, key),
        renamed_from=queue.renamed_from,
        handler=queue.handler,
        path=queue.path,
        rate_limits=queue.rate_limits,
        retry_config=queue.retry_config,
        sampling_ratio=queue.stackdriver_logging_config.sampling_ratio,
        desired_state=queue.desired_state,
        protect=queue.protect,
        route=_route(spec, queue.handler, spec.handlers[queue.handler], queue.path),
        invoker=invoker,
        variable=queue_variable(key),
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
    queue_id = prefixed(spec.prefix, first_key(key, spec.queues[key].renamed_from))
    return queue_name(spec.project, spec.location, queue_id)


def _route(spec: Spec, name: str, handler: HandlerSpec, path: str | None) -> Route:
    if handler.app_engine is not None:
        engine = handler.app_engine
        is_deployed = engine.source is not None
        service = app_engine_service(spec.prefix, engine.service, is_deployed=is_deployed)
        return AppEngineRoute(service, engine.version, engine.instance)
    if handler.url is None:
        return HandlerRoute(name, path)
    return UrlRoute.of(handler.url, path=path, audience=handler.audience, headers=handler.headers)
