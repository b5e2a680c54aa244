"""What pydantic found, in our words: each error placed, with the range and a way out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, get_args

from annotated_types import Ge, Gt, Le
from pydantic import ValidationError

from queuewright.errors import Problem
from queuewright.spec.document import Node, Path, dotted
from queuewright.spec.model import Closed
from queuewright.spec.values import shown

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a number",
    "bool_type": "`true` or `false`",
    "dict_type": "a map",
    "model_type": "a map",
    "tuple_type": "a list",
}
_BOUNDS = ("greater_than", "greater_than_equal", "less_than_equal")


def problems(error: ValidationError, model: type[Closed], root: Node, at: Path) -> list[Problem]:
    """Every problem in `error`, which came of validating what `root` holds at path `at`."""
    found: dict[Path, Problem] = {}
    for entry in error.errors():
        path = (*at, *(part for part in entry["loc"] if part != "[key]"))
        owner, info = _field(model, path[len(at) :])
        message, hint = _words(
            entry["type"],
            entry["msg"],
            entry.get("ctx", {}),
            path,
            _written(root, path),
            owner,
            info,
        )
        found.setdefault(path, Problem(root.locate(path), dotted(path), message, hint))
    return list(found.values())


def did_you_mean(word: str, choices: Iterable[str]) -> str | None:
    """A hint that names the choice nearest to `word`, or else all of them if they are few."""
    choices = sorted(choices)
    near = get_close_matches(word, choices, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    if 0 < len(choices) <= 20:
        return "choose one of " + ", ".join(f"`{choice}`" for choice in choices)
    return None


def _written(root: Node, path: Path) -> object:
    node = root.at(path)
    return node.plain() if node is not None else None


def _words(
    kind: str,
    library_words: str,
    context: dict[str, object],
    path: Path,
    value: object,
    owner: type[Closed],
    info: FieldInfo | None,
) -> tuple[str, str | None]:
    if kind == "queuewright":
        hint = context["hint"]
        return str(context["message"]), str(hint) if hint is not None else None
    if kind == "extra_forbidden":
        return "unknown key", did_you_mean(str(path[-1]), owner.model_fields)
    if kind == "missing" and info is not None:
        example = info.examples[0] if info.examples else "…"
        return "missing", f"add `{path[-1]}: {example}`"
    if kind in _BOUNDS and info is not None:
        return f"{shown(value)} is out of range", f"{owner.authority} allows {_range(info)}"
    if kind == "literal_error" and info is not None:
        choices = (str(choice) for choice in get_args(info.annotation))
        return f"{shown(value)} is not a choice", did_you_mean(str(value), choices)
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, found {shown(value)}", _shape_hint(kind, path, value)
    return library_words, None


def _shape_hint(kind: str, path: Path, value: object) -> str | None:
    if kind == "tuple_type" and isinstance(value, str):
        return f"write `[{value}]`"
    if kind in ("int_type", "float_type", "int_from_float") and isinstance(value, str):
        return "write a number, without quotes"
    if kind in ("model_type", "dict_type"):
        return f"write its entries below `{path[-1]}:`, indented"
    if kind == "bool_type" and isinstance(value, str):
        return "write `true` or `false`, without quotes"
    return None


def _range(info: FieldInfo) -> str:
    bounds = []
    for limit in info.metadata:
        if isinstance(limit, Gt):
            bounds.append(f"more than {limit.gt:,}")
        if isinstance(limit, Ge):
            bounds.append(f"at least {limit.ge:,}")
        if isinstance(limit, Le):
            bounds.append(f"at most {limit.le:,}")
    return " and ".join(bounds)


def _field(model: type[Closed], path: Path) -> tuple[type[Closed], FieldInfo | None]:
    """The class that `path` ends in, and the field that its last part names, if there is one."""
    owner, info = model, None
    for index, part in enumerate(path):
        info = owner.model_fields.get(str(part), info)
        inner = next(_models(info.annotation), None) if info is not None else None
        if inner is not None and index < len(path) - 1:
            owner = inner
    return owner, owner.model_fields.get(str(path[-1]), info) if path else info


def _models(annotation: object) -> Iterator[type[Closed]]:
    if isinstance(annotation, type) and issubclass(annotation, Closed):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
