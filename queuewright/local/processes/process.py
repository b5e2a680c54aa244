"""One process of a handler: from its start, through its readiness, until nothing of it is left."""

from __future__ import annotations

import asyncio
import codecs
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from queuewright.errors import TargetError
from queuewright.local.processes.groups import Child, Nursery
from queuewright.local.processes.readiness import serving

STARTUP_S = 60.0
"""How long a process may take until it serves. (Cloud Run allows 240 s; here somebody waits.)"""
GRACE_S = 10.0
"""How long it may take to stop: https://cloud.google.com/run/docs/container-contract#instance-shutdown."""
LAST_WORDS_S = 1.0
"""How long its output is read after its end, where a grandchild holds it open."""
KEPT_LINES = 15
LONGEST_LINE = 8192
"""Characters; what is longer is printed in pieces."""


class Process:
    """A running process that serves, or is about to, on `host:port`."""

    def __init__(
        self,
        nursery: Nursery,
        child: Child,
        address: tuple[str, int],
        on_line: Callable[[str], None],
    ) -> None:
        self.address = address
        self.last_lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._nursery = nursery
        self._child = child
        self._on_line = on_line
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(
        cls,
        nursery: Nursery,
        argv: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        address: tuple[str, int],
        on_line: Callable[[str], None],
    ) -> Process:
        """Start it; `on_line` gets each line that it prints.

        Raises:
            TargetError: where there is no such program.
        """
        child = await nursery.start(argv, folder=folder, environment=environment)
        return cls(nursery, child, address, on_line)

    @property
    def pid(self) -> int:
        """Its id, and its group's."""
        return self._child.pid

    async def ready(self, timeout_s: float = STARTUP_S) -> None:
        """Return when it serves.

        Raises:
            TargetError: where it ends before, or takes longer than `timeout_s` seconds.
        """
        probe = asyncio.create_task(serving(*self.address))
        ended = asyncio.create_task(self.ended())
        try:
            await asyncio.wait(
                (probe, ended), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            if ended.done() or self._child.code is not None:
                await ended
                raise TargetError(self.obituary(f"ended before it served, {ended.result()}"))
            if not probe.done():
                port = self.address[1]
                raise TargetError(
                    self.obituary(f"does not listen on port {port} after {timeout_s:g} s"),
                    hint="it must serve on $PORT, as on Cloud Run",
                )
        finally:
            for task in (probe, ended):
                task.cancel()
            await asyncio.gather(probe, ended, return_exceptions=True)

    async def ended(self) -> str:
        """Wait until it has ended, and say how: `exit code 3` or `signal 9`."""
        code = await self._child.wait()
        with suppress(TimeoutError):  # what a grandchild holds open is not waited for
            await asyncio.wait_for(asyncio.shield(self._reading), LAST_WORDS_S)
        return f"exit code {code}" if code >= 0 else f"signal {-code}"

    async def stop(self, grace_s: float = GRACE_S) -> None:
        """Stop it and all that it started."""
        await self._nursery.end(self._child, grace_s)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._reading, LAST_WORDS_S)
        self._child.close()

    def obituary(self, what: str) -> str:
        """`what` happened, and the last lines that it printed."""
        return "\n".join((what, *(f"    {line}" for line in self.last_lines)))

    async def _read(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        rest = ""
        while data := await self._child.output.read(65_536):
            *lines, rest = (rest + decoder.decode(data)).split("\n")
            for line in lines:
                self._line(line)
            whole = len(rest) - len(rest) % LONGEST_LINE
            if whole:
                self._line(rest[:whole])
                rest = rest[whole:]
        if rest:
            self._line(rest)

    def _line(self, line: str) -> None:
        line = line.rstrip()
        for start in range(0, max(1, len(line)), LONGEST_LINE):
            piece = line[start : start + LONGEST_LINE]
            self.last_lines.append(piece)
            self._on_line(piece)
