"""Prints the events of the engine: as readable lines, or as Cloud Tasks logs them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TextIO

from queuewright.engine import Event
from queuewright.engine.activity_log import entry, is_sampled
from queuewright.local.console.console import Console, write_line
from queuewright.local.console.event_lines import line


@dataclass
class EventPrinter:
    """Prints the event that it is called with.

    Without `log`, every event is a line on the console. With `log`, the operations that Cloud
    Tasks logs are written there as one JSON entry per line, sampled as their queues say; other
    events, such as a full disk, stay lines on the console.
    """

    console: Console
    verbose: bool = False
    """Print a line for the start of each attempt, too."""
    log: TextIO | None = None
    quiet: bool = False
    """Print no lines on the console; entries are still written to `log`."""

    def __call__(self, event: Event) -> None:
        """Print an event."""
        logged = entry(event) if self.log is not None else None
        if self.log is None or logged is None:
            self._print(event)
        elif is_sampled(event):
            write_line(self.log, json.dumps(logged, ensure_ascii=False))

    def _print(self, event: Event) -> None:
        shown = None if self.quiet else line(event, verbose=self.verbose)
        if shown is not None:
            self.console.say(
                shown.source,
                shown.text,
                shown.level,
                event=event.kind,
                queue=event.queue,
                task=event.task or None,
                principal=event.principal or None,
                attempt=event.attempt or None,
                http_code=event.http_code,
                outcome=event.outcome or None,
            )
