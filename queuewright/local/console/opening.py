"""Opens the console of a command that runs until it is stopped."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Literal

from queuewright.local.console.console import Console, LogLines, standard_stream
from queuewright.local.console.line_writer import BackgroundLineWriter, LineWriter


@contextmanager
def opened_console(*, as_json: bool, has_log: bool) -> Iterator[tuple[Console, LineWriter | None]]:
    """Open the console, and the log of operations if there is one; neither waits for a reader.

    With a log, that is what standard output gets, and the console prints to standard error.
    """
    with ExitStack() as stack:

        def writer(name: Literal["stdout", "stderr"]) -> LineWriter:
            stream = standard_stream(name)
            try:
                stream.fileno()
            except io.UnsupportedOperation:  # a test's own stream
                return LineWriter(stream)
            return stack.enter_context(BackgroundLineWriter.opened(stream))

        name: Literal["stdout", "stderr"] = "stderr" if has_log else "stdout"
        console = Console(standard_stream(name), as_json=as_json, writer=writer(name))
        stack.enter_context(LogLines.printed(console))
        yield console, writer("stdout") if has_log else None
