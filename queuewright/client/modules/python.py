"""A typed module in Python, formatted as ruff and black do it."""

from __future__ import annotations

import json
import keyword
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from queuewright.client.modules.content import Content, QueueContent
from queuewright.client.modules.types import (
    Alias,
    Definition,
    Property,
    Record,
    Scalar,
    Type,
    Value,
    written,
)

LINE = 88
"""The longest line: the default of ruff and black."""

_SCALARS: Mapping[Scalar, str] = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
}


def python_module(content: Content) -> str:
    """Return the module: it imports `queuewright_runtime`, and passes `mypy --strict`."""
    blocks = [block for queue in content.queues for block in _blocks(queue)]
    body = "".join(block.text for block in blocks)
    typing = [name for name in ("Any", "Literal", "TypeAlias", "TypedDict") if _uses(body, name)]
    optional = _uses(body, "NotRequired")
    if optional:
        typing.insert(0, "TYPE_CHECKING")
    head = [
        '"""Typed queues, written by `queuewright client`: run it again instead of editing."""',
        "",
        "from __future__ import annotations",
        "",
    ]
    if typing:
        head += [f"from typing import {', '.join(typing)}", ""]
    head += ["from queuewright_runtime.client import Queue, Tasks"]
    if optional:
        head += ["", "if TYPE_CHECKING:", "    from typing import NotRequired"]
    text, before = "\n".join(head), False
    for block in blocks:
        text += ("\n\n\n" if block.is_class or before else "\n\n") + block.text
        before = block.is_class
    return text + "\n"


@dataclass(frozen=True)
class _Block:
    """A statement at the top of the module; a class has two blank lines around it."""

    text: str
    is_class: bool = False


def _uses(body: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", body) is not None


def _blocks(queue: QueueContent) -> Iterator[_Block]:
    for definition in queue.definitions:
        yield _definition_block(definition)
    arguments = ["tasks", f"tasks.address({_value(queue.key)})"]
    if queue.schema is not None:
        arguments.append(f"_{queue.variable.removeprefix('QUEUE_')}_SCHEMA")
        yield _Block(f"{arguments[-1]}: dict[str, Any] = {_value(queue.schema)}")
    lines = [
        f"class {queue.class_name}(Queue[{queue.payload or 'Any'}]):",
        f'    """{queue.description}"""',
        "",
        "    def __init__(self, tasks: Tasks | None = None) -> None:",
        "        tasks = tasks or Tasks()",
        f"        super().__init__({', '.join(arguments)})",
    ]
    if len(lines[-1]) > LINE:
        items = (f"            {argument}," for argument in arguments)
        lines[-1:] = ["        super().__init__(", *items, "        )"]
    yield _Block("\n".join(lines), is_class=True)


def _definition_block(definition: Definition) -> _Block:
    if isinstance(definition, Alias):
        lines = [f"{definition.name}: TypeAlias = {_value(_type(definition.type))}"]
        return _Block("\n".join([*_comment(definition.description or ""), *lines]))
    names = [each.name for each in definition.properties]
    if all(name.isidentifier() and not keyword.iskeyword(name) for name in names):
        return _Block("\n".join(_class_lines(definition)), is_class=True)
    lines = [f"{definition.name} = TypedDict(", f'    "{definition.name}",', "    {"]
    for each in definition.properties:
        lines.append(f"        {_value(each.name)}: {_value(_property_type(each))},")
    return _Block("\n".join([*_comment(definition.description or ""), *lines, "    },", ")"]))


def _class_lines(record: Record) -> Iterator[str]:
    yield f"class {record.name}(TypedDict):"
    if record.description:
        yield from (f'    """{_documented(record.description)}"""', "")
    for each in record.properties:
        if each.description:
            yield from _comment(each.description, "    ")
        start = f"    {each.name}: "
        yield start + _wrapped(_property_type(each), len(start), "    ")


def _property_type(each: Property) -> str:
    written_type = _type(each.type)
    return written_type if each.is_required else f"NotRequired[{written_type}]"


def _type(kind: Type) -> str:
    return written(
        kind,
        scalars=_SCALARS,
        any_type="Any",
        list_of=lambda item: f"list[{item}]",
        map_of=lambda value: f"dict[str, {value}]",
        literal=_literal,
    )


def _literal(values: tuple[Value, ...]) -> str:
    return f"Literal[{', '.join(map(_value, values))}]"


def _wrapped(text: str, column: int, indent: str) -> str:
    """Return a type that starts in a column, with a line per argument if it is too long for one."""
    match = re.fullmatch(r"(\w+)\[(.*)\]", text)
    if column + len(text) <= LINE or match is None:
        return text
    inner = f"{indent}    "
    arguments = _arguments(match[2])
    comma = "," if len(arguments) > 1 else ""
    lines = [f"{inner}{_wrapped(each, len(inner), inner)}{comma}" for each in arguments]
    return "\n".join([f"{match[1]}[", *lines, f"{indent}]"])


def _arguments(text: str) -> list[str]:
    """Split at the commas that are in no brackets and no text.

    >>> _arguments("str, list[int, 'a, b'], 'c, d'")
    ['str', "list[int, 'a, b']", "'c, d'"]
    """
    found, depth, start = [], 0, 0
    for match in re.finditer(r"""\[|\]|,|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'""", text):
        depth += {"[": 1, "]": -1}.get(match[0], 0)
        if match[0] == "," and depth == 0:
            found.append(text[start : match.start()].strip())
            start = match.end()
    return [*found, text[start:].strip()]


def _value(value: object, indent: str = "") -> str:
    """Return a JSON value in Python; lists and maps that are not empty have a line per item."""
    if isinstance(value, str):
        return _quoted(value)
    if not isinstance(value, dict | list):
        return repr(value)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    if not value:
        return opening + closing
    inner = f"{indent}    "
    lines = (
        [f"{_value(key)}: {_value(item, inner)}" for key, item in value.items()]
        if isinstance(value, dict)
        else [_value(item, inner) for item in value]
    )
    return "\n".join([opening, *(f"{inner}{line}," for line in lines), f"{indent}{closing}"])


def _quoted(text: str) -> str:
    """Return a text in Python, in the quotes that need fewer backslashes.

    >>> print(_quoted("it's"), _quoted('a "b"'))
    "it's" 'a "b"'
    """
    double = json.dumps(text, ensure_ascii=False)
    if text.count('"') <= text.count("'"):
        return double
    plain = double[1:-1].replace('\\"', '"').replace("'", "\\'")
    return f"'{plain}'"


def _comment(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        LINE,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}# ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _documented(text: str) -> str:
    """Return a text for a docstring, which must not end with a quote."""
    text = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'{text[:-1]}\\"' if text.endswith('"') else text
