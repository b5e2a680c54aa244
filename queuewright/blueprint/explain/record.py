"""A blueprint as maps, lists and scalars, for programs. Pure."""

from __future__ import annotations

from dataclasses import asdict

from queuewright.blueprint.identities import Identity

from queuewright.blueprint.model import (
    AccountPlan,
    AppEnginePlan,
    AppEngineRoute,
    Blueprint,
    FunctionPlan,
    Grant,
    HandlerPlan,
    HandlerRoute,
    QueuePlan,
    Reason,
    RuntimePlan,
    ServicePlan,
    UrlPlan,
    UrlRoute,
)
from queuewright.blueprint.patience import patience
from queuewright.cloud_tasks.durations import written_duration
from queuewright.spec.values import written_size

Record = dict[str, object]


def blueprint_record(blueprint: Blueprint) -> Record:
    """Everything; durations and sizes as a spec writes them."""
    return {
        "environment": blueprint.environment,
        "project": blueprint.project,
        "location": blueprint.location,
        "prefix": blueprint.prefix,
        "labels": dict(blueprint.labels),
        "queues": {key: _queue(plan) for key, plan in blueprint.queues.items()},
        "handlers": {key: _handler(plan) for key, plan in blueprint.handlers.items()},
        "accounts": {key: _account(plan) for key, plan in blueprint.accounts.items()},
        "grants": [_grant(grant) for grant in blueprint.grants],
        "apis": list(blueprint.apis),
        "bucket": blueprint.bucket,
        "repository": blueprint.repository,
    }


def identity_record(identity: Identity) -> Record:
    """What one account may do."""
    return {
        "member": identity.member,
        "reason": _reason(identity.reason) if identity.reason is not None else None,
        "grants": [_grant(grant) for grant in identity.grants],
    }


def _queue(queue: QueuePlan) -> Record:
    retry = queue.retry_config
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
        "route": _route(queue.route),
        "invoker": queue.invoker,
        "variable": queue.variable,
        "example": queue.example,
        "reason": _reason(queue.reason),
    }


def _route(route: HandlerRoute | UrlRoute | AppEngineRoute) -> Record:
    kinds = {HandlerRoute: "handler", UrlRoute: "url", AppEngineRoute: "app_engine"}
    return {"kind": kinds[type(route)], **_plain(asdict(route))}


def _handler(handler: HandlerPlan) -> Record:
    return {
        "name": handler.name,
        "renamed_from": list(handler.renamed_from),
        **_target(handler.target),
        "account": handler.account,
        "local": _plain(asdict(handler.local)),
        "reason": _reason(handler.reason),
    }


def _target(target: FunctionPlan | ServicePlan | AppEnginePlan | UrlPlan) -> Record:
    if isinstance(target, FunctionPlan):
        return {
            "kind": "function",
            "source": target.source,
            "entry_point": target.entry_point,
            "runtime": target.runtime_name,
            **_runtime(target.runtime),
        }
    if isinstance(target, ServicePlan):
        return {
            "kind": "service",
            "source": target.source,
            "image": target.image,
            "runtime": target.runtime_name,
            "command": list(target.command),
            **_runtime(target.runtime),
        }
    if isinstance(target, AppEnginePlan):
        return {
            "kind": "app_engine",
            "service": target.service,
            "version": target.version,
            "instance": target.instance,
            "source": target.source,
            "runtime": target.runtime_name,
            "entrypoint": target.entrypoint,
            "env": dict(target.environment),
            "instances": target.instances.model_dump(),
        }
    return {
        "kind": "url",
        "url": target.url,
        "audience": target.audience,
        "headers": dict(target.headers),
    }


def _runtime(runtime: RuntimePlan) -> Record:
    return {
        "env": dict(runtime.environment),
        "secrets": {name: _plain(asdict(secret)) for name, secret in runtime.secrets.items()},
        "memory": written_size(runtime.memory),
        "cpu": runtime.cpu,
        "timeout": written_duration(runtime.timeout),
        "concurrency": runtime.concurrency,
        "instances": runtime.instances.model_dump(),
        "ingress": runtime.ingress,
        "vpc": runtime.vpc.model_dump(mode="json") if runtime.vpc is not None else None,
    }


def _account(account: AccountPlan) -> Record:
    return {
        "account_id": account.account_id,
        "email": account.email,
        "display_name": account.display_name,
        "reason": _reason(account.reason),
    }


def _grant(grant: Grant) -> Record:
    return {
        "role": grant.role,
        "member": grant.member,
        "account": grant.account,
        "kind": grant.kind,
        "resource": grant.resource,
        "condition": grant.condition,
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
    """Tuples as JSON knows them: lists."""
    return {key: list(item) if isinstance(item, tuple) else item for key, item in record.items()}
