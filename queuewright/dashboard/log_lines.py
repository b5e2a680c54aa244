"""The lines shown with an attempt: the answer's beginning, and what the handler printed. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from queuewright.dashboard.words import visible
from queuewright.history import AttemptRecord
from queuewright.log_lines import structured

_MOST: Final = 60
_BAD: Final = ("ERROR", "CRITICAL", "ALERT", "EMERGENCY")
_TAGS: Final = re.compile(r"<[^>]+>")
_COLOURS: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Line:
    """A line with its source."""

    label: str
    text: str
    severity: str = ""
    is_bad: bool = False
    is_shared: bool = False
    """Whether it may belong to another request of the same process."""


def answer_lines(attempt: AttemptRecord) -> tuple[Line, ...]:
    """Return the reason why there was no answer, or the beginning of the answer."""
    if attempt.message:
        return (Line("no answer", visible(attempt.message)),)
    if not attempt.body:
        return ()
    text = attempt.body.decode("utf-8", "replace")
    kind = dict(attempt.headers).get("content-type", "")
    if "html" in kind:
        text = " ".join(_TAGS.sub(" ", text).split())
    lines = [line for line in text.splitlines() if line.strip()][:_MOST]
    if attempt.is_cut and lines:
        lines[-1] += " …"
    return tuple(
        Line("answer" if index == 0 else "", visible(line)) for index, line in enumerate(lines)
    )


def handler_lines(attempt: AttemptRecord, handler: str) -> tuple[Line, ...]:
    """Return what the handler printed during an attempt."""
    lines = [
        replace(log_line(each.text, handler), is_shared=each.certainty == "shared")
        for each in attempt.lines[:_MOST]
    ]
    more = attempt.more_lines + max(0, len(attempt.lines) - _MOST)
    if more:
        lines.append(Line("", f"and {more:,} more lines"))
    return tuple(lines)


def log_line(text: str, label: str) -> Line:
    """Return a line of a handler; a structured one as Cloud Logging shows it.

    >>> log_line('{"severity": "ERROR", "message": "no such address"}', "mailer")
    Line(label='mailer', text='no such address', severity='ERROR', is_bad=True, is_shared=False)
    """
    severity, message = structured(_COLOURS.sub("", text))
    severity = "" if severity in ("INFO", "DEFAULT", "DEBUG", "NOTICE") else severity
    return Line(label, visible(message), severity, severity in _BAD)
