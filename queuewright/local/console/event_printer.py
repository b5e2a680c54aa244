"""Tells what happens in the engine: in readable lines, or as Cloud Tasks logs it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TextIO

from queuewright.engine import Event
from queuewright.engine.activity_log import entry, is_sampled
from queuewright.local.console.console import Console, write_line
from queuewright.local.console.event_lines import line


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
    quiet: bool = False
    """Whether no line is said; entries are written all the same."""

    def __call__(self, event: Event) -> None:
        """Tell it."""
        logged = entry(event) if self.log is not None else None
        if self.log is None or logged is None:
            self._say(event)
        elif is_sampled(event):
            write_line(self.log, json.dumps(logged, ensure_ascii=False))

    def _say(self, event: Event) -> None:
        said = None if self.quiet else line(event, verbose=self.verbose)
        if said is not None:
            self.console.say(
                said.source,
                said.text,
                said.level,
                event=event.kind,
                queue=event.queue,
                task=event.task or None,
                principal=event.principal or None,
                attempt=event.attempt or None,
                http_code=event.http_code,
                outcome=event.outcome or None,
            )
