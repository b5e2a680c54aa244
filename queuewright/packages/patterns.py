"""The lines of an ignore file, matched as git matches them.

A pattern is matched against a path itself, never against the folders above it: the caller asks
for those first. `pathspec` answers for files only, and calls a folder ignored that `!*/` or
`dir/**` keeps open.

https://git-scm.com/docs/gitignore#_pattern_format
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

# The classes that git knows between brackets (wildmatch.c), for ASCII as there.
_CLASSES: Final = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    "space": r"\s",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
_PIECE: Final = re.compile(
    r"""
        (?P<any_folders>(?:(?<=/)|\A)\*\*/)        # `**/` at the start or after a slash
      | (?P<all_below>(?:(?<=/)|\A)\*\*\Z)           # `/**` at the end
      | (?P<many>\*+)
      | (?P<one>\?)
      | (?P<set>\[[!^]?(?:\\.|\[:\w+:\]|\]|[^\\\]]) (?:\\.|\[:\w+:\]|[^\\\]])* \])
      | \\(?P<escaped>.)
      | (?P<plain>[^\\\[])
    """,
    re.VERBOSE | re.DOTALL,
)
_MEMBER: Final = re.compile(r"\[:(?P<named>\w+):\]|\\(?P<escaped>.)|(?P<plain>.)", re.DOTALL)


@dataclass(frozen=True)
class Pattern:
    """One line of an ignore file.

    Attributes:
        regex: fits a whole path, relative to the folder of the ignore file.
        ignores: false for a line with a `!`, which takes back what an earlier one ignored.
        folders_only: whether it ends in a `/`.
    """

    regex: re.Pattern[str]
    ignores: bool
    folders_only: bool

    def matches(self, path: str, *, is_folder: bool) -> bool:
        """Whether it is about this very path."""
        return (is_folder or not self.folders_only) and self.regex.fullmatch(path) is not None


def patterns(lines: Iterable[str]) -> list[Pattern]:
    """The patterns of an ignore file's lines; comments and patterns that are wrong are none."""
    found = (_pattern(line) for line in lines)
    return [each for each in found if each is not None]


def last_match(known: Sequence[Pattern], path: str, *, is_folder: bool) -> Pattern | None:
    """The pattern that decides on a path: the last that matches it.

    >>> known = patterns(["*.log", "!keep.log"])
    >>> [last_match(known, name, is_folder=False) == each
    ...  for name, each in [("a.log", known[0]), ("keep.log", known[1]), ("main.py", None)]]
    [True, True, True]
    """
    matching = (each for each in reversed(known) if each.matches(path, is_folder=is_folder))
    return next(matching, None)


def literal(path: str) -> str:
    r"""The line that stands for this one path, a `/` in front.

    >>> literal("odd [1]*.pem ")
    '/odd \\[1]\\*.pem\\ '
    """
    escaped = re.sub(r"([\\*?\[])", r"\\\1", path)
    return "/" + re.sub(r" \Z", r"\\ ", escaped)


def _pattern(line: str) -> Pattern | None:
    text = re.sub(r"(?<!\\) +\Z", "", line)
    if not text or text.startswith("#"):
        return None
    ignores = not text.startswith("!")
    text = text.removeprefix("!")
    folders_only = text.endswith("/")
    text = text.removesuffix("/")
    if not text:
        return None
    is_anchored = "/" in text
    regex = _regex(text.removeprefix("/"))
    if regex is None:
        return None
    return Pattern(
        re.compile(regex if is_anchored else f"(?:.*/)?{regex}", re.S), ignores, folders_only
    )


def _regex(text: str) -> str | None:
    """A glob as a regular expression; None where git takes it for nothing, as an open bracket."""
    parts: list[str] = []
    at = 0
    while at < len(text):
        piece = _PIECE.match(text, at)
        if piece is None:
            return None
        at = piece.end()
        match piece.lastgroup:
            case "any_folders":
                parts.append("(?:.*/)?")
            case "all_below":
                parts.append(".+")
            case "many":
                parts.append("[^/]*")
            case "one":
                parts.append("[^/]")
            case "set":
                members = _members(piece["set"])
                if members is None:
                    return None
                parts.append(members)
            case kind:
                parts.append(re.escape(piece[kind or 0]))
    return "".join(parts)


def _members(text: str) -> str | None:
    """A bracket expression; it never fits a `/`."""
    is_negated = text[1] in "!^"
    inner = text[2 if is_negated else 1 : -1]
    parts: list[str] = []
    first = None  # of a range, if a `-` follows
    members = list(_MEMBER.finditer(inner))
    while members:
        member = members.pop(0)
        if member["named"]:
            if member["named"] not in _CLASSES:
                return None
            parts.append(_CLASSES[member["named"]])
            first = None
        elif member["plain"] == "-" and first is not None and members and not members[0]["named"]:
            last = _character(members.pop(0))
            if first <= last:
                parts.append(f"{re.escape(first)}-{re.escape(last)}")
            first = None
        else:
            first = _character(member)
            parts.append(re.escape(first))
    return f"(?!/)[{'^' if is_negated else ''}{''.join(parts)}]"


def _character(member: re.Match[str]) -> str:
    return member["escaped"] or member["plain"]
