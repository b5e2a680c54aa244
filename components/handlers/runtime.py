"""How an instance of a handler runs: the settings that functions and services share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypedDict

import pulumi

from queuewright.blueprint.handlers import capacity
from queuewright.spec import HandlerSpec, Instances, VpcAccess

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
    """CPUs. Default: what goes with the memory; 1 for a service of up to 4 GiB."""
    timeout: timedelta | str
    """The longest that a request may take, `timedelta(minutes=5)` or `"5m"`; at most an hour.
    Default: 1 minute for a function, 5 for a service."""
    concurrency: int
    """Requests that an instance serves at once. Default: 1 for a function, and for less than a
    whole CPU; 80 for a service."""
    instances: Instances | Mapping[str, int]
    """How many there may be, such as `{"min": 1, "max": 10}`. Default: none kept warm, 100 at
    most."""
    ingress: Ingress
    """Which networks may call; IAM is asked in any case. Default: all."""
    vpc: VpcAccess | Mapping[str, object] | None
    """The network that the handler's own requests leave by, such as `{"network": "default"}`.
    Default: the internet."""


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


def instance_runtime(given: RuntimeArgs, checked: HandlerSpec) -> Runtime:
    """The settings of a function's or service's instances, as given and as `checked`."""
    has = capacity(checked)
    return Runtime(
        environment=dict(sorted(given.get("environment", {}).items())),
        secrets=dict(sorted(given.get("secrets", {}).items())),
        memory=has.memory,
        cpu=has.cpu,
        timeout=has.timeout,
        concurrency=has.concurrency,
        instances=checked.instances,
        ingress=checked.ingress,
        vpc=checked.vpc,
    )
