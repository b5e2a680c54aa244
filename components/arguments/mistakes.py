"""What is wrong with the arguments of one component, collected and told at once."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pulumi
from pydantic import BaseModel

from queuewright.cloud_tasks.durations import written_duration
from queuewright.errors import Location, Problem, SpecError
from queuewright.spec.document import Node, read
from queuewright.spec.values import shown

_Checked = TypeVar("_Checked")

# What the YAML calls otherwise than the components do.
RENAMED = {
    "env": "environment",
    "stackdriver_logging_config.sampling_ratio": "sampling_ratio",
    "target.url": "target",
}
ONLY_IN_YAML = re.compile(r"^(function|service|app_engine)\.")


class Mistakes:
    """The mistakes of the component that is called `name`, at the line that makes it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._place = _place()
        self._found: list[Problem] = []

    def add(self, argument: str, message: str, hint: str | None) -> None:
        """Note a mistake that is no file's."""
        self._found.append(Problem(self._place, f"{self._name}.{argument}", message, hint))

    def note(self, problems: Iterable[Problem]) -> None:
        """Note mistakes that were found as if `document` were a file."""
        for each in problems:
            path = _called(each.path.removeprefix(self._name).lstrip("."))
            whole = f"{self._name}.{path}" if path else self._name
            hint = _in_python(each.hint) if each.hint else None
            self._found.append(replace(each, path=whole, hint=hint))

    def document(self, plain: Mapping[str, object]) -> tuple[Node, tuple[str]]:
        """`plain` as if a file said it, all on the one line; and the path that it is at.

        Raises:
            SpecError: a part of it is known only once something else is made.
        """
        later = list(_outputs(plain))
        for path in later:
            message = "is known only once something else is made"
            self.add(_called(path), message, "give it as a text or a number: it is checked before")
        if later:
            raise SpecError(self._found)
        return Node(self._place, {self._name: _node(plain, self._place)}), (self._name,)

    def unless(self, checked: _Checked | None, problems: Iterable[Problem]) -> _Checked:
        """`checked`, if nothing is wrong, be it with `problems` or what was noted before.

        Raises:
            SpecError: something is.
        """
        self.note(problems)
        if checked is None or self._found:
            raise SpecError(self._found)
        return checked


def mistake(name: str, argument: str, message: str, hint: str) -> SpecError:
    """The error of one mistake that is no file's."""
    return SpecError([Problem(_place(), f"{name}.{argument}", message, hint)])


def require(name: str, argument: str, value: object, pattern: str, hint: str) -> None:
    """Hold a name to the pattern that Google holds it to.

    Raises:
        SpecError: it is no such text, or is known only once something else is made.
    """
    if isinstance(value, str) and re.fullmatch(pattern, value):
        return
    found = "is known only once something else is made"
    if not isinstance(value, pulumi.Output):
        found = f"{shown(value)} is not a name that Google takes"
    raise mistake(name, argument, found, hint)


def _called(path: str) -> str:
    """A path in the YAML as the program knows it.

    >>> _called("env.SMTP_HOST"), _called("function.entry_point")
    ('environment.SMTP_HOST', 'entry_point')
    """
    path = ONLY_IN_YAML.sub("", path)
    for old, new in RENAMED.items():
        if path == old or path.startswith(f"{old}."):
            return new + path.removeprefix(old)
    return path


def _in_python(hint: str) -> str:
    """A hint with its YAML written as arguments.

    >>> _in_python("such as `memory: 512Mi`")
    "such as `memory='512Mi'`"
    """

    def written(match: re.Match[str]) -> str:
        node, _ = read(match[0].strip("`"), "hint")
        ((key, value),) = node.plain().items()
        return f"`{key}={value!r}`"

    return re.sub(r"`[a-z_]+: [^`]+`", written, hint)


def _outputs(value: object, path: tuple[str, ...] = ()) -> Iterator[str]:
    if isinstance(value, pulumi.Output):
        yield ".".join(path)
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _outputs(each, (*path, str(key)))


def _node(value: object, place: Location) -> Node:
    """A value of the program as if it had been written in a file."""
    if isinstance(value, BaseModel):
        value = {key: getattr(value, key) for key in value.model_fields_set}
    if isinstance(value, Mapping):
        return Node(place, {key: _node(each, place) for key, each in value.items()})
    if isinstance(value, list | tuple):
        return Node(place, [_node(each, place) for each in value])
    if isinstance(value, timedelta):
        return Node(place, value, written_duration(value))
    return Node(place, value, value if isinstance(value, str) else None)


def _place() -> Location:
    """The line of the program that makes the component."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
        frame = frame.f_back
    file, here = Path(frame.f_code.co_filename), Path.cwd()
    named = file.relative_to(here) if file.is_relative_to(here) else file
    return Location(str(named), frame.f_lineno, 1)
