"""How a handler runs on this machine, according to its plan and its folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from queuewright.blueprint import (
    AppEnginePlan,
    FunctionPlan,
    HandlerPlan,
    ServicePlan,
    UrlPlan,
    WorkerPlan,
)
from queuewright.errors import TargetError
from queuewright.local.door.listener import HOST
from queuewright.local.handlers.dockerfile import container_process
from queuewright.local.handlers.image_layout import ImageLayout

REQUIREMENTS = "requirements.txt"
_EVERY_ADDRESS = re.compile(
    r"(?<![\w.])0\.0\.0\.0(?![\w.])"
    r"|(?<![\w.])\[::\](?=:)"
    r"|(?<![\w.:\]])(?=:(?:\$PORT\b|\$\{PORT\b|[0-9]{4,5}\b))"
)


@dataclass(frozen=True)
class Command:
    """A process to start; it serves on `$PORT`."""

    argv: tuple[str, ...]
    """If the first word is `python`, it stands for the handler's own interpreter."""
    folder: Path
    """Its working directory, absolute."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The variables in its Dockerfile."""
    requirements: Path | None = None
    """The file of the packages that it needs; None: it runs with our interpreter."""
    needs: str | None = None
    """A package that it needs besides; Google's build adds the same one."""
    beside: Mapping[str, Path] = field(default_factory=dict)
    """What is beside its code when it is deployed, and elsewhere here: by name, absolute."""
    problem: TargetError | None = None
    """Why it cannot be started: neither the plan nor the folder tells how."""


@dataclass(frozen=True)
class Elsewhere:
    """It already runs at `url`; nothing is started."""

    url: str


@dataclass(frozen=True)
class Caught:
    """It does not run here, for a `reason` in words; its tasks go to the catcher."""

    reason: str


def how_it_runs(handler: HandlerPlan, root: Path) -> Command | Elsewhere | Caught:
    """Return how `handler` runs here; `root` is the project's folder.

    Raises:
        TargetError: neither the plan nor the folder tells.
    """
    if handler.local.url is not None:
        return Elsewhere(handler.local.url)
    folder = (root / (handler.source or "")).resolve()
    if not folder.is_dir():
        raise TargetError(
            f"`{handler.key}`: its folder `{handler.source}` does not exist",
            hint=f"create it, or change `source` at {handler.reason.location}",
        )
    beside = _included(handler, root)
    how = _how_it_runs(handler, folder, root)
    return replace(how, beside={**how.beside, **beside}) if isinstance(how, Command) else how


def command_or_problem(handler: HandlerPlan, root: Path) -> Command | Elsewhere | Caught:
    """Like `how_it_runs`; where that fails, a command that cannot be started until it changes."""
    try:
        return how_it_runs(handler, root)
    except TargetError as error:
        return Command((), (root / (handler.source or "")).absolute(), problem=error)


def _how_it_runs(handler: HandlerPlan, folder: Path, root: Path) -> Command | Caught:
    """How a handler with this folder runs here, apart from what it includes."""
    target = handler.target
    if handler.local.command:
        return _command(handler.local.command, folder)
    match target:
        case FunctionPlan():
            return _function(handler, target, folder)
        case ServicePlan(source=None) | WorkerPlan(source=None):
            return Caught(f"it is an image; `{_override(handler)}` would run it")
        case ServicePlan():
            return _service(handler, target, folder, root)
        case WorkerPlan():
            return _container(handler, folder, target.command, root)
        case AppEnginePlan(source=None):
            return Caught(f"its code is not in this project; `{_override(handler)}` would run it")
        case AppEnginePlan():
            return _app_engine(handler, target, folder)
        case UrlPlan():
            return Caught("it is somebody else's endpoint")


def started_argv(command: Command, interpreter: Path) -> tuple[str, ...]:
    """Return the words to start, with `python` replaced by the handler's own interpreter."""
    first, *rest = command.argv
    return (str(interpreter), *rest) if first in ("python", "python3") else command.argv


def on_loopback(text: str) -> str:
    """Return a word of a container's command, or a variable, with the loopback address in it.

    Cloud Run wants a container to listen on every address. On this machine that would let the
    whole network in, past the front door that asks for a token.

    >>> on_loopback("exec gunicorn --bind :$PORT app:app"), on_loopback("--host=0.0.0.0")
    ('exec gunicorn --bind 127.0.0.1:$PORT app:app', '--host=127.0.0.1')
    """
    return _EVERY_ADDRESS.sub(HOST, text)


def _function(handler: HandlerPlan, function: FunctionPlan, folder: Path) -> Command:
    if not function.runtime_name.startswith("python"):
        raise TargetError(
            f"`{handler.key}` is a function for {function.runtime_name}; "
            "only Python functions start here without a command",
            hint=f"say how it runs: `{_override(handler)}`",
        )
    if not (folder / "main.py").is_file():
        # https://cloud.google.com/run/docs/write-functions#python
        raise TargetError(
            f"`{handler.key}` has no `{function.source}/main.py`",
            hint="Google's build looks for a Python function in a file of that name",
        )
    argv = ("python", "-m", "functions_framework", "--target", function.entry_point)
    # It gets $PORT and the type of its signature as variables.
    return _command((*argv, "--host", HOST), folder, needs="functions-framework")


def _service(handler: HandlerPlan, service: ServicePlan, folder: Path, root: Path) -> Command:
    if service.command:
        return _command(tuple(map(on_loopback, service.command)), folder)
    return _container(handler, folder, (), root)


def _container(handler: HandlerPlan, folder: Path, instead: tuple[str, ...], root: Path) -> Command:
    """What a Dockerfile starts; `instead` replaces its command, if not empty."""
    build = handler.build
    if build is None:
        raise ValueError(f"no image is built for handler {handler.key}")
    file = root / build.dockerfile
    if not file.is_file():
        other = "" if handler.kind == "worker" else ", or give the service `runtime` and `command`"
        raise TargetError(f"`{handler.key}` has no `{build.dockerfile}`", hint=f"write one{other}")
    process = container_process(file.read_text(encoding="utf-8", errors="replace"))
    argv = instead or process.command
    if not argv:
        raise TargetError(
            f"`{handler.key}`: `{build.dockerfile}` has neither CMD nor ENTRYPOINT",
            hint=f"add a CMD, or say how it runs here: `{_override(handler)}`",
        )
    layout = ImageLayout(process, (root / build.context).resolve(), folder)
    where = layout.working_folder(argv)
    command = _command(tuple(map(on_loopback, argv)), folder)
    environment = {name: on_loopback(value) for name, value in process.environment.items()}
    if "PYTHONPATH" in environment:
        environment["PYTHONPATH"] = layout.search_path(environment["PYTHONPATH"])
    beside = layout.beside(where) if layout.context != folder else {}
    return Command(command.argv, where, environment, command.requirements, beside=beside)


def _included(handler: HandlerPlan, root: Path) -> dict[str, Path]:
    """What a handler includes, by name."""
    found = {}
    for each in handler.include:
        path = (root / each).resolve()
        if not path.exists():
            raise TargetError(
                f"`{handler.key}` includes `{each}`, which does not exist",
                hint=f"create it, or change `include` at {handler.reason.location}",
            )
        found[PurePosixPath(each).name] = path
    return found


def _app_engine(handler: HandlerPlan, engine: AppEnginePlan, folder: Path) -> Command:
    if engine.entrypoint:
        return _command(("/bin/sh", "-c", on_loopback(engine.entrypoint)), folder)
    if not (engine.runtime_name or "").startswith("python"):
        raise TargetError(
            f"`{handler.key}` runs on {engine.runtime_name}, whose default command is not known",
            hint="give it an `entrypoint`, such as `entrypoint: node server.js`",
        )
    # https://cloud.google.com/appengine/docs/standard/python3/runtime#application_startup
    argv = ("python", "-m", "gunicorn", "main:app")
    return _command((*argv, "--workers", "1", "--threads", "8"), folder, needs="gunicorn")


def _command(argv: tuple[str, ...], folder: Path, needs: str | None = None) -> Command:
    requirements = folder / REQUIREMENTS
    if not requirements.is_file():
        return Command(argv, folder)
    text = requirements.read_text(encoding="utf-8", errors="replace")
    missing = needs if needs is not None and not _names(text, needs) else None
    return Command(argv, folder, requirements=requirements, needs=missing)


def _names(requirements: str, package: str) -> bool:
    """Whether a line of `requirements` names `package`; -, _ and . are the same (PEP 503)."""
    wanted = re.sub(r"[-_.]+", "[-_.]+", package)
    return re.search(rf"(?im)^\s*{wanted}\s*($|[^\w.\s-])", requirements) is not None


def _override(handler: HandlerPlan) -> str:
    example = "npm start"
    if isinstance(handler.target, FunctionPlan):
        entry_point = handler.target.entry_point
        example = f"npx functions-framework --target={entry_point} --port=$PORT"
    return f"handlers.{handler.key}.local: {{command: {example}}}"
