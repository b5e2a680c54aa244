"""Reads YAML and remembers the place of each value. The only reader of YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from queuewright.errors import Location, Problem, SpecError
from queuewright.spec.syntax import Loader, syntax_problem
from queuewright.spec.values import shown

Path = tuple[str | int, ...]

MOST_FROM_ALIASES = 10_000
"""Values that a file's aliases may expand to; ten short lines can expand to billions."""

_READABLE = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false"}
_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in (*_READABLE, "null", "timestamp", "map", "seq")
)
_RESOLVED = frozenset(("tag:yaml.org,2002:value", "tag:yaml.org,2002:merge"))
"""Tags that YAML gives to the plain texts `=` and `<<`."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_DIGITS = re.compile(r"([-+]?)[0-9][0-9_]*")

MOST_DIGITS = 300
LARGEST_NUMBER = 10**MOST_DIGITS
"""Stands for every larger whole number, and its negative for every lower one."""


@dataclass(frozen=True)
class Node:
    """A value and its place: that of its key, or of the item in a list.

    `value` is a scalar, a `dict[str, Node]` or a `list[Node]`; `text` is a scalar as written in
    the file, without quotes.
    """

    place: Location
    value: Any
    text: str | None = None

    def at(self, path: Path) -> Node | None:
        """The node at `path` below this one, if it exists."""
        node: Node = self
        for part in path:
            below = node.value
            if isinstance(below, list):
                below = dict(enumerate(below))
            if not isinstance(below, dict) or part not in below:
                return None
            node = below[part]
        return node

    def locate(self, path: Path) -> Location:
        """The place of `path`, or of its nearest existing ancestor."""
        while (node := self.at(path)) is None:
            path = path[:-1]
        return node.place

    def entries(self, *path: str) -> Iterator[tuple[str, Node]]:
        """The entries of the map at `path`; none if it is not a map."""
        node = self.at(path)
        if node is not None and isinstance(node.value, dict):
            yield from node.value.items()

    def walk(self, path: Path = ()) -> Iterator[tuple[Path, Node]]:
        """This node and all nodes below it, with their paths; `path` is this node's own."""
        yield path, self
        below = self.value
        pairs = below.items() if isinstance(below, dict) else ()
        for part, node in enumerate(below) if isinstance(below, list) else pairs:
            yield from node.walk((*path, part))

    def plain(self) -> Any:
        """The value as maps, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


class Absence(Problem):
    """A problem about something missing. A file that could not be read may contain it."""


def read(text: str, file: str) -> tuple[Node, list[Problem]]:
    """Read a YAML text; return its map and the problems that did not prevent reading it.

    Raises:
        SpecError: the text is not YAML, is empty, or is not a map.
    """
    text = text.removeprefix("\ufeff")
    try:
        root = yaml.compose(text, Loader=Loader)
    except yaml.YAMLError as error:
        raise SpecError([syntax_problem(error, text, file)]) from None
    if root is None or root.tag == "tag:yaml.org,2002:null":
        hint = "start with `project: my-project` and `location: europe-west1`"
        raise SpecError([Problem(Location(file, 1, 1), "$", "the file is empty", hint)])
    builder = _Builder(file)
    node = builder.build(root, ())
    if not isinstance(node.value, dict):
        hint = "write keys such as `queues:` at the left edge"
        builder.problems.append(Problem(node.place, "$", "the file is not a map", hint))
        raise SpecError(builder.problems)
    return node, builder.problems


def dotted(path: Path) -> str:
    """A path as people write it; a part that is not a plain word is quoted.

    >>> dotted(("queues", "emails", "enqueuers", 0))
    'queues.emails.enqueuers[0]'
    >>> dotted(("handlers", "two words"))
    'handlers."two words"'
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        text += f".{quoted(part)}" if text else quoted(part)
    return text or "$"


def quoted(name: str) -> str:
    """A name for a message: quoted unless it is a plain word."""
    name = name if len(name) <= 100 else f"{name[:97]}…"
    return name if re.fullmatch(r"[^\W_](\w|[-…])*|_\w*", name) else json.dumps(name)


class _Builder:
    """Turns YAML's nodes into ours, and collects problems."""

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._scalars = yaml.SafeLoader("")
        self._open: set[int] = set()
        self._built: set[int] = set()
        self._from_aliases = 0

    def build(self, node: yaml.Node, path: Path, key: yaml.Node | None = None) -> Node:
        place = self._place(key or node)
        if id(node) in self._open:
            self._problem(node, path, "an alias that contains itself", "write the value out")
            return Node(place, None)
        self._count(node, place, path)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.ScalarNode):
                return Node(place, self._scalar(node, path), node.value)
            if node.tag not in _TAGS:
                self._tag(node, path)
            if isinstance(node, yaml.MappingNode):
                return Node(place, self._map(node, path))
            items = [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
            return Node(place, items)
        finally:
            self._open.discard(id(node))

    def _count(self, node: yaml.Node, place: Location, path: Path) -> None:
        """Reject a text whose aliases expand too much."""
        if id(node) not in self._built:
            self._built.add(id(node))
            return
        self._from_aliases += 1
        if self._from_aliases > MOST_FROM_ALIASES:
            message = f"the file's aliases expand to more than {MOST_FROM_ALIASES:,} values"
            hint = "write the values out"
            raise SpecError([*self.problems, Problem(place, dotted(path), message, hint)])

    def _map(self, node: yaml.MappingNode, path: Path) -> dict[str, Node]:
        result: dict[str, Node] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                hint = "write `key: value`, and quote text that starts with `[`, `{` or `?`"
                self._problem(key_node, path, "a key must be text", hint)
                continue
            key = self._whole(key_node.value, key_node, path)
            child = (*path, key)
            if key_node.tag == "tag:yaml.org,2002:merge":
                hint = "use `extends`, `handler_defaults` or `queue_defaults`"
                self._problem(key_node, path, "merge keys (`<<`) are not supported", hint)
            elif key in result:
                hint = f"the first is at line {result[key].place.line}; keep one of them"
                self._problem(key_node, child, "duplicate key", hint)
            else:
                result[key] = self.build(value_node, child, key_node)
        return result

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        if node.tag == "tag:yaml.org,2002:timestamp":
            return node.value
        if node.tag not in _TAGS | _RESOLVED:
            self._tag(node, path)
            return None
        digits = _DIGITS.fullmatch(node.value)
        if node.tag.endswith(":int") and digits and len(node.value) > MOST_DIGITS:
            # Python refuses to read so many: https://docs.python.org/3/library/stdtypes.html#int-max-str-digits.
            return -LARGEST_NUMBER if digits[1] == "-" else LARGEST_NUMBER
        try:
            value = self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError, LookupError):
            kind = _READABLE.get(node.tag.rpartition(":")[2], "a value")
            self._problem(node, path, f"cannot read {shown(node.value)} as {kind}", "quote it")
            return None
        if isinstance(value, int):
            return max(-LARGEST_NUMBER, min(value, LARGEST_NUMBER))
        return self._whole(value, node, path) if isinstance(value, str) else value

    def _whole(self, text: str, node: yaml.Node, path: Path) -> str:
        """A text without halves of surrogate pairs, which UTF-8 cannot represent."""
        if not _SURROGATE.search(text):
            return text
        message = "half of a surrogate pair (U+D800 to U+DFFF), which is no character"
        self._problem(node, path, message, "write the character itself")
        return _SURROGATE.sub("\ufffd", text)

    def _tag(self, node: yaml.Node, path: Path) -> None:
        tag = node.tag.replace("tag:yaml.org,2002:", "!!")
        self._problem(node, path, f"the tag {shown(tag)} is not supported", "remove it")

    def _problem(self, node: yaml.Node, path: Path, message: str, hint: str) -> None:
        self.problems.append(Problem(self._place(node), dotted(path), message, hint))

    def _place(self, node: yaml.Node) -> Location:
        return Location(self._file, node.start_mark.line + 1, node.start_mark.column + 1)
