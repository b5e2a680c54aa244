"""The plan of a handler: its name, and every setting of its instances."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from queuewright.blueprint.accounts import handler_account, invoker_account
from queuewright.blueprint.model import (
    AccountPlan,
    AppEnginePlan,
    FunctionPlan,
    HandlerPlan,
    HandlerTarget,
    ImageBuildPlan,
    InstancePlan,
    LocalPlan,
    Reason,
    RuntimePlan,
    SecretPlan,
    ServicePlan,
    UrlPlan,
    WorkerPlan,
    WorkerSettings,
)
from queuewright.blueprint.names import (
    app_engine_email,
    app_engine_service,
    first_key,
    prefixed,
    secret_id,
)
from queuewright.spec import (
    FUNCTION_MEMORY,
    FUNCTION_TIMEOUT,
    SERVICE_MEMORY,
    SERVICE_TIMEOUT,
    HandlerSpec,
    Instances,
    ServiceSource,
    Spec,
    WorkerSource,
)

MIB = 2**20

# Google's defaults for a function and a service:
# https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services#container and
# https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions#serviceconfig.
FUNCTION_CONCURRENCY, SERVICE_CONCURRENCY = 1, 80

# Memory in MiB → the CPU that Google gives a function:
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
# Memory in MiB → the least CPU that Google requires of a service:
# https://cloud.google.com/run/docs/configuring/services/memory-limits#cpu-minimum.
SERVICE_CPU = ((4096, 1.0), (8192, 2.0), (16384, 4.0), (24576, 6.0), (32768, 8.0))


def handler_plan(
    spec: Spec, key: str, plans: Mapping[str, AccountPlan], queues: Mapping[str, str]
) -> HandlerPlan:
    """The plan of handler `key`.

    Args:
        spec: the whole spec.
        key: the handler's key.
        plans: every service account, by key.
        queues: variable → value for what it must know about queues, such as their full names.
    """
    handler = spec.handlers[key]
    account, invoker = plans.get(handler_account(key)), invoker_account(key)
    target = _target(spec, key, account, {**handler.env, **queues})
    member = account.member if account else None
    if account is None and handler.app_engine is not None:
        member = f"serviceAccount:{app_engine_email(spec.project)}"
    return HandlerPlan(
        key=key,
        name=prefixed(spec.prefix, first_key(key, handler.renamed_from)),
        renamed_from=handler.renamed_from,
        target=target,
        invoker=invoker if invoker in plans else None,
        member=member,
        local=LocalPlan(handler.local.command, handler.local.url, handler.local.env),
        reason=Reason(f"handler `{key}`", f"handlers.{key}", spec.locate("handlers", key)),
        include=handler.include,
    )


def instance_plan(handler: HandlerSpec) -> InstancePlan:
    """How an instance of a function or a service runs, with Google's defaults."""
    is_function = handler.function is not None
    memory = handler.memory or (FUNCTION_MEMORY if is_function else SERVICE_MEMORY)
    cpu, concurrency = handler.cpu, handler.concurrency
    if cpu is None:
        table = FUNCTION_CPU if is_function else SERVICE_CPU
        cpu = next(cpu for limit, cpu in table if memory <= limit * MIB)
        if concurrency is not None and concurrency > 1:
            cpu = max(cpu, 1.0)
    if concurrency is None:
        # With less than a whole CPU an instance serves one request at a time:
        # https://cloud.google.com/run/docs/configuring/services/cpu.
        concurrency = FUNCTION_CONCURRENCY if is_function or cpu < 1 else SERVICE_CONCURRENCY
    return InstancePlan(
        memory=memory,
        cpu=cpu,
        timeout=handler.timeout or (FUNCTION_TIMEOUT if is_function else SERVICE_TIMEOUT),
        concurrency=concurrency,
        instances=handler.instances,
        ingress=handler.ingress,
        vpc=handler.vpc,
    )


def worker_settings(handler: HandlerSpec) -> WorkerSettings:
    """How the instances of a worker run, with Google's defaults."""
    memory = handler.memory or SERVICE_MEMORY
    least = next(cpu for limit, cpu in SERVICE_CPU if memory <= limit * MIB)
    given = handler.instances
    fewest = given.min if "min" in given.model_fields_set else 1
    most = given.max if "max" in given.model_fields_set else fewest
    return WorkerSettings(
        memory=memory,
        cpu=handler.cpu if handler.cpu is not None else least,
        instances=Instances(min=fewest, max=max(fewest, most)),
        vpc=handler.vpc,
    )


def _target(
    spec: Spec, key: str, account: AccountPlan | None, environment: Mapping[str, str]
) -> HandlerTarget:
    handler = spec.handlers[key]
    if handler.url is not None:
        return UrlPlan(handler.url, handler.audience, handler.headers)
    if handler.app_engine is not None:
        engine = handler.app_engine
        return AppEnginePlan(
            service=app_engine_service(
                spec.prefix, engine.service, is_deployed=engine.source is not None
            ),
            version=engine.version,
            instance=engine.instance,
            source=engine.source,
            runtime_name=engine.runtime,
            entrypoint=engine.entrypoint,
            environment=environment,
            instances=handler.instances,
            account=account.key if account else None,
        )
    if account is None:
        raise ValueError(f"handler {key} has no account")
    if handler.worker is not None:
        return WorkerPlan(
            **vars(worker_settings(handler)),
            source=handler.worker.source,
            image=handler.worker.image,
            build=_build(handler.worker),
            command=handler.worker.command,
            account=account.key,
            environment=environment,
            secrets=_secrets(spec, first_key(key, handler.renamed_from), handler),
        )
    runtime = RuntimePlan(
        **vars(instance_plan(handler)),
        account=account.key,
        environment=environment,
        secrets=_secrets(spec, first_key(key, handler.renamed_from), handler),
    )
    if handler.function is not None:
        function = handler.function
        return FunctionPlan(function.source, function.entry_point, function.runtime, runtime)
    service = handler.service
    if service is None:
        raise ValueError(f"handler {key} has no kind")
    return ServicePlan(
        service.source,
        service.image,
        service.runtime,
        service.command,
        runtime,
        _build(service) if service.runtime is None else None,
    )


def _build(target: ServiceSource | WorkerSource) -> ImageBuildPlan | None:
    if target.source is None:
        return None
    dockerfile = target.dockerfile or posixpath.join(target.source, "Dockerfile")
    context = posixpath.normpath(target.context or target.source)
    return ImageBuildPlan(context, posixpath.normpath(dockerfile))


def _secrets(spec: Spec, first: str, handler: HandlerSpec) -> dict[str, SecretPlan]:
    """The secret variables; secrets that the stack creates are named after the `first` key."""
    return {
        name: SecretPlan(
            secret.secret or secret_id(spec.prefix, first, name), secret.version, secret.config
        )
        for name, secret in handler.secrets.items()
    }
