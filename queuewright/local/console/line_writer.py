"""Writes lines to a stream: at once, or in a thread, so that a slow reader stops nothing."""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, Self, TextIO

MAX_WAITING_CHARACTERS: Final = 4 * 1024 * 1024
"""How much may wait for a reader before lines are dropped."""
FLUSH_S: Final = 1.0
"""How long a reader has for the last lines."""


class LineWriter:
    """Writes each line at once."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        """Write a line; if its reader is gone, as after `| head`, the line is dropped.

        A line that does not fit on the disk is lost: printing must not stop the work.
        """
        stream = self._stream
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

    def take_dropped(self) -> int:
        """Return how many lines were dropped since the last call, once there is room again."""
        return 0


class BackgroundLineWriter(LineWriter):
    """Writes lines in a thread; drops lines while too much waits. Made by `opened`.

    It writes to the descriptor: a thread that waits inside the stream would keep the
    interpreter from ending.
    """

    def __init__(self, stream: TextIO, max_characters: int = MAX_WAITING_CHARACTERS) -> None:
        super().__init__(stream)
        self._descriptor = stream.fileno()
        self._encoding = stream.encoding
        self._max_characters = max_characters
        self._waiting: deque[str] = deque()
        self._characters = 0
        self._dropped = 0
        self._is_closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="line writer", daemon=True)

    @classmethod
    @contextmanager
    def opened(
        cls,
        stream: TextIO,
        *,
        max_characters: int = MAX_WAITING_CHARACTERS,
        flush_s: float = FLUSH_S,
    ) -> Iterator[Self]:
        """Write to `stream` until the block ends; then its reader has `flush_s` for the rest."""
        stream.flush()
        writer = cls(stream, max_characters)
        writer._thread.start()
        try:
            yield writer
        finally:
            with writer._changed:
                writer._is_closed = True
                writer._changed.notify()
            writer._thread.join(flush_s)

    def write(self, line: str) -> None:
        """Hand a line to the thread, or drop it."""
        with self._changed:
            if self._characters > self._max_characters:
                self._dropped += 1
                return
            self._waiting.append(line)
            self._characters += len(line)
            self._changed.notify()

    def take_dropped(self) -> int:
        """Return how many lines were dropped since the last call, once there is room again."""
        with self._changed:
            if not self._dropped or self._characters > self._max_characters:
                return 0
            dropped, self._dropped = self._dropped, 0
            return dropped

    def _run(self) -> None:
        while lines := self._next():
            text = "".join(f"{line}\n" for line in lines)
            with suppress(OSError):  # its reader is gone, or the disk is full
                self._write_all(text.encode(self._encoding, "backslashreplace"))
            with self._changed:
                self._characters -= sum(map(len, lines))

    def _next(self) -> list[str]:
        """Wait for lines, and return all of them; none when it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            lines = list(self._waiting)
            self._waiting.clear()
            return lines

    def _write_all(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:  # another process made the descriptor non-blocking
                select.select((), (self._descriptor,), ())
