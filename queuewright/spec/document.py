"""YAML that remembers where each value was written. The only reader of YAML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from queuewright.errors import Location, Problem, SpecError

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Node:
    """A value and the place where it was written: of its key, or of the list's item.

    `value` is a scalar, a `dict[str, Node]` or a `list[Node]`.
    """

    place: Location
    value: Any

    def at(self, path: Path) -> Node | None:
        """The node at `path` below this one, if it was written."""
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
        """The place of `path`, or of its nearest ancestor that was written."""
        while (node := self.at(path)) is None:
            path = path[:-1]
        return node.place

    def entries(self, *path: str) -> Iterator[tuple[str, Node]]:
        """The entries of the map at `path`; none where there is no map."""
        node = self.at(path)
        if node is not None and isinstance(node.value, dict):
            yield from node.value.items()

    def plain(self) -> Any:
        """The value as maps, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def read(text: str, file: str) -> tuple[Node, list[Problem]]:
    """Read a YAML text whose top is a map, with what is wrong in a text that can still be read.

    Raises:
        SpecError: where it is not YAML, is empty, or is no map.
    """
    top = Location(file, 1, 1)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise SpecError([_syntax(error, text, file)]) from None
    except yaml.reader.ReaderError as error:
        place = _place_of(text, error.position, file)
        message = f"a character that YAML does not allow: {ord(str(error.character)):#06x}"
        raise SpecError([Problem(place, "$", message, "delete it")]) from None
    except RecursionError:
        raise SpecError([Problem(top, "$", "nested too deep to read")]) from None
    if root is None:
        hint = "start with `project: my-project` and `location: europe-west1`"
        raise SpecError([Problem(top, "$", "the file is empty", hint)])
    builder = _Builder(file)
    node = builder.build(root, ())
    if not isinstance(node.value, dict):
        hint = "write keys such as `queues:` at the left edge"
        raise SpecError([Problem(node.place, "$", "the file is not a map", hint)])
    return node, builder.problems


def dotted(path: Path) -> str:
    """A path as people write it.

    >>> dotted(("queues", "emails", "enqueuers", 0))
    'queues.emails.enqueuers[0]'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "$"


class _Builder:
    """Turns YAML's nodes into ours, noting what is wrong on the way."""

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._scalars = yaml.SafeLoader("")
        self._open: set[int] = set()

    def build(self, node: yaml.Node, path: Path, key: yaml.Node | None = None) -> Node:
        place = self._place(key or node)
        if id(node) in self._open:
            self._problem(node, path, "an alias that contains itself", "write the value out")
            return Node(place, None)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return Node(place, self._map(node, path))
            if isinstance(node, yaml.SequenceNode):
                items = [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
                return Node(place, items)
            return Node(place, self._scalar(node, path))
        finally:
            self._open.discard(id(node))

    def _map(self, node: yaml.MappingNode, path: Path) -> dict[str, Node]:
        result: dict[str, Node] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(key_node, path, "a key must be text", None)
                continue
            key = key_node.value
            child = (*path, key)
            if key_node.tag == "tag:yaml.org,2002:merge":
                self._problem(key_node, child, "merge keys are not supported", "use `extends`")
            elif key in result:
                hint = f"the first is at line {result[key].place.line}; keep one of them"
                self._problem(key_node, child, "written twice", hint)
            else:
                result[key] = self.build(value_node, child, key_node)
        return result

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        if node.tag == "tag:yaml.org,2002:timestamp":
            return node.value
        try:
            return self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError):
            self._problem(node, path, f"cannot read {node.value!r} as `{node.tag}`", "quote it")
            return None

    def _problem(self, node: yaml.Node, path: Path, message: str, hint: str | None) -> None:
        self.problems.append(Problem(self._place(node), dotted(path), message, hint))

    def _place(self, node: yaml.Node) -> Location:
        return Location(self._file, node.start_mark.line + 1, node.start_mark.column + 1)


def _syntax(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    place = Location(file, mark.line + 1, mark.column + 1) if mark else Location(file, 1, 1)
    line = text.splitlines()[place.line - 1] if place.line <= len(text.splitlines()) else ""
    if "\t" in line:
        place = Location(file, place.line, line.index("\t") + 1)
        return Problem(place, "$", "a tab", "YAML indents with spaces; put spaces in its place")
    return Problem(place, "$", f"not YAML: {error.problem}", _way_out(str(error.problem)))


def _way_out(problem: str) -> str:
    if "mapping values are not allowed" in problem:
        return "is the indentation right? quote a text that holds `: `"
    if "could not find expected ':'" in problem:
        return "is a `:` missing after a key?"
    if "undefined alias" in problem:
        return "quote a text that starts with `*`"
    if "expected ',' or" in problem:
        return "is a `}` or `]` missing, or a `,` between two entries?"
    return "is the indentation right, and is every quote closed?"


def _place_of(text: str, position: int, file: str) -> Location:
    before = text[:position]
    return Location(file, before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)
