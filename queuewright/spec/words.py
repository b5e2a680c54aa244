"""Turns pydantic's errors into problems: each with its place, the range and a hint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import ValidationError

from queuewright.errors import Problem
from queuewright.spec.closed import Closed
from queuewright.spec.document import Absence, Node, Path, dotted, quoted
from queuewright.spec.values import Between, flow, shortened, shown

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

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
_KEY = "[key]"
"""In one of pydantic's paths: the mistake is in a map's key, not in its value."""
MAX_COMPARISONS = 100_000
_BOUNDS = ("greater_than", "greater_than_equal", "less_than_equal", "between")


def problems(
    error: ValidationError,
    model: type[Closed],
    root: Node,
    at: Path,
    examples: Mapping[str, str] | None = None,
) -> list[Problem]:
    """Every problem in `error`, from validating the value at path `at` in `root`.

    `examples` are values to suggest for missing keys, instead of the model's own examples.
    """
    found: dict[Path, Problem] = {}
    for entry in error.errors():
        path = (*at, *_place(entry))
        found.setdefault(path, _problem(entry, model, root, path, len(at), examples or {}))
    return list(found.values())


def places(error: ValidationError) -> list[Path]:
    """The path of every wrong or missing value in `error`."""
    return list(dict.fromkeys(map(_place, error.errors())))


def did_you_mean(word: str, choices: Iterable[str]) -> str | None:
    """A hint with the choice nearest to `word`, otherwise with all choices if they are few."""
    choices = sorted(choices)
    near = nearest(word, choices)
    if near is not None:
        return f"did you mean {shown(near)}?"
    if 0 < len(choices) <= 20:
        return "choose one of " + ", ".join(map(shown, choices))
    return None


class Names:
    """The names that a document defines, and a hint for a name that is not among them.

    Looking for the nearest name takes a comparison with each, so there are no hints after
    `MAX_COMPARISONS`: a document may have many names and as many mistakes.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = dict.fromkeys(names)
        self.comparisons = 0
        """How many were made."""

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def hint(self, word: str) -> str | None:
        """Return the hint of `did_you_mean`, or None."""
        if self.comparisons + len(self._names) > MAX_COMPARISONS:
            return None
        self.comparisons += len(self._names)
        return did_you_mean(word, self._names)


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice of which `word` is probably a misspelling, if any."""
    in_small = {choice.lower(): choice for choice in choices}
    near = get_close_matches(word[:100].lower(), in_small, n=1, cutoff=0.6)
    return in_small[near[0]] if near else None


def unknown_key(key: str, model: type[Closed]) -> str | None:
    """A hint for a key that `model` does not have: the key that was meant, or where it belongs."""
    homes = [
        name
        for name, info in model.model_fields.items()
        if any(key in inner.model_fields for inner in models_in(info.annotation))
    ]
    if homes:
        return "write it under " + " or ".join(f"`{home}:`" for home in homes)
    return did_you_mean(key, model.model_fields)


def allowed(info: FieldInfo) -> str | None:
    """The range of a field in words, if it has one: `at least 1 and at most 30`."""
    bounds = []
    for limit in (*info.metadata, *_metadata(info.annotation)):
        if isinstance(limit, Gt):
            bounds.append(f"more than {limit.gt:,}")
        if isinstance(limit, Ge):
            bounds.append(f"at least {limit.ge:,}")
        if isinstance(limit, Le):
            bounds.append(f"at most {limit.le:,}")
        if isinstance(limit, Between):
            bounds += [f"at least `{limit.least}`", f"at most `{limit.most}`"]
    return " and ".join(bounds) or None


def models_in(annotation: object) -> Iterator[type[Closed]]:
    """The models in a field's type."""
    if isinstance(annotation, type) and issubclass(annotation, Closed):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def _place(entry: ErrorDetails) -> Path:
    return tuple(part for part in entry["loc"] if part != _KEY)


def _problem(
    entry: ErrorDetails,
    model: type[Closed],
    root: Node,
    path: Path,
    depth: int,
    examples: Mapping[str, str],
) -> Problem:
    owner, info = _field(model, path[depth:])
    node, key = root.at(path), quoted(str(path[-1]))
    place, kind = root.locate(path), entry["type"]
    if kind == "missing" and info is not None:
        example = examples.get(key) or flow((info.examples or ["…"])[0])
        return Absence(place, dotted(path), "missing", f"add `{key}: {example}`")
    if kind == "extra_forbidden":
        hint = unknown_key(str(path[-1]), owner)
        return Problem(place, dotted(path), "unknown key", hint)
    of_value = None if _KEY in entry["loc"] else node
    message, hint = _words(entry, owner, info, of_value, key)
    hint = hint or _example(owner.model_fields.get(key), key) or "write one value"
    return Problem(place, dotted(path), message, hint)


def _words(
    entry: ErrorDetails, owner: type[Closed], info: FieldInfo | None, node: Node | None, key: str
) -> tuple[str, str | None]:
    kind, context = entry["type"], entry.get("ctx", {})
    found = _as_written(node, entry["input"])
    if kind == "queuewright":
        text = node.text if node is not None and node.text is not None else str(entry["input"])
        hint = context["hint"]
        message = context["template"].replace("{value}", found)
        return message, hint.replace("{text}", shortened(text)) if hint else None
    if kind in _BOUNDS and info is not None:
        return f"{found} is out of range", f"{owner.authority} allows {allowed(info)}"
    if kind == "literal_error" and info is not None:
        choices = _choices(info.annotation)
        return f"{found} is not a choice", did_you_mean(str(entry["input"]), choices)
    if kind == "too_long":
        most = context["max_length"]
        return f"more than {most} entries", f"{owner.authority} allows at most {most}"
    if kind in _EXPECTED:
        hint = _shape_hint(kind, key, entry["input"])
        return f"expected {_EXPECTED[kind]}, found {found}", hint
    return entry["msg"], None


def _as_written(node: Node | None, value: object) -> str:
    """A short text for a value; a scalar as written in the file."""
    if node is None or node.value is None or node.text is None:
        return shown(value if node is None else node.plain())
    return shown(node.text)


def _shape_hint(kind: str, key: str, value: object) -> str | None:
    if kind == "tuple_type" and isinstance(value, str):
        return f"write `{key}: {flow([value])}`"
    if kind in ("int_type", "float_type", "int_from_float"):
        number = _number(value)
        if number is not None and (number.is_integer() or kind == "float_type"):
            return f"write `{key}: {int(number) if number.is_integer() else number}`"
    if kind in ("model_type", "dict_type"):
        return f"write its entries below `{key}:`, indented"
    if kind == "bool_type" and str(value).lower() in ("true", "yes", "on", "1"):
        return f"write `{key}: true`"
    if kind == "bool_type" and str(value).lower() in ("false", "no", "off", "0"):
        return f"write `{key}: false`"
    return None


def _number(value: object) -> float | None:
    """The number that a text such as `"5"` or `1e2` means, unless it is large."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if isfinite(number) and abs(number) < 10**6 else None


def _example(info: FieldInfo | None, key: str) -> str | None:
    """A hint with a possible value, if `key` is the field's own and not an entry of its map."""
    if info is None or not info.examples:
        return None
    return f"such as `{key}: {flow(info.examples[0])}`"


def _choices(annotation: object) -> Iterator[str]:
    """The choices of a field."""
    if get_origin(annotation) is Literal:
        yield from map(str, get_args(annotation))
    else:
        for part in get_args(annotation):
            yield from _choices(part)


def _metadata(annotation: object) -> Iterator[object]:
    if get_origin(annotation) is Annotated:
        yield from get_args(annotation)[1:]
    for part in get_args(annotation):
        yield from _metadata(part)


def _field(model: type[Closed], path: Path) -> tuple[type[Closed], FieldInfo | None]:
    """The model in which `path` ends, and the field that its last part names, if any."""
    owner, info = model, None
    for index, part in enumerate(path):
        info = owner.model_fields.get(str(part), info)
        inner = next(models_in(info.annotation), None) if info is not None else None
        if inner is not None and index < len(path) - 1:
            owner = inner
    return owner, owner.model_fields.get(str(path[-1]), info) if path else info
