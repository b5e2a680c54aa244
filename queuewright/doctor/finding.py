"""One thing that was looked at, what was found, and the command that mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Purpose = Literal["here", "deploy"]
"""What the thing is for: `queuewright up` on this machine, or `pulumi up`."""

State = Literal["ok", "missing", "advice", "not checked"]


@dataclass(frozen=True)
class Finding:
    """What was found of one thing.

    `missing`: an `up` fails without it. `advice`: it works, and could be better.
    `not checked`: it takes credentials, a network or a right that is not there.
    """

    purpose: Purpose
    state: State
    subject: str
    text: str
    fix: str | None = None
    """A command to run, or words where no command does it."""
