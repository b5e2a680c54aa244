"""How an instance of a handler runs: the settings that functions and services share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypedDict

import pulumi

from queuewright.blueprint.handlers import (
    FUNCTION_CONCURRENCY,
    FUNCTION_CPU,
    MIB,
    SERVICE_CONCURRENCY,
)
from queuewright.spec import (
    FUNCTION_MEMORY,
    FUNCTION_TIMEOUT,
    SERVICE_MEMORY,
    SERVICE_TIMEOUT,
    Instances,
    VpcAccess,
)
from queuewright.spec.values import size

from .handler import Handler
from .secret import SecretVariable

Ingress = Literal["all", "internal", "internal-and-cloud-load-balancing"]


class RuntimeArgs(TypedDict, total=False):
    """Settings of a handler's instances; each may be left out."""

    environment: Mapping[str, pulumi.Input[str]]
    """Environment variables. Default: none."""
    secrets: Mapping[str, SecretVariable]
    """Environment variables whose values are secrets. Default: none."""
    memory: int | str
    """Bytes, or a text such as `"512Mi"`. Default: 256 MiB for a function, 512 for a service."""
    cpu: float
    """CPUs. Default: 1 for a service, what Google gives for the memory for a function."""
    timeout: timedelta
    """The longest that a request may take. Default: 1 minute for a function, 5 for a service."""
    concurrency: int
    """Requests that an instance serves at once. Default: 1 for a function, 80 for a service."""
    instances: Instances
    """How many there may be. Default: none kept warm, 100 at most."""
    ingress: Ingress
    """Which networks may call; IAM is asked in any case. Default: all."""
    vpc: VpcAccess | None
    """The network that the handler's own requests leave by. Default: the internet."""


@dataclass(frozen=True)
class Runtime:
    """The same with every default written out; a left-out field would keep its old live value."""

    environment: Mapping[str, pulumi.Input[str]]
    secrets: Mapping[str, SecretVariable]
    memory: int
    cpu: float
    timeout: timedelta
    concurrency: int
    instances: Instances
    ingress: Ingress
    vpc: VpcAccess | None

    def secret_grants(self, reader: Handler) -> Sequence[pulumi.Resource]:
        """`reader`'s right to read each secret, once for each; made here, owned by the secret."""
        secrets = {id(each.secret): each.secret for each in self.secrets.values()}
        return [
            secret.admit(reader.key, reader.member, renamed_from=reader.renamed_from)
            for secret in secrets.values()
        ]


def function_runtime(given: RuntimeArgs) -> Runtime:
    """The settings of a function's instances."""
    memory = _bytes(given.get("memory", FUNCTION_MEMORY))
    cpu = next(cpu for limit, cpu in FUNCTION_CPU if memory <= limit * MIB)
    if given.get("concurrency", 1) > 1:
        cpu = max(cpu, 1.0)
    return _runtime(given, memory, cpu, FUNCTION_TIMEOUT, FUNCTION_CONCURRENCY)


def service_runtime(given: RuntimeArgs) -> Runtime:
    """The settings of a service's instances."""
    memory = _bytes(given.get("memory", SERVICE_MEMORY))
    return _runtime(given, memory, 1.0, SERVICE_TIMEOUT, SERVICE_CONCURRENCY)


def _runtime(
    given: RuntimeArgs, memory: int, cpu: float, timeout: timedelta, concurrency: int
) -> Runtime:
    return Runtime(
        environment=dict(sorted(given.get("environment", {}).items())),
        secrets=dict(sorted(given.get("secrets", {}).items())),
        memory=memory,
        cpu=given.get("cpu", cpu),
        timeout=given.get("timeout", timeout),
        concurrency=given.get("concurrency", concurrency),
        instances=given.get("instances", Instances()),
        ingress=given.get("ingress", "all"),
        vpc=given.get("vpc"),
    )


def _bytes(memory: int | str) -> int:
    return size(memory) if isinstance(memory, str) else memory
