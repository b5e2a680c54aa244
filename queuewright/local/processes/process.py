"""One process: its start, its readiness, its output and its end."""

from __future__ import annotations

import asyncio
import codecs
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Self

from queuewright.cloud_tasks.durations import written_duration
from queuewright.errors import TargetError
from queuewright.local.processes.background import BackgroundTasks, cancel
from queuewright.local.processes.groups import Child, ProcessGroups
from queuewright.local.processes.readiness import serving

STARTUP_S = 60.0
"""How long a process may take until it serves. (Cloud Run allows 240 s; here somebody waits.)"""
GRACE_S = 10.0
"""How long it may take to stop: https://cloud.google.com/run/docs/container-contract#instance-shutdown."""
OUTPUT_S = 1.0
"""How long its output is read after its end, where another process holds the pipe open."""
KEPT_LINES = 15
NOWHERE = ("", 0)
"""The address of a process that does not listen."""
LONGEST_LINE = 8192
"""Characters; a longer line is printed in pieces."""


class Process:
    """A process; one that serves, or will soon serve, has an `address` (host, port)."""

    def __init__(
        self,
        groups: ProcessGroups,
        background: BackgroundTasks,
        name: str,
        child: Child,
        on_line: Callable[[str], None],
        address: tuple[str, int] = NOWHERE,
    ) -> None:
        self.address = address
        self.last_lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._groups = groups
        self._child = child
        self._on_line = on_line
        self._reading = background.keep(name, "reading its output", self._read)

    @classmethod
    async def start(
        cls,
        groups: ProcessGroups,
        background: BackgroundTasks,
        name: str,
        argv: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        on_line: Callable[[str], None],
        address: tuple[str, int] = NOWHERE,
    ) -> Self:
        """Start the process of handler `name`; `on_line` gets each line that it prints.

        Raises:
            MissingProgramError: the program does not exist.
        """
        child = await groups.start(argv, folder=folder, environment=environment)
        return cls(groups, background, name, child, on_line, address)

    @property
    def pid(self) -> int:
        """The id of the process, and of its group."""
        return self._child.pid

    async def ready(self, timeout_s: float = STARTUP_S) -> None:
        """Return when it serves.

        Raises:
            TargetError: it ended before, or does not serve after `timeout_s` seconds.
        """
        probe = asyncio.create_task(serving(*self.address))
        ended = asyncio.create_task(self.ended())
        try:
            await asyncio.wait(
                (probe, ended), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            if ended.done() or self._child.code is not None:
                raise self._error(f"ended before it served, {await ended}")
            if not probe.done():
                waited = written_duration(timedelta(seconds=timeout_s))
                raise self._error(
                    f"does not listen on port {self.address[1]} after {waited}",
                    hint="it must serve on $PORT, as on Cloud Run",
                )
            probe.result()
        finally:
            for task in (probe, ended):
                task.cancel()
            await asyncio.gather(probe, ended, return_exceptions=True)

    async def began(self, sign: Coroutine[None, None, object], after_s: float) -> bool:
        """Wait until `sign` ends, it has lived for `after_s` seconds, or it has ended by itself.

        Returns:
            Whether it lives; False after exit code 0.

        Raises:
            TargetError: it failed.
        """
        shown = asyncio.create_task(sign)
        ended = asyncio.create_task(self.ended())
        try:
            await asyncio.wait((shown, ended), timeout=after_s, return_when=asyncio.FIRST_COMPLETED)
            if self._child.code is None:
                return True
            how = await ended
            if self._child.code != 0:
                raise self._error(f"ended when it had just begun, {how}")
            return False
        finally:
            for task in (shown, ended):
                task.cancel()
            await asyncio.gather(shown, ended, return_exceptions=True)

    async def ended(self) -> str:
        """Wait until it has ended, and return how: `exit code 3` or `signal 9`."""
        code = await self._child.wait()
        await asyncio.wait([self._reading], timeout=OUTPUT_S)
        return f"exit code {code}" if code >= 0 else f"signal {-code}"

    async def stop(self, grace_s: float = GRACE_S, *, waits_for_all: bool = False) -> None:
        """Stop it and everything that it started; see `ProcessGroups.end`."""
        await self._groups.end(self._child, grace_s, waits_for_all=waits_for_all)
        await asyncio.wait([self._reading], timeout=OUTPUT_S)
        await cancel(self._reading)
        self._child.close()

    def _error(self, what: str, *, hint: str | None = None) -> TargetError:
        """`what` happened, with the last lines that it printed."""
        output = [f"    {line}" for line in self.last_lines]
        return TargetError("\n".join((what, *output)), hint=hint, output=output)

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
