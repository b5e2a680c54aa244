"""What is printed: one line each, with its speaker, or an object for programs."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import sys
from datetime import UTC, datetime

import pytest

from queuewright.local.console.console import Console, LogLines
from queuewright.terminal import printable


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(console_to: io.StringIO, *, as_json: bool = False) -> Console:
    return Console(console_to, as_json=as_json, now=lambda: datetime(2026, 1, 1, 9, 5, tzinfo=UTC))


def test_a_line_has_its_time_and_its_source_aligned() -> None:
    """Readable without colour."""
    stream = io.StringIO()
    console = printed(stream)
    console.introduce("mailer", "queue thumbnails")
    console.say("mailer", "hello")
    console.say("queue thumbnails", "task 1 added")
    assert stream.getvalue() == (
        "09:05:00 mailer           │ hello\n09:05:00 queue thumbnails │ task 1 added\n"
    )


class FullDisk(io.StringIO):
    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_line_that_does_not_fit_on_the_disk_is_dropped() -> None:
    """Printing about a task must not fail because the log cannot be written."""
    console = printed(FullDisk())
    console.say("mailer", "hello")
    LogLines(console).emit(logging.makeLogRecord({"msg": "a bug", "levelno": logging.ERROR}))


def test_a_closed_standard_output_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service manager may start a program like that, and so does `>&-`."""
    monkeypatch.setattr(sys, "stdout", None)
    console = Console()
    console.say("mailer", "hello")
    console._stream.close()


def test_a_level_is_a_word() -> None:
    """It is readable without colour."""
    stream = io.StringIO()
    console = printed(stream)
    console.say("mailer", "slow", "warning")
    console.say("mailer", "dead", "error")
    assert stream.getvalue() == (
        "09:05:00 mailer      │ warning: slow\n09:05:00 mailer      │ error: dead\n"
    )


def test_every_line_of_a_text_has_its_source() -> None:
    """So that no line is mistaken for another source's."""
    stream = io.StringIO()
    printed(stream).say("mailer", "one\n  two")
    assert stream.getvalue().splitlines()[1] == "09:05:00 mailer      │   two"


def test_only_a_terminal_gets_colour() -> None:
    """The text is the same."""
    stream, terminal = io.StringIO(), Terminal()
    for each in (stream, terminal):
        console = printed(each)
        console.introduce("mailer")
        console.say("mailer", "dead", "error")
    assert "\x1b[" not in stream.getvalue()
    assert "\x1b[31merror: dead\x1b[0m" in terminal.getvalue()


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('{"severity": "ERROR", "message": "no address"}', "error: no address"),
        ('{"severity": "warning", "message": "slow"}', "warning: slow"),
        ('{"severity": "INFO", "message": "sent", "trace": "1"}', "sent"),
        ('{"message": 5}', '{"message": 5}'),
        ('{"a": 1}', '{"a": 1}'),
        ("{broken", "{broken"),
        ("[red]markup[/red]", "[red]markup[/red]"),
        ("", ""),
    ],
)
def test_a_handlers_line_is_shown_as_cloud_logging_shows_it(line: str, shown: str) -> None:
    """A structured entry by its message and severity, any other line unchanged."""
    stream = io.StringIO()
    printed(stream).log("mailer", line)
    assert stream.getvalue() == f"09:05:00 mailer      │ {shown}".rstrip() + (
        " \n" if not shown else "\n"
    )


def test_a_program_gets_one_object_a_line() -> None:
    """With the values by name, and without the table."""
    stream = io.StringIO()
    console = printed(stream, as_json=True)
    console.print("a table")
    console.say("queue emails", "task 1\nadded", task="1", attempt=None)
    console.log("mailer", '{"severity": "ERROR", "message": "no"}')
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [
        {
            "time": "2026-01-01T09:05:00+00:00",
            "source": "queue emails",
            "level": "info",
            "text": "task 1\nadded",
            "task": "1",
        },
        {
            "time": "2026-01-01T09:05:00+00:00",
            "source": "mailer",
            "level": "error",
            "text": "no",
            "log": '{"severity": "ERROR", "message": "no"}',
        },
    ]


def test_a_reader_that_goes_away_stops_nothing() -> None:
    """As after `| head`: the rest is dropped, and the program goes on."""
    reading, writing = os.pipe()
    with open(writing, "w") as stream:  # noqa: PTH123 - a descriptor
        console = Console(stream)
        os.close(reading)
        console.say("mailer", "one")
        console.say("mailer", "two")


def test_our_log_records_are_lines_of_the_engine() -> None:
    """With the traceback, if there is one."""
    stream = io.StringIO()
    lines = LogLines(printed(stream))
    lines.handle(logging.makeLogRecord({"msg": "a bad %s", "args": ("one",), "levelno": 30}))
    try:
        raise RuntimeError("a bug")
    except RuntimeError:
        facts = {"msg": "it failed", "levelno": 40, "exc_info": sys.exc_info()}
        lines.handle(logging.makeLogRecord(facts))
    text = stream.getvalue()
    assert text.startswith("09:05:00 engine      │ warning: a bad one\n")
    assert "│ error: it failed\n" in text
    assert text.endswith("│ RuntimeError: a bug\n")


def test_debug_records_are_not_printed() -> None:
    """Only warnings and errors are."""
    assert LogLines(Console(io.StringIO())).level == logging.WARNING


# What comes from outside

CLIPBOARD = "\x1b]52;c;aGk=\x07"


def test_a_text_cannot_control_the_terminal() -> None:
    """A task's body or name may hold anything; its source and a table are no different."""
    stream = io.StringIO()
    console = printed(stream)
    console.say(f"queue {CLIPBOARD}", f"task {CLIPBOARD}\x9b2J\x7f\r\x1b[31mred")
    console.print(f"a table\n{CLIPBOARD}")
    console.log("mailer", CLIPBOARD)
    console.log("mailer", json.dumps({"message": CLIPBOARD}))
    assert not set(stream.getvalue()) & set("\x1b\x07\x9b\x7f\r")
    assert "a table\n\\x1b]52" in stream.getvalue()


def test_the_colours_of_quoted_output_stay_and_no_others() -> None:
    """An error has words of ours and lines of a handler."""
    stream = io.StringIO()
    red = f"    \x1b[31mred{CLIPBOARD}"
    printed(stream).fail("mailer", f"\x1b[31m failed\n{red}\n \x1b[31m", [red])
    ours, quoted, rest = stream.getvalue().splitlines()
    assert "\x1b" not in ours + rest
    assert quoted.endswith(f"    \x1b[31mred{printable(CLIPBOARD)}\x1b[0m")


def test_a_handlers_own_colours_stay() -> None:
    """And end with its line."""
    stream = io.StringIO()
    printed(stream).log("mailer", "\x1b[32mgreen")
    assert stream.getvalue().endswith("│ \x1b[32mgreen\x1b[0m\n")


def test_json_cannot_control_the_terminal_either() -> None:
    """JSON leaves DEL and C1 as they are; escaped, they mean the same."""
    stream = io.StringIO()
    printed(stream, as_json=True).say("mailer", f"\x7f\x9d{CLIPBOARD}", task="\x9b")
    assert not set(stream.getvalue()) & set("\x1b\x07\x9b\x9d\x7f")
    assert json.loads(stream.getvalue())["text"] == f"\x7f\x9d{CLIPBOARD}"


def test_log_records_are_printed_until_the_block_ends() -> None:
    """A console that is closed gets no record of a later run in the same process."""
    stream, logger = io.StringIO(), logging.getLogger("queuewright.engine")
    with LogLines.printed(printed(stream)):
        logger.warning("inside")
    logger.warning("outside")
    assert "inside" in stream.getvalue()
    assert "outside" not in stream.getvalue()
