"""What several commands share: the project, the environment, and where it runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from queuewright.blueprint import Blueprint, blueprint
from queuewright.client import EMULATOR_HOST, PUBSUB_EMULATOR_HOST
from queuewright.errors import TargetError
from queuewright.local import STATE_FOLDER, find_running
from queuewright.origins import allowed_host_mistake
from queuewright.spec import STACKS, find_root, load
from queuewright.terminal import printable

DEFAULT_ENVIRONMENT = "dev"
EMULATOR = "emulator"
"""The name under which `queuewright emulator` is announced."""


class _Port(click.IntRange):
    name = "port"


PORT = _Port(0, 65_535)
"""0 lets the system choose a free port."""


def require_different_ports(ports: Mapping[str, int | None]) -> None:
    """Check that no two options name the same port; 0 and None name none.

    Raises:
        click.UsageError: two do.
    """
    seen: dict[int, str] = {}
    for option, port in ports.items():
        if port and (other := seen.setdefault(port, option)) != option:
            hint = f"give one of them another port, or 0 for any free one: `{option} 0`"
            raise click.UsageError(f"`{other}` and `{option}` are both {port}\n  hint: {hint}")


def _checked_hosts(
    context: click.Context, option: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...]:
    for name in names:
        if (wrong := allowed_host_mistake(name)) is not None:
            text, hint = map(printable, wrong)
            raise click.BadParameter(f"{text}\n  hint: {hint}", context, option)
    return names


LOG_FORMAT = click.option(
    "--log-format",
    type=click.Choice(["text", "cloud-logging"]),
    default="text",
    show_default=True,
    help="cloud-logging: print operations on tasks as Cloud Tasks logs them, as JSON, to standard "
    "output, and everything else to standard error.",
)

ALLOW_HOST = click.option(
    "--allow-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    callback=_checked_hosts,
    help="Answer requests to this name, too, as of a Compose service; `*`: to any. Can be "
    "repeated. Loopback addresses, localhost and host.docker.internal are always answered.",
)

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Target:
    """The environment that a command is for, and the engine that runs it, if it runs here."""

    environment: str
    root: Path | None
    """The project's folder; None outside of any, where only an emulator can be meant."""
    address: str | None
    """`host:port` of the engine's gRPC API; None: Google Cloud."""
    pubsub_address: str | None = None
    """`host:port` of the Pub/Sub beside it; None: Google Cloud, or none runs."""

    def blueprint(self) -> Blueprint:
        """The environment's blueprint.

        Raises:
            TargetError: there is no project.
        """
        return blueprint(load(self.environment, self.project))

    @property
    def project(self) -> Path:
        """The project's folder.

        Raises:
            TargetError: there is none.
        """
        return self.root or find_root()

    def known_blueprint(self) -> Blueprint | None:
        """The environment's blueprint; None if an emulator runs, which has no file."""
        is_emulator = self.root is None or self.environment == EMULATOR
        return None if is_emulator else self.blueprint()

    def __str__(self) -> str:
        if self.address is None:
            return f"{self.environment} on Google Cloud"
        name = "the emulator" if self.environment == EMULATOR else self.environment
        return f"{name} on this machine ({self.address})"


def quiet_grpc() -> None:
    """Keep gRPC's library from printing: its failures reach us as exceptions.

    Call it before gRPC is imported.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    # Every fork here is followed by an exec, so gRPC has nothing to prepare or to warn about.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")


def environment_argument(function: _Function) -> _Function:
    """Add the argument ENV to a command; its default is `dev`. It may be the environment's file."""
    return click.argument(
        "environment", metavar="[ENV]", default=DEFAULT_ENVIRONMENT, callback=_environment
    )(function)


def _environment(_: click.Context, __: click.Parameter, given: str) -> str:
    """The name of an environment that is given as a name or as its file, `stacks/dev.yaml`."""
    path = Path(given)
    if path.suffix != ".yaml":
        return given
    in_stacks = path.resolve().parent == (find_root() / STACKS).resolve()
    return path.stem if in_stacks or path.name == given else given


def target_options(function: _Function) -> _Function:
    """Add the options that choose an environment: `--env`, `--state`."""
    function = click.option(
        "--state",
        type=click.Path(path_type=Path),
        help=f"The state folder of the running environment. Default: {STATE_FOLDER}.",
    )(function)
    return click.option(
        "--env",
        "environment",
        metavar="ENV",
        help="An environment on Google Cloud. Default: the one that runs here.",
    )(function)


def _root() -> Path | None:
    """Return the project's folder, or None outside of any."""
    try:
        return find_root()
    except TargetError:
        return None


def find_target(environment: str | None, state: Path | None) -> Target:
    """Return the environment that a command is for.

    The one that runs in a given state folder comes first, then `$CLOUD_TASKS_EMULATOR_HOST`. Then
    the environment that runs here, unless another one was named. Then Google Cloud, if an
    environment was named.

    Raises:
        TargetError: nothing runs here and no environment was named, or what was named does not run
            in the given state folder.
    """
    address = os.environ.get(EMULATOR_HOST)
    root = _root()
    if state is not None:
        return _running_in(state, environment, root)
    if address:
        pubsub = os.environ.get(PUBSUB_EMULATOR_HOST) or None
        otherwise = DEFAULT_ENVIRONMENT if root is not None else EMULATOR
        return Target(environment or otherwise, root, address, pubsub)
    running = find_running((root or Path.cwd()) / STATE_FOLDER)
    if running is not None and environment in (None, running.environment):
        return Target(running.environment, root, running.grpc_address, running.pubsub_address)
    if root is None:
        raise TargetError(
            f"nothing runs here, and there is no `{STACKS}` folder in `{Path.cwd()}` or above it",
            hint=f"go to the project, give an emulator's `--state`, or set {EMULATOR_HOST}",
        )
    if environment is None:
        raise TargetError(
            "no environment runs here",
            hint="start one with `queuewright up`, or name one on Google Cloud with `--env`",
        )
    return Target(environment, root, None)


def _running_in(state: Path, environment: str | None, root: Path | None) -> Target:
    """The environment that runs in a state folder."""
    running = find_running(state)
    if running is None:
        raise TargetError(
            f"no environment runs in `{state}`",
            hint="start one with `queuewright up --state DIR`, or leave out `--state`",
        )
    if environment not in (None, running.environment):
        raise TargetError(
            f"`{running.environment}` runs in `{state}`, not `{environment}`",
            hint="leave out `--env` or `--state`",
        )
    return Target(running.environment, root, running.grpc_address, running.pubsub_address)
