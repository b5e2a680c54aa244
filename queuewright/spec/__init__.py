"""Reads an environment's YAML file into a validated, immutable `Spec`. Only `load` reads files."""

from queuewright.spec.check import Spec
from queuewright.spec.dead_letters import BURIAL_ATTEMPTS, DeadLetters, dead_queue_id
from queuewright.spec.document import Node, dotted
from queuewright.spec.emulator import EmulatorSpec, load_emulator, parse_emulator
from queuewright.spec.emulator_model import EmulatedQueue, EmulatorSettings, HttpTarget
from queuewright.spec.handler_model import (
    SOURCE_KINDS,
    AppEngineTarget,
    FunctionSource,
    HandlerSpec,
    Instances,
    LocalOverride,
    SecretReference,
    ServiceSource,
    VpcAccess,
    WorkerSource,
)
from queuewright.spec.handler_rules import (
    APP_ENGINE_VERSION,
    FUNCTION_MEMORY,
    FUNCTION_TIMEOUT,
    SERVICE_MEMORY,
    SERVICE_TIMEOUT,
)
from queuewright.spec.load import STACKS, environments, find_root, load, load_file, parse
from queuewright.spec.payloads import Schema, payload_errors, read_schema
from queuewright.spec.pull_model import PullQueueSpec, PullSettings
from queuewright.spec.queue_model import QueueSpec, RateLimits, RetryConfig
from queuewright.spec.rules import (
    app_engine_variable,
    deadline_variable,
    delays_key,
    queue_variable,
    subscription_variable,
)
from queuewright.spec.shared_names import shared_names

__all__ = [
    "APP_ENGINE_VERSION",
    "BURIAL_ATTEMPTS",
    "FUNCTION_MEMORY",
    "FUNCTION_TIMEOUT",
    "SERVICE_MEMORY",
    "SERVICE_TIMEOUT",
    "SOURCE_KINDS",
    "STACKS",
    "AppEngineTarget",
    "DeadLetters",
    "EmulatedQueue",
    "EmulatorSettings",
    "EmulatorSpec",
    "FunctionSource",
    "HandlerSpec",
    "HttpTarget",
    "Instances",
    "LocalOverride",
    "Node",
    "PullQueueSpec",
    "PullSettings",
    "QueueSpec",
    "RateLimits",
    "RetryConfig",
    "Schema",
    "SecretReference",
    "ServiceSource",
    "Spec",
    "VpcAccess",
    "WorkerSource",
    "app_engine_variable",
    "dead_queue_id",
    "deadline_variable",
    "delays_key",
    "dotted",
    "environments",
    "find_root",
    "load",
    "load_emulator",
    "load_file",
    "parse",
    "parse_emulator",
    "payload_errors",
    "queue_variable",
    "read_schema",
    "shared_names",
    "subscription_variable",
]
