"""The result of one check, with the command that fixes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Purpose = Literal["here", "deploy"]
"""What needs it: `queuewright up` on this machine, or `pulumi up`."""

State = Literal["ok", "missing", "advice", "not checked"]


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    `missing`: an `up` fails without it. `advice`: it works but could be better.
    `not checked`: the check needs credentials, a network or a right that is missing.
    """

    purpose: Purpose
    state: State
    subject: str
    text: str
    fix: str | None = None
    """A command, or a sentence if no command does it."""
