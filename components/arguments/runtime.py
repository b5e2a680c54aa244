"""The arguments of functions and services that say how their instances run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal, TypedDict

import pulumi

from queuewright.spec import Instances, VpcAccess

from ..secret import SecretVariable


class RuntimeArgs(TypedDict, total=False):
    """How the instances of a handler run. Every setting is optional."""

    environment: Mapping[str, pulumi.Input[str]]
    """Environment variables. Default: none."""
    secrets: Mapping[str, SecretVariable]
    """Environment variables whose values are secrets. Default: none."""
    memory: int | str
    """Bytes, or a text such as `"512Mi"`. Default: 256 MiB for a function, 512 MiB for a
    service."""
    cpu: float
    """CPUs. Default: by memory; 1 for a service with up to 4 GiB."""
    timeout: timedelta | str
    """The longest time for a request, `timedelta(minutes=5)` or `"5m"`; at most an hour.
    Default: 1 minute for a function, 5 minutes for a service."""
    concurrency: int
    """Requests that an instance serves at the same time. Default: 80 for a service with at least
    one CPU, 1 otherwise."""
    instances: Instances | Mapping[str, int]
    """How many instances there may be, such as `{"min": 1, "max": 10}`. Default: 0 to 100."""
    ingress: Literal["all", "internal", "internal-and-cloud-load-balancing"]
    """The networks that may call; IAM also applies. Default: all."""
    vpc: VpcAccess | Mapping[str, object] | None
    """The network for the handler's own requests, such as `{"network": "default"}`.
    Default: the internet."""
