"""What several commands ask: which project, which environment, and where does it run."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from queuewright.blueprint import Blueprint, blueprint
from queuewright.client import EMULATOR_HOST
from queuewright.errors import TargetError
from queuewright.local.state_folder import STATE_FOLDER, find_running
from queuewright.spec import STACKS, load

DEFAULT_ENVIRONMENT = "dev"
PORT = click.IntRange(0, 65_535)
"""0 lets the system choose."""

LOG_FORMAT = click.option(
    "--log-format",
    type=click.Choice(["text", "cloud-logging"]),
    default="text",
    show_default=True,
    help="cloud-logging: operations of tasks as Cloud Tasks logs them, JSON on standard output; "
    "the words go to standard error.",
)

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Target:
    """Where a command goes: an environment, and the engine that runs it here if one does."""

    environment: str
    root: Path
    address: str | None
    """`host:port` of an engine's gRPC side; None is Google."""

    def blueprint(self) -> Blueprint:
        """The environment's blueprint."""
        return blueprint(load(self.environment, self.root))

    def __str__(self) -> str:
        where = f"on this machine ({self.address})" if self.address else "on Google Cloud"
        return f"{self.environment} {where}"


def quiet_grpc() -> None:
    """Let gRPC's own library print nothing: what fails comes as an error, and is ours to say.

    To be called before it is imported.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    # Every fork here is followed by an exec; gRPC need not survive it, nor say so.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")


def find_root(start: Path | None = None) -> Path:
    """The project's folder: the nearest one upwards that has a `stacks` folder.

    Raises:
        TargetError: where there is none.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / STACKS).is_dir():
            return folder
    raise TargetError(
        f"no `{STACKS}` folder in `{here}` or above it",
        hint="go to the project's folder, or make one with `queuewright init`",
    )


def environment_argument(function: _Function) -> _Function:
    """The argument ENV of a command, `dev` unless given."""
    return click.argument("environment", metavar="[ENV]", default=DEFAULT_ENVIRONMENT)(function)


def target_options(function: _Function) -> _Function:
    """The options that say where a command goes: `--env`, `--state`."""
    function = click.option(
        "--state",
        type=click.Path(path_type=Path),
        help=f"State folder of the running environment; {STATE_FOLDER} unless given.",
    )(function)
    return click.option(
        "--env",
        "environment",
        metavar="ENV",
        help="An environment that is deployed. Unless given: the one that runs here.",
    )(function)


def find_target(environment: str | None, state: Path | None) -> Target:
    """Where a command goes.

    `$CLOUD_TASKS_EMULATOR_HOST` wins; then the environment that runs here, if it is the
    one asked for or none was; then Google Cloud, only where an environment was named.

    Raises:
        TargetError: where nothing runs here and no environment was named.
    """
    address = os.environ.get(EMULATOR_HOST)
    root = find_root()
    if address:
        return Target(environment or DEFAULT_ENVIRONMENT, root, address)
    running = find_running(state or root / STATE_FOLDER)
    if running is not None and environment in (None, running.environment):
        return Target(running.environment, root, running.grpc_address)
    if environment is None:
        raise TargetError(
            "no environment runs here",
            hint="start one with `queuewright up`, or name a deployed one with `--env`",
        )
    return Target(environment, root, None)
