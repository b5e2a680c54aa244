"""A reader that does not read stops nothing."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from typing import TextIO

import pytest

from queuewright.local.console.console import Console
from queuewright.local.console.line_writer import BackgroundLineWriter


@pytest.fixture
def pipe() -> Iterator[tuple[TextIO, TextIO]]:
    """The two ends of a pipe."""
    reading, writing = os.pipe()
    with (
        os.fdopen(reading, encoding="utf-8") as reader,
        os.fdopen(writing, "w", encoding="utf-8") as writer,
    ):
        yield reader, writer


def test_lines_arrive_in_order_before_it_is_closed(pipe: tuple[TextIO, TextIO]) -> None:
    """The last ones, too."""
    reader, stream = pipe
    with BackgroundLineWriter.opened(stream) as writer:
        for number in range(100):
            writer.write(f"line {number}")
    assert [reader.readline() for _ in range(100)] == [f"line {number}\n" for number in range(100)]


def test_lines_that_nobody_reads_are_dropped_and_counted(pipe: tuple[TextIO, TextIO]) -> None:
    """Every line is either printed or among those that the console says are missing."""
    reader, stream = pipe
    seen: list[str] = []
    reading = threading.Thread(target=lambda: seen.extend(json.loads(x)["text"] for x in reader))
    said = 0
    with BackgroundLineWriter.opened(stream, max_characters=10_000, flush_s=60.0) as writer:
        console = Console(stream, as_json=True, writer=writer)
        while said < 1_000:  # a pipe holds 64 KiB
            console.say("mailer", "x" * 200)
            said += 1
        assert writer._dropped
        reading.start()
        while writer._dropped:
            console.say("mailer", "more")
            said += 1
    stream.close()
    reading.join()
    counts = [int(text.partition(" ")[0].replace(",", "")) for text in seen if "dropped" in text]
    assert len(seen) - len(counts) + sum(counts) == said


def test_a_reader_that_never_reads_does_not_keep_it_open(pipe: tuple[TextIO, TextIO]) -> None:
    """The rest is given up."""
    _, stream = pipe
    with BackgroundLineWriter.opened(stream, flush_s=0.0) as writer:
        writer.write("x" * 1_000_000)


def test_a_reader_that_is_gone_stops_nothing() -> None:
    """As after `| head`."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream, BackgroundLineWriter.opened(stream) as writer:
        writer.write("one")
        writer.write("two")
