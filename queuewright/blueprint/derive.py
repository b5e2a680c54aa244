"""Derives the blueprint from a spec, in one pure step."""

from __future__ import annotations

from collections.abc import Iterator

from queuewright.blueprint.accounts import BUILD, accounts
from queuewright.blueprint.dead_letters import dead_letter_variables
from queuewright.blueprint.grants import enqueues, grants
from queuewright.blueprint.handlers import handler_plan
from queuewright.blueprint.model import Blueprint
from queuewright.blueprint.names import PUBSUB, bucket_name, prefixed
from queuewright.blueprint.pull_queues import polls, pull_queue_plan
from queuewright.blueprint.queues import queue_plan
from queuewright.spec import HandlerSpec, Spec


def blueprint(spec: Spec) -> Blueprint:
    """Everything that follows from a spec. The same spec always gives the same blueprint."""
    plans = accounts(spec)
    handlers = {
        key: handler_plan(
            spec,
            key,
            plans,
            {**polls(spec, key), **enqueues(spec, key), **dead_letter_variables(spec, key)},
        )
        for key in spec.handlers
    }
    queues = {
        key: queue_plan(spec, key, handlers[queue.handler].invoker)
        for key, queue in spec.queues.items()
    }
    every = spec.handlers.values()
    bucket = bucket_name(spec.project, spec.prefix) if any(map(_is_packaged, every)) else None
    repository = prefixed(spec.prefix, "queuewright") if any(map(_is_built, every)) else None
    return Blueprint(
        environment=spec.environment,
        project=spec.project,
        location=spec.location,
        prefix=spec.prefix,
        labels=spec.labels,
        handlers=handlers,
        queues=queues,
        pull_queues={key: pull_queue_plan(spec, key) for key in spec.pull_queues},
        accounts=plans,
        grants=grants(spec, plans, bucket, repository),
        apis=tuple(sorted({*_apis(spec), *(["iam.googleapis.com"] if plans else [])})),
        build_account=BUILD if BUILD in plans else None,
        bucket=bucket,
        repository=repository,
    )


def _is_packaged(handler: HandlerSpec) -> bool:
    """Whether the handler's code is uploaded to the bucket as an archive."""
    service = handler.service
    if service is not None:
        return service.source is not None and service.runtime is not None
    return handler.function is not None or _is_packaged_for_app_engine(handler)


def _is_packaged_for_app_engine(handler: HandlerSpec) -> bool:
    return handler.app_engine is not None and handler.app_engine.source is not None


def _is_built(handler: HandlerSpec) -> bool:
    """Whether an image is built from the handler's code, and kept in the repository."""
    service = handler.service
    from_dockerfile = service is not None and service.source is not None and not service.runtime
    is_worker = handler.worker is not None and handler.worker.source is not None
    return handler.function is not None or from_dockerfile or is_worker


def _apis(spec: Spec) -> Iterator[str]:
    delays = any(queue.pull.delays for queue in spec.pull_queues.values())
    if spec.queues or delays or not spec.pull_queues:
        yield "cloudtasks.googleapis.com"
    if spec.pull_queues:
        yield PUBSUB
    for handler in spec.handlers.values():
        if handler.function is not None:
            yield "cloudfunctions.googleapis.com"
        if handler.function or handler.service or handler.worker:
            yield "run.googleapis.com"
        if handler.app_engine is not None:
            yield "appengine.googleapis.com"
        if handler.function is not None or _is_packaged_for_app_engine(handler):
            # The resource manager grants the account that builds its roles on the project.
            yield from ("cloudbuild.googleapis.com", "cloudresourcemanager.googleapis.com")
        if _is_built(handler) or _is_packaged_for_app_engine(handler):
            yield "artifactregistry.googleapis.com"
        if _is_packaged(handler):
            yield "storage.googleapis.com"
        if handler.secrets:
            yield "secretmanager.googleapis.com"
        if handler.vpc is not None:
            yield "compute.googleapis.com"
