"""A blueprint as lines of text: each part with its settings and its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby

from queuewright.blueprint.explain import sentences
from queuewright.blueprint.explain.principals import Principal
from queuewright.blueprint.model import (
    AccountPlan,
    AppEnginePlan,
    Blueprint,
    FunctionPlan,
    HandlerPlan,
    InstancePlan,
    PullQueuePlan,
    QueuePlan,
    ServicePlan,
    UrlPlan,
    WorkerPlan,
)
from queuewright.cloud_tasks.durations import written_duration
from queuewright.cloud_tasks.limits import MAX_SCHEDULE_AHEAD
from queuewright.spec.values import written_size

Lines = Iterator[str]
Fields = Iterator[tuple[str, str]]


def blueprint_lines(blueprint: Blueprint) -> Lines:
    """The whole blueprint, under headings."""
    prefix = f", prefix {blueprint.prefix}" if blueprint.prefix else ""
    yield f"{blueprint.environment}: project {blueprint.project}, {blueprint.location}{prefix}"
    if blueprint.labels:
        yield "labels: " + ", ".join(f"{key}={text}" for key, text in blueprint.labels.items())
    for plan in blueprint.queues.values():
        yield from ("", f"queue {plan.key}")
        yield from _aligned(_queue_fields(plan, blueprint.accounts))
    for pulled in blueprint.pull_queues.values():
        yield from ("", f"pull queue {pulled.key}")
        yield from _aligned(_pull_queue_fields(pulled))
    for handler in blueprint.handlers.values():
        yield from ("", f"handler {handler.key} ({handler.noun})")
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


def principal_lines(principal: Principal, queue: str | None) -> Lines:
    """What one identity may do, in the whole stack or with one queue, and why."""
    yield principal.member
    yield f"  {principal.reason or 'not an account of this stack'}"
    for grant in principal.grants:
        yield f"  may {sentences.may(grant)} ({grant.role})"
        yield f"    because {grant.reason}"
    where = f"with queue {queue}" if queue is not None else "here"
    yield f"  may do nothing {'else ' if principal.grants else ''}{where}"


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
    if queue.dead_letters is not None:
        yield "dead", sentences.dead_letters(queue.dead_letters)
    yield "sends", sentences.routing(queue)
    yield "token", sentences.token(queue, invoker)
    yield "logs", logged
    if queue.payload is not None:
        yield "payload", queue.payload
    yield "from", str(queue.reason.location)


def _pull_queue_fields(queue: PullQueuePlan) -> Fields:
    yield "topic", queue.topic
    yield "polled", f"at {queue.subscription}, by {queue.worker or 'someone outside of the stack'}"
    if queue.renamed_from:
        yield "renamed", f"from {', '.join(queue.renamed_from)}"
    yield "state", "protected" if queue.protect else "not protected"
    yield "stored", f"in {', '.join(queue.regions)}, for {written_duration(queue.keep)}"
    yield "lease", f"{written_duration(queue.lease)}, unless the worker extends it"
    yield "retries", sentences.redelivery(queue)
    low, high = written_duration(queue.min_backoff), written_duration(queue.max_backoff)
    yield "waits", f"{low} at first, at most {high}"
    yield "order", "by ordering key" if queue.ordering else "none"
    if queue.delays is not None:
        longest = written_duration(MAX_SCHEDULE_AHEAD)
        yield "delays", f"up to {longest}, kept in {queue.delays.name}"
    if queue.payload is not None:
        yield "payload", queue.payload
    yield "from", str(queue.reason.location)


def _handler_fields(handler: HandlerPlan, accounts: Mapping[str, AccountPlan]) -> Fields:
    yield "name", handler.name
    if handler.renamed_from:
        yield "renamed", f"from {', '.join(handler.renamed_from)}"
    match handler.target:
        case FunctionPlan() as function:
            yield "code", f"{function.source}, {function.entry_point} in {function.runtime_name}"
        case ServicePlan() as service:
            yield "code", sentences.service_code(service)
        case WorkerPlan() as worker:
            yield "code", sentences.worker_code(worker)
            yield from _worker_fields(worker)
        case AppEnginePlan() as engine:
            yield "target", sentences.app_engine_service(engine)
            where = f"{engine.source} in {engine.runtime_name}"
            yield "code", where if engine.source else "deployed elsewhere"
        case UrlPlan() as endpoint:
            yield from _url_fields(endpoint)
    if handler.include:
        yield "includes", ", ".join(handler.include)
    if handler.runtime is not None:
        yield from _instance_fields(handler.runtime)
    yield from _variable_fields(handler)
    if handler.account is not None:
        yield "runs as", accounts[handler.account].email
    yield from _local_fields(handler)
    yield "from", str(handler.reason.location)


def _instance_fields(instance: InstancePlan) -> Fields:
    most = instance.instances.max * instance.concurrency
    requests = "1 request" if instance.concurrency == 1 else f"{instance.concurrency} requests"
    yield "instance", f"{written_size(instance.memory)} of memory, {instance.cpu:g} CPU"
    yield (
        "instances",
        f"{instance.instances.min} to {instance.instances.max}, {requests} each: {most:,} at once",
    )
    yield "timeout", written_duration(instance.timeout)
    yield "ingress", instance.ingress
    if instance.vpc is not None:
        network = instance.vpc.subnetwork or instance.vpc.network
        yield "network", f"{network}, {instance.vpc.egress}"


def _worker_fields(worker: WorkerPlan) -> Fields:
    fewest, most = worker.instances.min, worker.instances.max
    yield "instance", f"{written_size(worker.memory)} of memory, {worker.cpu:g} CPU"
    yield "instances", f"{fewest}" if fewest == most else f"{fewest} to {most}, by CPU"
    if worker.vpc is not None:
        yield "network", f"{worker.vpc.subnetwork or worker.vpc.network}, {worker.vpc.egress}"


def _variable_fields(handler: HandlerPlan) -> Fields:
    for name, text in handler.environment.items():
        yield "env", f"{name}={text}"
    for name, secret in handler.secrets.items():
        source = f"config {secret.config}, stored as" if secret.config else "secret"
        yield "secret", f"{name} = {source} {secret.secret}, version {secret.version}"


def _url_fields(target: UrlPlan) -> Fields:
    yield "url", target.url
    for name, text in target.headers.items():
        yield "header", f"{name}: {text}"


def _local_fields(handler: HandlerPlan) -> Fields:
    if handler.local.url is not None:
        yield "locally", f"runs at {handler.local.url}"
    if handler.local.command:
        yield "locally", f"runs `{sentences.command(handler.local.command)}`"
    for name, text in handler.local.environment.items():
        yield "locally", f"{name}={text}"


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
