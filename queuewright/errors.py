"""The errors that a user can cause; each says what is wrong, where, and how to fix it.

::

    QueuewrightError
     ├── SpecError      wrong files: every problem, each with its place
     ├── Refusal        a call that the emulated Cloud Tasks API rejects: code and text
     └── TargetError    something outside failed: a port, a handler, a credential

Any other exception is a bug of ours and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class QueuewrightError(Exception):
    """An error that a user can cause and fix."""


@dataclass(frozen=True, order=True)
class Location:
    """A place in a file; line and column count from 1, as in editors."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a file: where, what, and how to fix it."""

    location: Location | None
    """None for an argument of a component: the traceback shows the line of the program."""
    path: str
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        place = f"{self.location}: " if self.location is not None else ""
        text = f"{place}{self.path}: {self.message}"
        return f"{text}\n  hint: {self.hint}" if self.hint else text


MAX_SHOWN_PROBLEMS = 100


class SpecError(QueuewrightError):
    """A file that cannot be used; has every problem found, in file order.

    Its text has the first `MAX_SHOWN_PROBLEMS`, and says how many more there are.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=_place))
        lines = [str(problem) for problem in self.problems[:MAX_SHOWN_PROBLEMS]]
        if (more := len(self.problems) - MAX_SHOWN_PROBLEMS) > 0:
            lines.append(f"and {more:,} more")
        super().__init__("\n".join(lines))


def _place(problem: Problem) -> tuple[str, int, int]:
    place = problem.location  # compared as a tuple: there may be many problems
    return (place.file, place.line, place.column) if place is not None else ("", 0, 0)


class Refusal(QueuewrightError):
    """A call that the emulated API rejects.

    Args:
        code: the name of a canonical status, such as `"NOT_FOUND"`
            (https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto).
        message: Google's own text, if it is known.
        details: protobuf messages for `google.rpc.Status.details`.
    """

    def __init__(self, code: str, message: str, *details: object) -> None:
        self.code = code
        self.message = message
        self.details = details
        super().__init__(f"{code}: {message}")


class TargetError(QueuewrightError):
    """Something outside the files failed; `hint` says how to fix it.

    `output` has the lines of the message that a handler printed; their colours may be shown.
    """

    def __init__(
        self, message: str, *, hint: str | None = None, output: Iterable[str] = ()
    ) -> None:
        self.hint = hint
        self.output = tuple(output)
        super().__init__(f"{message}\n  hint: {hint}" if hint else message)
