"""The errors a user can cause, each with what, where and a way out.

::

    QueuewrightError
     ├── SpecError      the user's file: every problem, each at its place
     ├── Refusal        what the emulated Cloud Tasks API refuses: code and text
     └── TargetError    something outside failed: a port, a handler, a credential

Any other exception is a bug of ours and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class QueuewrightError(Exception):
    """Anything that a user can cause and mend."""


@dataclass(frozen=True, order=True)
class Location:
    """A place in a file; line and column count from 1, as editors do."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a spec: where, what, and what to do about it."""

    location: Location | None
    """None for an argument of a component: the traceback shows the line of the program."""
    path: str
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        place = f"{self.location}: " if self.location is not None else ""
        text = f"{place}{self.path}: {self.message}"
        return f"{text}\n  hint: {self.hint}" if self.hint else text


class SpecError(QueuewrightError):
    """A spec that cannot be used; carries every problem found, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=_place))
        super().__init__("\n".join(map(str, self.problems)))


def _place(problem: Problem) -> Location:
    return problem.location or Location("", 0, 0)


class Refusal(QueuewrightError):
    """A call that the emulated API refuses.

    Args:
        code: the name of a canonical status, such as `"NOT_FOUND"`
            (https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto).
        message: Google's own text where it is recorded.
        details: serialized-as-is protobuf messages for `google.rpc.Status.details`.
    """

    def __init__(self, code: str, message: str, *details: object) -> None:
        self.code = code
        self.message = message
        self.details = details
        super().__init__(f"{code}: {message}")


class TargetError(QueuewrightError):
    """Something outside the spec failed; `hint` says what to do."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.hint = hint
        super().__init__(f"{message}\n  hint: {hint}" if hint else message)
