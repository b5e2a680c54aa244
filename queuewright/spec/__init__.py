"""A stack's YAML becomes a validated, immutable `Spec`. Only `load` touches files."""

from queuewright.spec.check import Spec
from queuewright.spec.load import STACKS, environments, load, load_file, parse
from queuewright.spec.model import (
    AppEngineTarget,
    FunctionSource,
    HandlerSpec,
    Instances,
    LocalOverride,
    QueueSpec,
    RateLimits,
    RetryConfig,
    SecretReference,
    ServiceSource,
    VpcAccess,
)

__all__ = [
    "STACKS",
    "AppEngineTarget",
    "FunctionSource",
    "HandlerSpec",
    "Instances",
    "LocalOverride",
    "QueueSpec",
    "RateLimits",
    "RetryConfig",
    "SecretReference",
    "ServiceSource",
    "Spec",
    "VpcAccess",
    "environments",
    "load",
    "load_file",
    "parse",
]
