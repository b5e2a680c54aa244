"""Finds the application in a handler's command: what to import instead of starting a process."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from queuewright.blueprint import FunctionPlan, HandlerPlan, WorkerPlan
from queuewright.errors import TargetError
from queuewright.local.handlers.command import Caught, Command, Elsewhere, how_it_runs

_SERVERS: Final = ("gunicorn", "uvicorn", "hypercorn", "daphne", "waitress-serve", "waitress")
_FUNCTIONS: Final = ("functions-framework", "functions_framework")

_named_app = re.compile(r"(?P<module>[A-Za-z_][\w.]*):(?P<name>[A-Za-z_]\w*)(?P<call>\(\))?")
_is_assignment = re.compile(r"[A-Za-z_]\w*=.*").fullmatch
_has_shell_syntax = re.compile(r"[;&|<>`]|\$\(").search


@dataclass(frozen=True)
class Application:
    """What a handler's code serves with: an application, or a function of the Functions Framework.

    Without `module` and `function` it serves nothing: a worker.
    """

    folder: Path
    """Its working directory, absolute."""
    module: str = ""
    """The module with the application."""
    name: str = ""
    """The application's name in it."""
    is_factory: bool = False
    """Whether the name is a function that returns the application."""
    function: str = ""
    """The entry point of a function, in `source`."""
    source: str = "main.py"
    environment: Mapping[str, str] = field(default_factory=dict)
    """The variables that its Dockerfile or its command sets."""

    @property
    def is_served(self) -> bool:
        """Whether requests can be sent to it."""
        return bool(self.module or self.function)


def application(handler: HandlerPlan, root: Path) -> Application:
    """Return the application of a handler; `root` is the project's folder.

    Raises:
        TargetError: it cannot run in a test's process; the text says why, and what to do.
    """
    if isinstance(handler.target, WorkerPlan):
        raise _refused(
            handler,
            "it is a worker, which polls by itself",
            f"take its tasks with `env.pull(QUEUE)`, and call its function, which "
            f'`env.module("{handler.key}", MODULE)` has',
        )
    try:
        how = how_it_runs(handler, root)
    except TargetError as error:
        raise _refused(handler, str(error).partition("\n")[0], _replaced(handler)) from error
    match how:
        case Elsewhere(url=url):
            raise _refused(handler, f"it runs elsewhere, at {url}", _replaced(handler))
        case Caught(reason=reason):
            text = reason.partition(";")[0]
            raise _refused(handler, text, _replaced(handler))
        case Command():
            return _of_command(handler, how)


def named_application(handler: HandlerPlan, root: Path, text: str) -> Application:
    """Return the application that a text such as `main:app` names, in a handler's folder.

    Raises:
        TargetError: the text names none, or the handler has no folder.
    """
    match = _named_app.fullmatch(text)
    if match is None:
        raise TargetError(
            f"`{text}` names no application", hint="give its module and its name: `main:app`"
        )
    if handler.source is None:
        raise _refused(handler, "its code is not in this project", _replaced(handler))
    folder = (root / handler.source).resolve()
    return Application(folder, match["module"], match["name"], is_factory=bool(match["call"]))


def unserved(handler: HandlerPlan, root: Path) -> Application:
    """Return a handler's folder without an application, to test its functions one by one.

    Raises:
        TargetError: the handler has no folder.
    """
    if handler.source is None:
        raise _refused(handler, "its code is not in this project", _replaced(handler))
    return Application((root / handler.source).resolve())


def _of_command(handler: HandlerPlan, command: Command) -> Application:
    assigned, words = _words(handler, command.argv)
    environment = {**command.environment, **assigned}
    program, *rest = words
    name = Path(program).name
    if re.fullmatch(r"python[\d.]*", name) and rest[:1] == ["-m"] and len(rest) > 1:
        name, rest = rest[1], rest[2:]
    if name in _FUNCTIONS:
        function = _option(rest, "--target") or environment.get("FUNCTION_TARGET")
        if function is None and isinstance(handler.target, FunctionPlan):
            function = handler.target.entry_point
        source = _option(rest, "--source") or "main.py"
        if function is not None:
            return Application(
                command.folder, function=function, source=source, environment=environment
            )
    found = [match for word in rest if (match := _named_app.fullmatch(word))]
    if name not in _SERVERS or not found:
        shown = " ".join(command.argv)
        raise _refused(
            handler,
            f"`{shown}` names no WSGI or ASGI application",
            f'name it, if it has one: `env.serve("{handler.key}", "main:app")`; '
            f"or {_replaced(handler)}",
        )
    match = found[-1]  # what comes before belongs to options
    folder = _option(rest, "--chdir") or _option(rest, "--app-dir") or "."
    return Application(
        (command.folder / folder).resolve(),
        match["module"],
        match["name"],
        is_factory=bool(match["call"]) or "--factory" in rest,
        environment=environment,
    )


def _words(handler: HandlerPlan, argv: tuple[str, ...]) -> tuple[dict[str, str], list[str]]:
    """Return the variables that a command assigns, and its words; a shell's line is taken apart."""
    words = list(argv)
    if words[:2] == ["/bin/sh", "-c"] and len(words) == 3:
        if _has_shell_syntax(words[2]):
            raise _refused(handler, f"`{words[2]}` is a shell's program", _replaced(handler))
        words = shlex.split(words[2])
    assigned = {}
    while words and (words[0] in ("exec", "env") or _is_assignment(words[0])):
        name, equals, value = words.pop(0).partition("=")
        if equals:
            assigned[name] = value
    if not words:
        raise _refused(handler, f"`{' '.join(argv)}` starts no program", _replaced(handler))
    return assigned, words


def _option(words: list[str], name: str) -> str | None:
    for number, word in enumerate(words):
        if word == name:
            return words[number + 1] if number + 1 < len(words) else None
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return None


def _refused(handler: HandlerPlan, reason: str, hint: str) -> TargetError:
    return TargetError(
        f"handler `{handler.key}` cannot run in a test's process: {reason}", hint=hint
    )


def _replaced(handler: HandlerPlan) -> str:
    return f'say what it answers: `env.replace("{handler.key}", lambda request: 200)`'
