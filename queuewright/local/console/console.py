"""What `up` prints: lines with the name of who speaks before them, or JSON for programs.

Colour tells the speakers apart at a glance and means nothing; without a terminal there is none.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Literal, TextIO

Level = Literal["info", "warning", "error"]

RESET, BOLD, DIM, RED, YELLOW = "\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[33m"
SPEAKERS = tuple(f"\x1b[{code}m" for code in (36, 32, 35, 34, 96, 92, 95, 94))
ENVIRONMENT, ENGINE = "queuewright", "engine"
WORDS = {"info": "", "warning": "warning: ", "error": "error: "}
# As Cloud Logging names them: https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#logseverity.
SEVERE: dict[str, Level] = {
    "WARNING": "warning",
    "ERROR": "error",
    "CRITICAL": "error",
    "ALERT": "error",
    "EMERGENCY": "error",
}


class Console:
    """Prints lines to `stream`, each whole, in the order in which they come.

    Args:
        stream: where to; standard output unless given.
        as_json: one object a line instead: `{"time", "source", "level", "text", …}`.
        now: the time of a line.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        as_json: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self._stream = stream or sys.stdout or _nowhere()
        self._as_json = as_json
        self._now = now
        self._is_terminal = self._stream.isatty()
        self._speakers: dict[str, str] = {}
        self._width = len(ENVIRONMENT)

    @property
    def as_json(self) -> bool:
        """Whether a program reads it."""
        return self._as_json

    def introduce(self, *speakers: str) -> None:
        """Let the lines of these speakers, and those that were introduced before, be aligned."""
        for speaker in speakers:
            self._speakers.setdefault(speaker, SPEAKERS[len(self._speakers) % len(SPEAKERS)])
        self._width = max(len(speaker) for speaker in (ENVIRONMENT, *self._speakers))

    def say(
        self, source: str, text: str, level: Level = "info", **facts: str | int | float | None
    ) -> None:
        """Print what `source` says: one line for each of the text's own.

        `facts` are what the text says, by name; only a program gets them.
        """
        time = self._now()
        if self._as_json:
            known = {name: fact for name, fact in facts.items() if fact is not None}
            line = {"time": time.isoformat(), "source": source, "level": level, "text": text}
            self._write(json.dumps({**line, **known}, ensure_ascii=False))
            return
        clock = self._styled(f"{time:%H:%M:%S}", DIM)
        speaker = self._styled(f"{source:<{self._width}}", self._speakers.get(source, BOLD))
        style = {"info": "", "warning": YELLOW, "error": RED}[level]
        for line_text in (WORDS[level] + text).splitlines() or [""]:
            self._write(
                f"{clock} {speaker} {self._styled('│', DIM)} {self._styled(line_text, style)}"
            )

    def log(self, source: str, line: str) -> None:
        """Print a line that a handler printed; a structured one as Cloud Logging shows it."""
        severity, text = structured(line)
        level = SEVERE.get(severity, "info")
        if self._as_json:
            self.say(source, text, level, log=line)
        elif level == "info":
            self.say(source, text)
        else:
            self.say(source, text, level)

    def print(self, text: str) -> None:
        """Print a text as it is, to people only."""
        if not self._as_json:
            self._write(text)

    def _styled(self, text: str, style: str) -> str:
        return f"{style}{text}{RESET}" if style and self._is_terminal else text

    def _write(self, line: str) -> None:
        write_line(self._stream, line)


class LogLines(logging.Handler):
    """Prints what our own modules log, such as a bug's traceback, as the engine's lines."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        level: Level = "error" if record.levelno >= logging.ERROR else "warning"
        self._console.say(ENGINE, self.format(record), level)

    @classmethod
    def of(cls, console: Console) -> None:
        """Let every logger of ours print to a console from now on."""
        logging.getLogger("queuewright").addHandler(cls(console))


def write_line(stream: TextIO, line: str) -> None:
    """Write a line at once; where nobody reads any more, as after `| head`, it goes nowhere.

    A line that the disk has no room for is lost: what is told of shall not suffer from it.
    """
    try:
        stream.write(f"{line}\n")
        stream.flush()
    except BrokenPipeError:
        # What is left in its buffer is dropped, too: https://docs.python.org/3/library/signal.html#note-on-sigpipe
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except OSError:
        return


def _nowhere() -> TextIO:
    """A stream for where standard output was closed before the start, as by `>&-`."""
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123


def structured(line: str) -> tuple[str, str]:
    """The severity and the message of a line of log, which may be JSON.

    >>> structured('{"severity": "ERROR", "message": "no such address"}')
    ('ERROR', 'no such address')
    >>> structured("plain text")
    ('', 'plain text')
    """
    # https://cloud.google.com/run/docs/logging#using-json
    if not line.startswith("{"):
        return "", line
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return "", line
    message = entry.get("message")
    if not isinstance(message, str):
        return "", line
    return str(entry.get("severity", "")).upper(), message
