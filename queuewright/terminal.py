"""Makes text from outside safe to print on a terminal.

A task's body or a handler's line may hold escape sequences that write the clipboard, rename the
window or hide what was printed before (https://invisible-island.net/xterm/ctlseqs/ctlseqs.html).
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Collection
from typing import Final

# C0 except tab, DEL, C1; line and paragraph separators; the marks that turn text around:
# https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters.
_UNSAFE: Final = (
    r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    r"\ud800-\udfff]"
)
_SGR: Final = r"\x1b\[[0-9;:]*m"
"""Select Graphic Rendition: colours and weights, and nothing else."""

_unsafe: Final = re.compile(_UNSAFE)
_unsafe_but_colours: Final = re.compile(rf"({_SGR})|{_UNSAFE}")
_has_colours: Final = re.compile(_SGR).search
# One number of up to three digits, or one that is left out.
_NUMBER: Final = r"\d{0,3}"
# Colours by index or by red, green and blue: ECMA-48 and xterm with `;`, ISO 8613-6 with `:`.
_COLOUR: Final = (
    rf"[345]8(?:;5;{_NUMBER}|;2(?:;{_NUMBER}){{3}}|:5:{_NUMBER}|:2(?::{_NUMBER}){{3,6}})(?![^;])"
)
_parameters: Final = re.compile(rf"(?:^|;)({_COLOUR}|[^;]*)").findall
_is_colour: Final = re.compile(_COLOUR).fullmatch
_is_underline: Final = re.compile(r"4:[0-5]").fullmatch
_CONCEAL: Final = 8
_HIGHEST: Final = 107
_RESET: Final = "\x1b[0m"


def printable(text: str, *, keep_lines: bool = False) -> str:
    r"""Return `text` with every control character escaped; tabs stay.

    Args:
        text: what to print.
        keep_lines: line ends stay, too.

    >>> printable("title \x1b]0;gone\x07")
    'title \\x1b]0;gone\\x07'
    """
    if keep_lines:
        return "\n".join(_unsafe.sub(_escaped, line) for line in text.split("\n"))
    return _unsafe.sub(_escaped, text)


def coloured(line: str) -> str:
    r"""Return a line of a handler with its colours, and everything else escaped.

    The parameter that conceals text is left out.

    >>> coloured("\x1b[31mred\x1b]52;c;aGk=\x07")
    '\x1b[31mred\\x1b]52;c;aGk=\\x07\x1b[0m'
    """
    safe = _unsafe_but_colours.sub(
        lambda match: _visible(match[1]) if match[1] else _escaped(match), line
    )
    return f"{safe}{_RESET}" if _has_colours(safe) else safe


def with_output(text: str, output: Collection[str]) -> str:
    r"""Return a text of several lines; those that are lines of a handler's output keep colours.

    >>> with_output("\x1b[1mfailed:\n  \x1b[31mred", ["  \x1b[31mred"])
    '\\x1b[1mfailed:\n  \x1b[31mred\x1b[0m'
    """
    lines = text.split("\n")
    return "\n".join(coloured(line) if line in output else printable(line) for line in lines)


def shell_word(text: str) -> str:
    r"""Return a text as a word of a shell command that can be printed, copied and pasted.

    >>> print(shell_word("it's.pem"), shell_word("a\x1bb"))
    'it'"'"'s.pem' "$(printf 'a\033b')"
    """
    if not _unsafe.search(text) and "\t" not in text:
        return shlex.quote(text)
    octal = (chr(c) if c < 0x80 and chr(c).isalnum() else f"\\{c:03o}" for c in os.fsencode(text))
    return f"\"$(printf '{''.join(octal)}')\""


def json_text(value: object, indent: int | None = None) -> str:
    r"""Return a value as JSON that is safe to print; those who read it get the same value.

    >>> print(json_text({"title": "\x9d0;gone\x7f"}))
    {"title": "\u009d0;gone\u007f"}
    """
    lines = json.dumps(value, indent=indent, ensure_ascii=False).split("\n")
    return "\n".join(_unsafe.sub(lambda match: f"\\u{ord(match[0]):04x}", line) for line in lines)


def _visible(sequence: str) -> str:
    r"""A graphic rendition without the parameter that conceals text.

    >>> [_visible(f"\x1b[{text}m")[2:-1] for text in ("1;8", "38;5;8", "8", "38;2;1;2;8;08;4", "")]
    ['1', '38;5;8', '', '38;2;1;2;8;4', '']
    """
    kept = filter(_is_harmless, _parameters(sequence[2:-1]))
    return f"\x1b[{text}m" if (text := ";".join(kept)) or sequence == "\x1b[m" else ""


def _is_harmless(parameter: str) -> bool:
    """Whether a parameter, or several that make a colour, conceal nothing in any terminal.

    One terminal reads `:` as `;`, another drops the high bits of a large number.
    """
    if _is_colour(parameter) or _is_underline(parameter):
        return True
    number = parameter.lstrip("0") or "0"
    is_known = number.isdecimal() and len(number) <= len(str(_HIGHEST)) and int(number) <= _HIGHEST
    return is_known and int(number) not in (_CONCEAL, 38, 48, 58)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
