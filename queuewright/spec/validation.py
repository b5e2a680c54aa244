"""Validates a map: its problems, and its valid part for the rules between values. Pure.

In the valid part, a wrong value is missing rather than at its default. To read it raises
`WrongValueError`, at which `checkable` ends a rule, so a rule never speaks of a wrong value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from pydantic import ValidationError

from queuewright.errors import Problem
from queuewright.spec.closed import Closed, WrongValueError
from queuewright.spec.document import Node, Path
from queuewright.spec.words import nearest, places, problems

_Model = TypeVar("_Model", bound=Closed)

_ROUNDS = 4
"""A map that lacks a required value is left out itself, so each round may bring new problems."""
_MOST_WRONG = 1_000
"""Wrong values of a map whose valid part is still looked for; only the first 100 are shown."""


def validated(
    model: type[_Model],
    plain: object,
    document: Node,
    at: Path,
    found: list[Problem],
    examples: Mapping[str, str] | None = None,
) -> _Model | None:
    """Validate `plain`, the value at `at` in the document.

    On errors, it extends `found` and returns the valid part: read it within `checkable` only.
    None if nothing of it can be used. `plain` may change.

    `examples` are values to suggest for missing keys, instead of the model's own examples.
    """
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        found.extend(problems(error, model, document, at, examples))
        return _valid_part(model, plain, places(error))


def checkable(found: Iterable[Problem]) -> Iterator[Problem]:
    """The problems that a rule finds before it reads a wrong value."""
    try:
        yield from found
    except WrongValueError:
        return


def _valid_part(model: type[_Model], plain: object, wrong: list[Path]) -> _Model | None:
    """A map without its wrong values; None if nothing is left."""
    if not isinstance(plain, dict) or len(wrong) > _MOST_WRONG:
        return None
    gone: dict[Path, None] = {}
    for _ in range(_ROUNDS):
        now: dict[Path, None] = {}
        for path in wrong:
            _leave_out(model, plain, path, now)
        gone |= now
        try:
            part = model.model_validate(plain)
        except ValidationError as error:
            wrong = places(error)
        else:
            for path in gone:
                _forget(part, path)
            return part
    return None


def _leave_out(
    model: type[Closed], plain: dict[str | int, object], path: Path, gone: dict[Path, None]
) -> None:
    """Remove the value at a path, and add to `gone` what was removed.

    An item of a list takes the whole list with it, a missing value the map that lacks it. Where
    that is all of `plain`, an example stands in for the value.
    """
    if not path or any(path[:end] in gone for end in range(1, len(path) + 1)):
        return
    holder = plain
    for depth, part in enumerate(path[:-1], 1):
        below = holder.get(part)
        if not isinstance(below, dict):
            _leave_out(model, plain, path[:depth], gone)
            return
        holder = below
    if path[-1] in holder:
        del holder[path[-1]]
    elif len(path) > 1:
        _leave_out(model, plain, path[:-1], gone)
        return
    else:
        info = model.model_fields.get(str(path[-1]))
        plain[path[-1]] = info.examples[0] if info is not None and info.examples else None
    gone[path] = None


def _forget(part: Closed, path: Path) -> None:
    """Make it an error to read the value at a path, or the value that a misspelt key means."""
    holder: object = part
    for name in path[:-1]:
        if isinstance(holder, Closed):
            # A default is shared by all maps, and must stay whole.
            is_own = name in holder.model_fields_set
            holder = holder.__dict__.get(str(name)) if is_own else None
        else:
            holder = holder.get(name) if isinstance(holder, Mapping) else None
    if not isinstance(holder, Closed):
        return
    fields, key = type(holder).model_fields, str(path[-1])
    if key in fields:
        holder.__dict__.pop(key, None)
    elif (meant := nearest(key, fields)) is not None and meant not in holder.model_fields_set:
        holder.__dict__.pop(meant, None)
