"""The environment variables of a handler's process, as on Google Cloud. Pure.

A handler does not inherit the variables of this shell, so that its code cannot come to depend on
them. Only the variables that describe this machine and its network are passed on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from queuewright.blueprint import (
    AppEnginePlan,
    Blueprint,
    FunctionPlan,
    HandlerPlan,
    SecretPlan,
)
from queuewright.local.door.listener import HOST

PASSED_ON = re.compile(
    r"HOME|USER|LOGNAME|LANG|LC_\w+|TZ|TMPDIR|PATH"
    r"|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|NODE_EXTRA_CA_CERTS"
    r"|(https?|all|no)_proxy"
    r"|GOOGLE_APPLICATION_CREDENTIALS|CLOUDSDK_CONFIG",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class TasksApi:
    """The ports of Cloud Tasks on which one handler is known as the caller."""

    grpc_port: int
    http_port: int


FOR_PIP = re.compile(
    r"PIP_(?!(TARGET|USER|PREFIX|ROOT)$)\w+|XDG_(CACHE|CONFIG|DATA)_\w+|NETRC|CURL_CA_BUNDLE",
    re.IGNORECASE,
)
"""What pip reads besides (https://pip.pypa.io/en/stable/topics/configuration/), except where it
installs."""
NOT_FOR_PIP = re.compile(r"GOOGLE_APPLICATION_CREDENTIALS|CLOUDSDK_CONFIG", re.IGNORECASE)


def pip_variables(shell: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with which a handler's requirements are installed.

    Installing a source distribution runs its code, which sees no token of this shell.

    >>> sorted(pip_variables({"HOME": "/h", "PIP_INDEX_URL": "u", "GITHUB_TOKEN": "t"}))
    ['HOME', 'PIP_INDEX_URL']
    """
    return {
        name: value
        for name, value in shell.items()
        if FOR_PIP.fullmatch(name)
        or (PASSED_ON.fullmatch(name) and not NOT_FOR_PIP.fullmatch(name))
    }


def variables(
    handler: HandlerPlan,
    blueprint: Blueprint,
    *,
    port: int | None,
    tasks: TasksApi | None,
    pubsub: str | None = None,
    image: Mapping[str, str],
    shell: Mapping[str, str],
    search_path: Path | None = None,
) -> dict[str, str]:
    """Return all variables of a handler's process.

    Args:
        handler: its plan.
        blueprint: the blueprint that the plan is part of.
        port: the port that the process must serve on; None for a worker.
        tasks: its own way to Cloud Tasks.
        pubsub: `host:port` of its own way to Pub/Sub, if there are pull queues.
        image: the variables in its Dockerfile.
        shell: the variables of this process, where the values of secrets are looked up.
        search_path: a folder for Python to import from, before others.
    """
    secrets = {name: shell[name] for name in handler.secrets if name in shell}
    own = {name: value for name, value in shell.items() if PASSED_ON.fullmatch(name)}
    found = {
        **own,
        **_direct(own),
        "PYTHONUNBUFFERED": "1",
        # A cached module is taken for the edited one of the same second and size.
        "PYTHONDONTWRITEBYTECODE": "1",
        **image,
        **handler.environment,
        **secrets,
        **handler.local.environment,
        **dict(_platform(handler, blueprint)),
        **({"PORT": str(port)} if port is not None else {}),
        **dict(_tasks(tasks)),
        **({"PUBSUB_EMULATOR_HOST": pubsub} if pubsub is not None else {}),
        "GOOGLE_CLOUD_PROJECT": blueprint.project,
    }
    if search_path is not None:
        given = found.get("PYTHONPATH")
        found["PYTHONPATH"] = f"{search_path}:{given}" if given else str(search_path)
    return found


def unset_secrets(handler: HandlerPlan, shell: Mapping[str, str]) -> dict[str, SecretPlan]:
    """Return the secrets of a handler that have no value on this machine, by variable."""
    return {
        name: secret
        for name, secret in handler.secrets.items()
        if name not in shell and name not in handler.local.environment
    }


def _tasks(api: TasksApi | None) -> Iterator[tuple[str, str]]:
    if api is not None:
        yield "CLOUD_TASKS_EMULATOR_HOST", f"{HOST}:{api.grpc_port}"
        yield "CLOUD_TASKS_EMULATOR_URL", f"http://{HOST}:{api.http_port}"


def _platform(handler: HandlerPlan, blueprint: Blueprint) -> Iterator[tuple[str, str]]:
    """The variables that the platform sets."""
    if handler.runtime is not None:
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
    """Keep proxies out of connections to this machine; gRPC would use them, too."""
    if not any(name.lower().endswith("_proxy") for name in own):
        return {}
    listed = own.get("no_proxy") or own.get("NO_PROXY") or ""
    direct = ",".join(filter(None, (listed, HOST, "localhost")))
    return {"no_proxy": direct, "NO_PROXY": direct}
