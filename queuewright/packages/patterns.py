"""The lines of an ignore file, matched as git matches them: byte by byte.

Matching takes time in proportion to the lengths of the pattern and of the path, multiplied, as
what follows a `*` is looked for once, and its first place is the right one.

A pattern is matched against a path itself, never against the folders above it: the caller asks
for those first. `pathspec` answers for files only, and calls a folder ignored that `!*/` or
`dir/**` keeps open.

https://git-scm.com/docs/gitignore#_pattern_format
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

_UNWRITABLE: Final = re.compile(r"[\r\n\udc80-\udcff]")

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
    "space": r" \t\n\r",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
_PIECE: Final = re.compile(
    r"""
        (?P<any_folders>(?:(?<=/)|\A)\*\*/)        # `**/` at the start or after a slash
      | (?P<all_below>(?:(?<=/)|\A)\*\*\Z)           # `/**` at the end
      | (?P<many>\*+)
      | (?P<one>\?)
      | (?P<set>\[[!^]?+(?>\\.|\[:\w{1,99}:\]|\]|[^\\\]]) (?>\\.|\[:\w{1,99}:\]|[^\\\]])*+ \])
      | (?P<slash>/)
      | \\(?P<escaped>.)
      | (?P<plain>[^\\\[])
    """,
    re.VERBOSE | re.DOTALL,
)
_MEMBER: Final = re.compile(r"\[:(?P<named>\w{1,99}):\]|\\(?P<escaped>.)|(?P<plain>.)", re.DOTALL)


_SPECIAL: Final = re.compile(r"[*?\[\\]")
_MANY: Final = "[^/]*"


@dataclass(frozen=True)
class Pattern:
    """One line of an ignore file.

    Attributes:
        fits: the test of a whole path, relative to the folder of the ignore file; each character
            of it is a byte.
        ignores: false for a line with a `!`, which takes back what an earlier one ignored.
        folders_only: whether it ends in a `/`.
    """

    fits: Callable[[str], object]
    ignores: bool
    folders_only: bool


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
    text = os.fsencode(path).decode("latin-1")
    matching = (
        each for each in reversed(known) if (is_folder or not each.folders_only) and each.fits(text)
    )
    return next(matching, None)


def literal(path: str) -> str:
    r"""The line that stands for this one path, a `/` in front.

    Ends of lines, and bytes that are not UTF-8, become wildcards: an ignore file can't hold them.

    >>> literal("odd [1]*.pem "), literal("a\nb")
    ('/odd \\[1]\\*.pem\\ ', '/a?b')
    """
    escaped = re.sub(r"([\\*?\[])", r"\\\1", path)
    return "/" + re.sub(r" \Z", r"\\ ", _UNWRITABLE.sub("?", escaped))


def _pattern(line: str) -> Pattern | None:
    text = _without_end(line.partition("\0")[0])
    if not text or text.startswith("#"):
        return None
    ignores = not text.startswith("!")
    text = text.removeprefix("!")
    folders_only = text.endswith("/")
    text = text.removesuffix("/")
    if not text:
        return None
    fits = _test(text.encode("utf-8", "surrogateescape").decode("latin-1"))
    return None if fits is None else Pattern(fits, ignores, folders_only)


def _test(text: str) -> Callable[[str], object] | None:
    """The test of a path; None for a glob that matches nothing."""
    is_anchored, glob = "/" in text, text.removeprefix("/")
    # A regular expression takes a hundred microseconds to make, and lists can be long.
    if not _SPECIAL.search(glob):
        below = f"/{glob}"
        return lambda path: path == glob or (not is_anchored and path.endswith(below))
    if not is_anchored and glob[0] == "*" and not _SPECIAL.search(glob, 1):
        end = glob[1:]
        return lambda path: path.endswith(end)
    regex = _regex(glob)
    if regex is None:
        return None
    return re.compile(regex if is_anchored else f"(?:.*/)?+{regex}", re.S).fullmatch


def _without_end(line: str) -> str:
    """A line without the spaces at its end, except one after a backslash that is not escaped."""
    text = line.rstrip(" ")
    backslashes = len(text) - len(text.rstrip("\\"))
    return text + " " if text != line and backslashes % 2 else text


def _regex(text: str) -> str | None:
    """A glob as a regular expression; None where git takes it for nothing, as an open bracket."""
    groups: list[list[str]] = [[]]  # what is between two `**/`
    part: list[str] = []  # what is between two slashes
    at = 0
    while at < len(text):
        piece = _PIECE.match(text, at)
        if piece is None:
            return None
        at = piece.end()
        match piece.lastgroup:
            case "any_folders":
                groups.append([])
            case "all_below":
                part.append(".+")
            case "slash":
                groups[-1].append(_part(part) + "/")
                part = []
            case "many":
                part.append(_MANY)
            case "one":
                part.append("[^/]")
            case "set":
                members = _members(piece["set"])
                if members is None:
                    return None
                part.append(members)
            case kind:
                part.append(re.escape(piece[kind or 0]))
    groups[-1].append(_part(part))
    first, *others = ("".join(group) for group in groups)
    # The first place after a `**/` that fits is the right one, as everything can follow it.
    between = "".join(f"(?>(?:[^/]*/)*?{group})" for group in others[:-1])
    return first + between + "".join(f"(?:[^/]*/)*?{group}" for group in others[-1:])


def _part(pieces: list[str]) -> str:
    """The regular expression of what is between two slashes.

    What follows a `*` is as long as it is written, so its first place is the right one; what
    follows the last `*` is at the end.
    """
    first, *others = _split(pieces)
    if not others:
        return first
    last = f"(?>[^/]*?{others[-1]}(?=/|\\Z))" if others[-1] else "[^/]*+"
    return first + "".join(f"(?>[^/]*?{each})" for each in others[:-1]) + last


def _split(pieces: list[str]) -> list[str]:
    """The pieces before, between and after each `*`."""
    found: list[list[str]] = [[]]
    for piece in pieces:
        if piece is _MANY:
            found.append([])
        else:
            found[-1].append(piece)
    return ["".join(each) for each in found]


def _members(text: str) -> str | None:
    """A bracket expression; it never fits a `/`."""
    is_negated = text[1] in "!^"
    inner = text[2 if is_negated else 1 : -1]
    parts: list[str] = []
    first = None  # of a range, if a `-` follows
    members = deque(_MEMBER.finditer(inner))
    while members:
        member = members.popleft()
        if member["named"]:
            if member["named"] not in _CLASSES:
                return None
            parts.append(_CLASSES[member["named"]])
            first = None
        elif member["plain"] == "-" and first is not None and members and not members[0]["named"]:
            last = _character(members.popleft())
            if first <= last:
                parts.append(f"{re.escape(first)}-{re.escape(last)}")
            first = None
        else:
            first = _character(member)
            parts.append(re.escape(first))
    return f"(?!/)[{'^' if is_negated else ''}{''.join(parts)}]"


def _character(member: re.Match[str]) -> str:
    return member["escaped"] or member["plain"]
