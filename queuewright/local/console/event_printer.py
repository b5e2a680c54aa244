"""Tells what happens in the engine: in readable lines, or as Cloud Tasks logs it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TextIO

from queuewright.engine import Event, events, is_sampled, log_entry
from queuewright.local.console.console import Console, write_line
from queuewright.local.console.event_lines import facts, line


@dataclass
class Teller:
    """Tells an event when it is called with one.

    Without `log`, everything is a line on the console. With it, the operations that Cloud Tasks
    logs are written there, one entry a line and sampled as their queues say; what it does not
    log, such as a full disk, stays a line on the console.
    """

    console: Console
    verbose: bool = False
    """Whether the start of each attempt is worth a line."""
    log: TextIO | None = None

    def __call__(self, event: Event) -> None:
        """Tell it."""
        logged = log_entry(event) if self.log is not None else None
        if self.log is None or logged is None:
            self._say(event)
        elif is_sampled(event):
            write_line(self.log, json.dumps(logged, ensure_ascii=False))

    def _say(self, event: Event) -> None:
        if isinstance(event, events.QueueChange) and event.origin == "program":
            return  # the environment made this change, and prints its own lines
        said = line(event, verbose=self.verbose)
        if said is not None:
            self.console.say(said.source, said.text, said.level, **facts(event))
