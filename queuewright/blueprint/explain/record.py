"""A blueprint as maps, lists and scalars, for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from queuewright.blueprint.explain.principals import Principal
from queuewright.blueprint.model import (
    AccountPlan,
    AppEnginePlan,
    Blueprint,
    FunctionPlan,
    GrantPlan,
    HandlerPlan,
    HandlerTarget,
    PullQueuePlan,
    QueuePlan,
    Reason,
    RuntimePlan,
    SecretPlan,
    ServicePlan,
    UrlPlan,
    WorkerPlan,
)
from queuewright.blueprint.patience import patience
from queuewright.cloud_tasks.durations import written_duration
from queuewright.spec.values import written_size

Record = dict[str, object]


def blueprint_record(blueprint: Blueprint) -> Record:
    """The whole blueprint. Durations and sizes are written as in a spec."""
    return {
        "environment": blueprint.environment,
        "project": blueprint.project,
        "location": blueprint.location,
        "prefix": blueprint.prefix,
        "labels": dict(blueprint.labels),
        "queues": {key: _queue(plan) for key, plan in blueprint.queues.items()},
        "pull_queues": {key: _pull_queue(plan) for key, plan in blueprint.pull_queues.items()},
        "handlers": {key: _handler(plan) for key, plan in blueprint.handlers.items()},
        "accounts": {key: _account(plan) for key, plan in blueprint.accounts.items()},
        "grants": [_grant(grant) for grant in blueprint.grants],
        "apis": list(blueprint.apis),
        "bucket": blueprint.bucket,
        "repository": blueprint.repository,
    }


def principal_record(principal: Principal) -> Record:
    """What one identity may do."""
    return {
        "member": principal.member,
        "reason": _reason(principal.reason) if principal.reason is not None else None,
        "grants": [_grant(grant) for grant in principal.grants],
    }


def _queue(queue: QueuePlan) -> Record:
    retry, dead = queue.allowed, queue.dead_letters
    end = patience(retry)
    return {
        "name": queue.name,
        "renamed_from": list(queue.renamed_from),
        "handler": queue.handler,
        "path": queue.path,
        "rate_limits": queue.rate_limits.model_dump(),
        "retry_config": retry.model_dump(),
        "patience": {
            "attempts": end.attempts,
            "elapsed": written_duration(end.elapsed),
            "outlives_retention": end.outlives_retention,
        },
        "sampling_ratio": queue.sampling_ratio,
        "desired_state": queue.desired_state,
        "protect": queue.protect,
        "dead_letters": {
            "queue": dead.name,
            "keep": written_duration(dead.keep),
            "live_max_attempts": queue.retry_config.max_attempts,
        }
        if dead is not None
        else None,
        "route": {"kind": queue.route.kind, **_plain(asdict(queue.route))},
        "invoker": queue.invoker,
        "variable": queue.variable,
        "payload": queue.payload,
        "example": queue.example,
        "reason": _reason(queue.reason),
    }


def _pull_queue(queue: PullQueuePlan) -> Record:
    dead = queue.dead_letters
    return {
        "topic": queue.topic,
        "subscription": queue.subscription,
        "renamed_from": list(queue.renamed_from),
        "worker": queue.worker,
        "regions": list(queue.regions),
        "lease": written_duration(queue.lease),
        "min_backoff": written_duration(queue.min_backoff),
        "max_backoff": written_duration(queue.max_backoff),
        "keep": written_duration(queue.keep),
        "ordering": queue.ordering,
        "dead_letters": {
            "topic": queue.dead_letter_topic,
            "subscription": queue.dead_letter_subscription,
            "max_attempts": dead.max_attempts,
            "keep": written_duration(dead.keep),
        }
        if dead is not None
        else None,
        "delays": {
            "name": queue.delays.name,
            "account": queue.delays.account,
            "variable": queue.delays.variable,
        }
        if queue.delays is not None
        else None,
        "protect": queue.protect,
        "variable": queue.variable,
        "subscription_variable": queue.subscription_variable,
        "payload": queue.payload,
        "example": queue.example,
        "reason": _reason(queue.reason),
    }


def _handler(handler: HandlerPlan) -> Record:
    return {
        "name": handler.name,
        "renamed_from": list(handler.renamed_from),
        **_target(handler.target),
        **_code(handler),
        "account": handler.account,
        "invoker": handler.invoker,
        "local": _plain(asdict(handler.local)),
        "reason": _reason(handler.reason),
    }


def _code(handler: HandlerPlan) -> Record:
    """What is deployed besides `source`; nothing for a handler that has no code here."""
    if handler.source is None:
        return {}
    build = {"build": asdict(handler.build)} if handler.build is not None else {}
    return {"include": list(handler.include), **build}


def _target(target: HandlerTarget) -> Record:
    match target:
        case FunctionPlan():
            settings: Record = {
                "source": target.source,
                "entry_point": target.entry_point,
                "runtime": target.runtime_name,
                **_runtime(target.runtime),
            }
        case ServicePlan():
            settings = {
                "source": target.source,
                "image": target.image,
                "runtime": target.runtime_name,
                "command": list(target.command),
                **_runtime(target.runtime),
            }
        case WorkerPlan():
            settings = {
                "source": target.source,
                "image": target.image,
                "command": list(target.command),
                "env": dict(target.environment),
                "secrets": _secrets(target.secrets),
                "memory": written_size(target.memory),
                "cpu": target.cpu,
                "instances": target.instances.model_dump(),
                "vpc": target.vpc.model_dump(mode="json") if target.vpc is not None else None,
            }
        case AppEnginePlan():
            settings = {
                "service": target.service,
                "version": target.version,
                "instance": target.instance,
                "source": target.source,
                "runtime": target.runtime_name,
                "entrypoint": target.entrypoint,
                "env": dict(target.environment),
                "instances": target.instances.model_dump(),
            }
        case UrlPlan():
            settings = {
                "url": target.url,
                "audience": target.audience,
                "headers": dict(target.headers),
            }
    return {"kind": target.kind, **settings}


def _runtime(runtime: RuntimePlan) -> Record:
    return {
        "env": dict(runtime.environment),
        "secrets": _secrets(runtime.secrets),
        "memory": written_size(runtime.memory),
        "cpu": runtime.cpu,
        "timeout": written_duration(runtime.timeout),
        "concurrency": runtime.concurrency,
        "instances": runtime.instances.model_dump(),
        "ingress": runtime.ingress,
        "vpc": runtime.vpc.model_dump(mode="json") if runtime.vpc is not None else None,
    }


def _secrets(secrets: Mapping[str, SecretPlan]) -> Record:
    return {name: _plain(asdict(secret)) for name, secret in secrets.items()}


def _account(account: AccountPlan) -> Record:
    return {
        "account_id": account.account_id,
        "email": account.email,
        "display_name": account.display_name,
        "reason": _reason(account.reason),
    }


def _grant(grant: GrantPlan) -> Record:
    return {
        "role": grant.role,
        "member": grant.member,
        "account": grant.account,
        "kind": grant.kind,
        "resource": grant.resource,
        "condition": grant.condition.expression if grant.condition else None,
        "reason": _reason(grant.reason),
    }


def _reason(reason: Reason) -> Record:
    place = reason.location
    return {
        "text": reason.text,
        "path": reason.path,
        "file": place.file,
        "line": place.line,
        "column": place.column,
    }


def _plain(record: Record) -> Record:
    """A record with lists instead of tuples, as in JSON."""
    return {key: list(item) if isinstance(item, tuple) else item for key, item in record.items()}
