"""What follows for a handler: its name, and every setting of an instance written out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from queuewright.blueprint.model import (
    AppEnginePlan,
    FunctionPlan,
    HandlerPlan,
    LocalPlan,
    Reason,
    RuntimePlan,
    SecretPlan,
    ServicePlan,
    UrlPlan,
)
from queuewright.blueprint.names import app_engine_service, first_key, prefixed, secret_id
from queuewright.spec import (
    FUNCTION_MEMORY,
    FUNCTION_TIMEOUT,
    SERVICE_MEMORY,
    SERVICE_TIMEOUT,
    HandlerSpec,
    Spec,
)

MIB = 2**20

# What Google gives a function and a service that say nothing:
# https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services#container and
# https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions#serviceconfig.
FUNCTION_CONCURRENCY, SERVICE_CONCURRENCY = 1, 80

# The CPU that a function of this much memory gets, in MiB:
# https://cloud.google.com/functions/docs/configuring/memory.
FUNCTION_CPU = (
    (128, 0.083),
    (256, 0.167),
    (512, 0.333),
    (1024, 0.583),
    (2048, 1.0),
    (8192, 2.0),
    (16384, 4.0),
    (32768, 8.0),
)
# The least CPU that a service of this much memory must have, in MiB:
# https://cloud.google.com/run/docs/configuring/services/memory-limits#cpu-minimum.
SERVICE_CPU = ((4096, 1.0), (8192, 2.0), (16384, 4.0), (24576, 6.0), (32768, 8.0))


def handler_plan(
    spec: Spec, key: str, account: str | None, queues: Mapping[str, str]
) -> HandlerPlan:
    """The plan of handler `key`, which runs as the account with key `account`.

    `queues` maps the variables of the queues that it may add to onto their full names.
    """
    handler = spec.handlers[key]
    local = LocalPlan(handler.local.command, handler.local.url, handler.local.env)
    reason = Reason(f"handler `{key}`", f"handlers.{key}", spec.locate("handlers", key))
    target = _target(spec, key, handler, account, {**handler.env, **queues})
    name = prefixed(spec.prefix, first_key(key, handler.renamed_from))
    return HandlerPlan(key, name, handler.renamed_from, target, local, reason)


class Capacity(NamedTuple):
    """What an instance has and does; nothing is left to be filled in."""

    memory: int
    """Bytes."""
    cpu: float
    concurrency: int
    """Requests at once."""
    timeout: timedelta


def capacity(handler: HandlerSpec) -> Capacity:
    """The capacity of a function's or service's instance, Google's where the spec says nothing."""
    is_function = handler.function is not None
    memory = handler.memory or (FUNCTION_MEMORY if is_function else SERVICE_MEMORY)
    cpu, concurrency = handler.cpu, handler.concurrency
    if cpu is None:
        table = FUNCTION_CPU if is_function else SERVICE_CPU
        cpu = next(cpu for limit, cpu in table if memory <= limit * MIB)
        if concurrency is not None and concurrency > 1:
            cpu = max(cpu, 1.0)
    if concurrency is None:
        # Less than a whole CPU serves one request at a time:
        # https://cloud.google.com/run/docs/configuring/services/cpu.
        concurrency = FUNCTION_CONCURRENCY if is_function or cpu < 1 else SERVICE_CONCURRENCY
    timeout = handler.timeout or (FUNCTION_TIMEOUT if is_function else SERVICE_TIMEOUT)
    return Capacity(memory, cpu, concurrency, timeout)


def _target(
    spec: Spec,
    key: str,
    handler: HandlerSpec,
    account: str | None,
    environment: Mapping[str, str],
) -> FunctionPlan | ServicePlan | AppEnginePlan | UrlPlan:
    if handler.url is not None:
        return UrlPlan(handler.url, handler.audience, handler.headers)
    if handler.app_engine is not None:
        engine = handler.app_engine
        return AppEnginePlan(
            app_engine_service(spec.prefix, engine.service, is_deployed=engine.source is not None),
            engine.version,
            engine.instance,
            engine.source,
            engine.runtime,
            engine.entrypoint,
            environment,
            handler.instances,
            account,
        )
    if account is None:
        raise ValueError(f"handler {key} has no account")
    first = first_key(key, handler.renamed_from)
    runtime = _runtime(spec, first, handler, account, environment)
    if handler.function is not None:
        function = handler.function
        return FunctionPlan(function.source, function.entry_point, function.runtime, runtime)
    service = handler.service
    if service is None:
        raise ValueError(f"handler {key} has no kind")
    return ServicePlan(service.source, service.image, service.runtime, service.command, runtime)


def _runtime(
    spec: Spec, first: str, handler: HandlerSpec, account: str, environment: Mapping[str, str]
) -> RuntimePlan:
    """The settings of an instance; secrets of its own are called after its `first` key."""
    has = capacity(handler)
    return RuntimePlan(
        account=account,
        environment=environment,
        secrets={
            name: SecretPlan(
                secret.secret or secret_id(spec.prefix, first, name),
                secret.version,
                secret.config,
            )
            for name, secret in handler.secrets.items()
        },
        memory=has.memory,
        cpu=has.cpu,
        timeout=has.timeout,
        concurrency=has.concurrency,
        instances=handler.instances,
        ingress=handler.ingress,
        vpc=handler.vpc,
    )
