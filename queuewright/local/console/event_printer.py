"""Prints the events of the engine: as readable lines, or as Cloud Tasks logs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from queuewright.engine import Event, events, is_sampled, log_entry
from queuewright.local.console.console import ENVIRONMENT, Console, dropped_lines
from queuewright.local.console.event_lines import facts, line
from queuewright.local.console.line_writer import LineWriter
from queuewright.terminal import json_text


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
    log: LineWriter | None = None
    is_kept: bool = True
    """Whether tasks survive the end of the engine."""
    allowed: Callable[[str], int | None] = lambda _: None
    """The attempts that the file allows, by a queue's full name, if the queue makes some more to
    bury dead letters."""

    def __call__(self, event: Event) -> None:
        """Print an event."""
        logged = log_entry(event) if self.log is not None else None
        if self.log is None or logged is None:
            self._print(event)
        elif is_sampled(event):
            self.log.write(json_text(logged))
            if dropped := self.log.take_dropped():
                self.console.say(ENVIRONMENT, dropped_lines(dropped), "warning")

    def _print(self, event: Event) -> None:
        if isinstance(event, events.QueueChange) and event.origin == "program":
            return  # the environment made this change, and prints its own lines
        if isinstance(event, events.AttemptEnded):
            allowed = self.allowed(event.queue)
            if allowed is not None and event.attempt <= allowed:
                event = replace(event, max_attempts=allowed)
        shown = line(event, verbose=self.verbose, is_kept=self.is_kept)
        if shown is not None:
            if isinstance(event, events.QueueCreated):
                self.console.introduce(shown.source)
            self.console.say(shown.source, shown.text, shown.level, **facts(event))
