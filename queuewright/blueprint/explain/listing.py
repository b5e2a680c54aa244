"""A blueprint as lines for people: each part with its settings, and why it is there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby

from queuewright.blueprint.identities import Identity

from queuewright.blueprint import sentences
from queuewright.blueprint.model import (
    AccountPlan,
    AppEnginePlan,
    Blueprint,
    FunctionPlan,
    HandlerPlan,
    QueuePlan,
    RuntimePlan,
    ServicePlan,
    UrlPlan,
)
from queuewright.cloud_tasks.durations import written_duration
from queuewright.spec.values import written_size

Lines = Iterator[str]
Fields = Iterator[tuple[str, str]]


def blueprint_lines(blueprint: Blueprint) -> Lines:
    """Everything, under headings."""
    prefix = f", prefix {blueprint.prefix}" if blueprint.prefix else ""
    yield f"{blueprint.environment}: project {blueprint.project}, {blueprint.location}{prefix}"
    if blueprint.labels:
        yield "labels: " + ", ".join(f"{key}={text}" for key, text in blueprint.labels.items())
    for plan in blueprint.queues.values():
        yield from ("", f"queue {plan.key}")
        yield from _aligned(_queue_fields(plan, blueprint.accounts))
    for handler in blueprint.handlers.values():
        yield from ("", f"handler {handler.key} ({sentences.kind(handler)})")
        yield from _aligned(_handler_fields(handler, blueprint.accounts))
    if blueprint.accounts:
        yield from ("", "service accounts")
        for account in blueprint.accounts.values():
            yield from (f"  {account.email}", f"    {account.reason}")
    if blueprint.grants:
        yield from ("", "grants")
        yield from _grant_lines(blueprint)
    if blueprint.apis:
        yield from ("", "APIs", *(f"  {api}" for api in blueprint.apis))


def identity_lines(identity: Identity, queue: str | None) -> Lines:
    """What one account may do, all in all or about one queue, and because of which line of YAML."""
    yield identity.member
    yield f"  {identity.reason or 'not an account of this stack'}"
    for grant in identity.grants:
        yield f"  may {sentences.may(grant)} ({grant.role})"
        yield f"    because {grant.reason}"
    where = f"with queue {queue}" if queue is not None else "here"
    yield f"  may do nothing {'else ' if identity.grants else ''}{where}"


def _queue_fields(queue: QueuePlan, accounts: Mapping[str, AccountPlan]) -> Fields:
    invoker = accounts[queue.invoker].email if queue.invoker is not None else None
    logged = (
        f"{100 * queue.sampling_ratio:g} % of operations" if queue.sampling_ratio else "nothing"
    )
    yield "name", queue.name
    if queue.renamed_from:
        yield "renamed", f"from {', '.join(queue.renamed_from)}"
    yield "state", queue.desired_state + (", protected" if queue.protect else ", not protected")
    yield "rate", sentences.rate(queue)
    yield "retries", sentences.retries(queue)
    if sentences.waits(queue):
        yield "waits", sentences.waits(queue)
    yield "sends", sentences.routing(queue)
    yield "token", sentences.token(queue, invoker)
    yield "logs", logged
    yield "from", str(queue.reason.location)


def _handler_fields(handler: HandlerPlan, accounts: Mapping[str, AccountPlan]) -> Fields:
    yield "name", handler.name
    if handler.renamed_from:
        yield "renamed", f"from {', '.join(handler.renamed_from)}"
    target = handler.target
    if isinstance(target, FunctionPlan):
        yield "code", f"{target.source}, {target.entry_point} in {target.runtime_name}"
        yield from _runtime_fields(target.runtime)
    elif isinstance(target, ServicePlan):
        yield "code", _service_code(target)
        yield from _runtime_fields(target.runtime)
    elif isinstance(target, AppEnginePlan):
        yield "target", sentences.app_engine_service(target)
        where = f"{target.source} in {target.runtime_name}"
        yield "code", where if target.source else "deployed elsewhere"
        yield from _environment_fields(target.environment)
    else:
        yield from _url_fields(target)
    if handler.account is not None:
        yield "runs as", accounts[handler.account].email
    yield from _local_fields(handler)
    yield "from", str(handler.reason.location)


def _service_code(target: ServicePlan) -> str:
    if target.source is None:
        return f"image {target.image}"
    if target.runtime_name is None:
        return f"{target.source}, by its Dockerfile"
    return f"{target.source} in {target.runtime_name}: {sentences.command(target.command)}"


def _runtime_fields(runtime: RuntimePlan) -> Fields:
    most = runtime.instances.max * runtime.concurrency
    requests = "1 request" if runtime.concurrency == 1 else f"{runtime.concurrency} requests"
    yield "instance", f"{written_size(runtime.memory)} of memory, {runtime.cpu:g} CPU"
    yield (
        "instances",
        f"{runtime.instances.min} to {runtime.instances.max}, {requests} each: {most:,} at once",
    )
    yield "timeout", written_duration(runtime.timeout)
    yield "ingress", runtime.ingress
    if runtime.vpc is not None:
        network = runtime.vpc.subnetwork or runtime.vpc.network
        yield "network", f"{network}, {runtime.vpc.egress}"
    yield from _environment_fields(runtime.environment)
    for name, secret in runtime.secrets.items():
        source = f"config {secret.config}, kept as" if secret.config else "secret"
        yield "secret", f"{name} = {source} {secret.secret}, version {secret.version}"


def _environment_fields(environment: Mapping[str, str]) -> Fields:
    for name, text in environment.items():
        yield "env", f"{name}={text}"


def _url_fields(target: UrlPlan) -> Fields:
    yield "url", target.url
    for name, text in target.headers.items():
        yield "header", f"{name}: {text}"


def _local_fields(handler: HandlerPlan) -> Fields:
    if handler.local.url is not None:
        yield "here", f"runs at {handler.local.url}"
    if handler.local.command:
        yield "here", f"run by {sentences.command(handler.local.command)}"
    for name, text in handler.local.environment.items():
        yield "here", f"{name}={text}"


def _grant_lines(blueprint: Blueprint) -> Lines:
    for member, grants in groupby(
        sorted(blueprint.grants, key=lambda grant: grant.member), key=lambda grant: grant.member
    ):
        yield f"  {member}"
        for grant in grants:
            yield f"    may {sentences.may(grant)} ({grant.role})"
            yield f"      because {grant.reason}"


def _aligned(fields: Fields) -> Lines:
    for name, text in fields:
        yield f"  {name:<10} {text}".rstrip()
