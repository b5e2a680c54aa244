"""Prints what `up` has to say: lines that begin with their source, or JSON for programs.

Colours tell the sources apart at a glance and carry no meaning of their own.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Literal, TextIO

from rich.color import ColorSystem
from rich.console import Console as Terminal
from rich.style import Style

from queuewright.local.console.line_writer import LineWriter
from queuewright.log_lines import structured
from queuewright.terminal import coloured, json_text, printable, with_output

Level = Literal["info", "warning", "error"]

ENVIRONMENT, ENGINE = "queuewright", "engine"
LABELS = {"info": "", "warning": "warning: ", "error": "error: "}
STYLES = {"info": Style(), "warning": Style(color="yellow"), "error": Style(color="red")}
DIM, BOLD = Style(dim=True), Style(bold=True)
SOURCES = tuple(
    Style(color=color)
    for color in (
        *("cyan", "green", "magenta", "blue"),
        *("bright_cyan", "bright_green", "bright_magenta", "bright_blue"),
    )
)
# The names of Cloud Logging: https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#logseverity.
SEVERITIES: dict[str, Level] = {
    "WARNING": "warning",
    "ERROR": "error",
    "CRITICAL": "error",
    "ALERT": "error",
    "EMERGENCY": "error",
}


class Console:
    """Prints lines to `stream`, each in one piece, in the order of the calls.

    Control characters are escaped: a text may come from anywhere. Only the lines of handlers keep
    their colours, also where an error quotes them.

    Args:
        stream: standard output unless given.
        as_json: print one object per line instead: `{"time", "source", "level", "text", …}`.
        writer: writes the lines to the stream; at once, unless given.
        now: returns the time of a line.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        as_json: bool = False,
        writer: LineWriter | None = None,
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self._stream = stream or standard_stream("stdout")
        self._writer = writer or LineWriter(self._stream)
        self._as_json = as_json
        self._now = now
        terminal = Terminal(file=self._stream)
        has_colours = terminal.color_system is not None and not terminal.no_color
        self._colours = ColorSystem.STANDARD if has_colours else None
        self._sources: dict[str, Style] = {}
        self._width = len(ENVIRONMENT)
        self.on_log: Callable[[str, str], None] | None = None
        """Called with every line of a handler's output, and its source."""

    def introduce(self, *sources: str) -> None:
        """Align the lines of these sources with those of the sources introduced before."""
        for source in sources:
            self._sources.setdefault(source, SOURCES[len(self._sources) % len(SOURCES)])
        self._width = max(len(source) for source in (ENVIRONMENT, *self._sources))

    def say(
        self, source: str, text: str, level: Level = "info", **facts: str | int | float | None
    ) -> None:
        """Print a text of `source`, line by line.

        `facts` are the values in the text, by name; they are printed as JSON only.
        """
        self._say(source, text, level, printable, facts)

    def fail(self, source: str, text: str, output: Collection[str]) -> None:
        """Print an error of `source`. Its lines that are handlers' `output` keep their colours."""
        self._say(source, text, "error", lambda line: with_output(line, output), {})

    def log(self, source: str, line: str) -> None:
        """Print a line of a handler's output; a structured one as Cloud Logging shows it."""
        if self.on_log is not None:
            self.on_log(source, line)
        severity, text = structured(line)
        level = SEVERITIES.get(severity, "info")
        self._say(source, text, level, coloured, {"log": line})

    def print(self, text: str) -> None:
        """Print a text as it is, unless the console prints JSON."""
        if not self._as_json:
            self._write(printable(text, keep_lines=True))

    def _say(
        self,
        source: str,
        text: str,
        level: Level,
        safe: Callable[[str], str],
        facts: Mapping[str, str | int | float | None],
    ) -> None:
        """Print a text; `safe` makes each line of it safe for a terminal."""
        time = self._now()
        if self._as_json:
            known = {name: fact for name, fact in facts.items() if fact is not None}
            line = {"time": time.isoformat(), "source": source, "level": level, "text": text}
            self._write(json_text({**line, **known}))
            return
        clock = self._styled(f"{time:%H:%M:%S}", DIM)
        shown, style = printable(source), self._sources.get(source, BOLD)
        name = self._styled(f"{shown:<{self._width}}", style)
        bar, style = self._styled("│", DIM), STYLES[level]
        for line_text in (LABELS[level] + text).splitlines() or [""]:
            self._write(f"{clock} {name} {bar} {self._styled(safe(line_text), style)}")

    def _styled(self, text: str, style: Style) -> str:
        return style.render(text, color_system=self._colours) if self._colours else text

    def _write(self, line: str) -> None:
        self._writer.write(line)
        if dropped := self._writer.take_dropped():
            self.say(ENVIRONMENT, dropped_lines(dropped), "warning")


class LogLines(logging.Handler):
    """Prints the log records of our own modules, such as a bug's traceback, as the engine's."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        level: Level = "error" if record.levelno >= logging.ERROR else "warning"
        self._console.say(ENGINE, self.format(record), level)

    @classmethod
    @contextmanager
    def printed(cls, console: Console) -> Iterator[None]:
        """Print the records of all our loggers to a console until the block ends."""
        logger, handler = logging.getLogger("queuewright"), cls(console)
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)


def dropped_lines(count: int) -> str:
    """Return the warning that lines are missing."""
    return f"{count:,} lines before this one were dropped: nobody read them in time"


def standard_stream(name: Literal["stdout", "stderr"]) -> TextIO:
    """Return a standard stream; one that was closed before the start, as by `>&-`, is nowhere."""
    stream: TextIO | None = getattr(sys, name)
    return stream or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123
