"""The mistakes in the arguments of one component, all reported at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pulumi
from pydantic import BaseModel

from queuewright.cloud_tasks.durations import written_duration
from queuewright.errors import Location, Problem, SpecError
from queuewright.spec.document import Node, read
from queuewright.spec.values import shown

_Checked = TypeVar("_Checked")

# Names in the YAML → names in a program.
RENAMED = {
    "env": "environment",
    "stackdriver_logging_config.sampling_ratio": "sampling_ratio",
    "target.url": "target",
}
ONLY_IN_YAML = re.compile(r"^(function|service|worker|app_engine)\.")

# The rules of the YAML need a place; the line of a program is in the error's traceback.
_PLACE = Location("program", 1, 1)


class Mistakes:
    """The mistakes in the arguments of the component `name`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._found: list[Problem] = []

    def add(self, argument: str, message: str, hint: str | None) -> None:
        """Record a mistake that only a program can make."""
        self._found.append(Problem(None, f"{self._name}.{argument}", message, hint))

    def note(self, problems: Iterable[Problem]) -> None:
        """Record problems that the rules of the YAML found in `document`."""
        for each in problems:
            path = _argument(each.path.removeprefix(self._name).lstrip("."))
            whole = f"{self._name}.{path}" if path else self._name
            hint = _in_python(each.hint) if each.hint else None
            self._found.append(replace(each, location=None, path=whole, hint=hint))

    def document(self, plain: Mapping[str, object]) -> tuple[Node, tuple[str]]:
        """The arguments `plain` as a YAML document, and the path of the component in it.

        Raises:
            SpecError: an argument is an output, whose value is not known yet.
        """
        outputs = list(_outputs(plain))
        for path in outputs:
            self.add(_argument(path), *_OUTPUT)
        if outputs:
            raise SpecError(self._found)
        return Node(_PLACE, {self._name: _node(plain)}), (self._name,)

    def unless(self, checked: _Checked | None, problems: Iterable[Problem]) -> _Checked:
        """`checked`, if there are no mistakes.

        Raises:
            SpecError: with `problems` and all recorded mistakes.
        """
        self.note(problems)
        if checked is None or self._found:
            raise SpecError(self._found)
        return checked


_OUTPUT = ("is an output, whose value is not known yet", "give a text or a number")


def mistake(name: str, argument: str, message: str, hint: str) -> SpecError:
    """The error for a single mistake in an argument of the component `name`."""
    return SpecError([Problem(None, f"{name}.{argument}", message, hint)])


def require(name: str, argument: str, value: object, pattern: str, hint: str) -> None:
    """Check that the name of a resource matches Google's pattern.

    Raises:
        SpecError: it does not match, or it is an output.
    """
    if isinstance(value, pulumi.Output):
        raise mistake(name, argument, *_OUTPUT)
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise mistake(name, argument, f"{shown(value)} is not a valid name", hint)


def described(value: object) -> str:
    """An argument of the wrong type, in a few words."""
    return shown(value) if isinstance(value, str) else f"a {type(value).__name__}"


def _argument(path: str) -> str:
    """The argument for a path in the YAML.

    >>> _argument("env.SMTP_HOST"), _argument("function.entry_point")
    ('environment.SMTP_HOST', 'entry_point')
    """
    path = ONLY_IN_YAML.sub("", path)
    for old, new in RENAMED.items():
        if path == old or path.startswith(f"{old}."):
            return new + path.removeprefix(old)
    return path


def _in_python(hint: str) -> str:
    """A hint with arguments instead of YAML.

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


def _node(value: object) -> Node:
    """A value of a program as a node of a YAML document."""
    if isinstance(value, BaseModel):
        value = {key: getattr(value, key) for key in value.model_fields_set}
    if isinstance(value, Mapping):
        return Node(_PLACE, {key: _node(each) for key, each in value.items()})
    if isinstance(value, list | tuple):
        return Node(_PLACE, [_node(each) for each in value])
    if isinstance(value, timedelta):
        return Node(_PLACE, value, written_duration(value))
    return Node(_PLACE, value, value if isinstance(value, str) else None)
