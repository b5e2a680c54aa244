"""The environment variables of a handler's process: what it would see on Google Cloud. Pure.

A handler does not get this shell's variables, so that what works here does not hang on one of
them; only those pass that say how a process talks to this machine and its network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from queuewright.blueprint import (
    AppEnginePlan,
    Blueprint,
    FunctionPlan,
    HandlerPlan,
    SecretPlan,
    ServicePlan,
)

LOOPBACK = "127.0.0.1"

PASSING = re.compile(
    r"HOME|USER|LOGNAME|LANG|LC_\w+|TZ|TMPDIR|PATH"
    r"|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|NODE_EXTRA_CA_CERTS"
    r"|(https?|all|no)_proxy"
    r"|GOOGLE_APPLICATION_CREDENTIALS|CLOUDSDK_CONFIG",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class TasksApi:
    """The ports on which a process finds a Cloud Tasks that knows who calls."""

    grpc_port: int
    http_port: int


@dataclass(frozen=True)
class Place:
    """Where a process is put: the port it serves on, and its own way to Cloud Tasks."""

    port: int
    tasks: TasksApi | None


def variables(
    handler: HandlerPlan,
    blueprint: Blueprint,
    place: Place,
    *,
    image: Mapping[str, str],
    shell: Mapping[str, str],
) -> dict[str, str]:
    """Every variable of the process of `handler`.

    Args:
        handler: the plan of the handler.
        blueprint: that it is part of.
        place: where it is put.
        image: the variables of its Dockerfile.
        shell: this process's own; a secret's value is looked for here.
    """
    secrets = {name: shell[name] for name in _secrets(handler) if name in shell}
    own = {name: value for name, value in shell.items() if PASSING.fullmatch(name)}
    return {
        **own,
        **_direct(own),
        "PYTHONUNBUFFERED": "1",
        **image,
        **_environment(handler),
        **secrets,
        **handler.local.environment,
        **dict(_platform(handler, blueprint)),
        "PORT": str(place.port),
        **dict(_tasks(place.tasks)),
        "GOOGLE_CLOUD_PROJECT": blueprint.project,
    }


def unset_secrets(handler: HandlerPlan, shell: Mapping[str, str]) -> dict[str, SecretPlan]:
    """The secrets of `handler` that have no value on this machine, by variable."""
    return {
        name: secret
        for name, secret in _secrets(handler).items()
        if name not in shell and name not in handler.local.environment
    }


def _tasks(api: TasksApi | None) -> Iterator[tuple[str, str]]:
    if api is not None:
        yield "CLOUD_TASKS_EMULATOR_HOST", f"{LOOPBACK}:{api.grpc_port}"
        yield "CLOUD_TASKS_EMULATOR_URL", f"http://{LOOPBACK}:{api.http_port}"


def _secrets(handler: HandlerPlan) -> Mapping[str, SecretPlan]:
    if isinstance(handler.target, FunctionPlan | ServicePlan):
        return handler.target.runtime.secrets
    return {}


def _environment(handler: HandlerPlan) -> Mapping[str, str]:
    if isinstance(handler.target, FunctionPlan | ServicePlan):
        return handler.target.runtime.environment
    return handler.target.environment if isinstance(handler.target, AppEnginePlan) else {}


def _platform(handler: HandlerPlan, blueprint: Blueprint) -> Iterator[tuple[str, str]]:
    """What the platform itself sets."""
    if isinstance(handler.target, FunctionPlan | ServicePlan):
        # https://cloud.google.com/run/docs/container-contract#services-env-vars
        yield "K_SERVICE", handler.name
        yield "K_REVISION", f"{handler.name}-local"
        yield "K_CONFIGURATION", handler.name
    if isinstance(handler.target, FunctionPlan):
        # https://cloud.google.com/functions/docs/configuring/env-var#runtime_environment_variables_set_automatically
        yield "FUNCTION_TARGET", handler.target.entry_point
        yield "FUNCTION_SIGNATURE_TYPE", "http"
    if isinstance(handler.target, AppEnginePlan):
        # https://cloud.google.com/appengine/docs/standard/python3/runtime#environment_variables
        yield "GAE_APPLICATION", blueprint.project
        yield "GAE_ENV", "standard"
        yield "GAE_INSTANCE", f"{handler.key}-local"
        yield "GAE_RUNTIME", handler.target.runtime_name or ""
        yield "GAE_SERVICE", handler.target.service
        yield "GAE_VERSION", handler.target.version or "local"


def _direct(own: Mapping[str, str]) -> dict[str, str]:
    """No proxy between a process and this machine: gRPC would use one, too."""
    if not any(name.lower().endswith("_proxy") for name in own):
        return {}
    listed = own.get("no_proxy") or own.get("NO_PROXY") or ""
    direct = ",".join(filter(None, (listed, LOOPBACK, "localhost")))
    return {"no_proxy": direct, "NO_PROXY": direct}
