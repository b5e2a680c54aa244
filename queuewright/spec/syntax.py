"""Describes syntax errors in our own words: text that is not YAML, or YAML that we reject."""

from __future__ import annotations

import re

import yaml

from queuewright.errors import Location, Problem

DEEPEST = 100
"""Levels of nesting. A spec needs seven; the rest is for `example`."""

_LINE_END = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")  # YAML 1.1, §5.4, like the library


class Loader(yaml.SafeLoader):
    """YAML's own loader, with a limit on nesting."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose a node, one level below its parent."""
        self._depth += 1
        if self._depth > DEEPEST:
            mark = parent.start_mark if parent is not None else None
            raise yaml.MarkedYAMLError(problem="nested too deep", problem_mark=mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


def syntax_problem(error: yaml.YAMLError, text: str, file: str) -> Problem:
    """The place and the reason why `text` cannot be read."""
    if isinstance(error, yaml.reader.ReaderError):
        place = _place_at(text, error.position, file)
        code = error.character if isinstance(error.character, int) else ord(error.character)
        return Problem(place, "$", f"the character U+{code:04X}, which YAML forbids", "delete it")
    if not isinstance(error, yaml.MarkedYAMLError):
        raise error
    mark = error.problem_mark or error.context_mark
    place = _place_at(text, mark.index, file) if mark else Location(file, 1, 1)
    said = str(error.problem)
    lines = _LINE_END.split(text)
    indent = re.match(r"[ \t]*", lines[place.line - 1])
    tab = indent[0].find("\t") + 1 if indent else 0
    if tab or r"'\t'" in said:
        place = Location(file, place.line, tab or place.column)
        return Problem(place, "$", "a tab", "replace it with spaces: YAML allows no tabs here")
    if said == "nested too deep":
        hint = "is a bracket never closed?"
        return Problem(place, "$", f"nested more than {DEEPEST} levels deep", hint)
    if "another document" in said:
        hint = "remove the `---` between them, or make two files"
        return Problem(place, "$", "contains more than one document", hint)
    return Problem(place, "$", f"not YAML: {_first_line(said)}", _fix(said))


def _fix(said: str) -> str:
    if "mapping values are not allowed" in said:
        return "is the indentation right? quote text that contains `: `"
    if "could not find expected ':'" in said:
        return "is a `:` missing after a key?"
    if "undefined alias" in said:
        return "quote text that starts with `*`"
    if "expected ',' or" in said:
        return "is a `}` or `]` missing, or a `,` between two entries?"
    if "cannot start any token" in said:
        return "quote text that starts with `@`, `%` or a backtick"
    if "unexpected end of stream" in said:
        return "is every quote closed?"
    if "incompatible YAML document" in said:
        return "remove the line that starts with `%`"
    return "is the indentation right, and is every quote closed?"


def _first_line(said: str) -> str:
    return said if said.isprintable() else ascii(said)[1:-1]


def _place_at(text: str, index: int, file: str) -> Location:
    """The place of a character, or of the last one before trailing whitespace."""
    before = text[: min(index, len(text.rstrip()))]
    ends = [end.end() for end in _LINE_END.finditer(before)]
    return Location(file, len(ends) + 1, len(before) - (ends[-1] if ends else 0) + 1)
