"""A handler that runs here: a process behind its front door, started again whenever it must be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from queuewright.errors import TargetError
from queuewright.local.console.console import Level
from queuewright.local.door.front_door import HOST, Backend, FrontDoor
from queuewright.local.handlers.command import Command
from queuewright.local.processes.groups import Nursery
from queuewright.local.processes.process import STARTUP_S, Process
from queuewright.local.processes.readiness import free_port

FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 1.0, 30.0
SETTLED_S = 60.0
"""A process that lived this long was well: the next restart is the first again."""


class Voice(Protocol):
    """Where a handler's words go."""

    def say(self, source: str, text: str, level: Level = "info") -> None:
        """Take what `source` says of itself."""

    def log(self, source: str, line: str) -> None:
        """Take a line that its process printed."""


@dataclass(frozen=True)
class Recipe:
    """All that it takes to start a handler's process."""

    command: Command
    interpreter: Callable[[], Coroutine[None, None, Path]]
    """Makes the interpreter of its own, where it is missing; may take minutes."""
    variables: Callable[[int], Mapping[str, str]]
    """Its environment variables, given the port that it shall serve on."""


class LocalHandler:
    """One handler on this machine."""

    def __init__(
        self,
        name: str,
        door: FrontDoor,
        nursery: Nursery,
        voice: Voice,
        *,
        startup_s: float = STARTUP_S,
        backoff_s: tuple[float, float] = (FIRST_BACKOFF_S, LONGEST_BACKOFF_S),
    ) -> None:
        """`backoff_s`: the first wait before a restart, and the longest; each doubles the last."""
        self.name = name
        self.door = door
        self._nursery = nursery
        self._voice = voice
        self._startup_s = startup_s
        self._backoff_s = backoff_s
        self._recipe: Recipe | None = None
        self._process: Process | None = None
        self._guard: asyncio.Task[None] | None = None
        self._retiring: dict[Process, asyncio.Task[None]] = {}
        self._changing = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The id of its process; None while there is none."""
        return self._process.pid if self._process else None

    async def start(self, recipe: Recipe) -> None:
        """Start its process, or put another in its place without a request being lost.

        Raises:
            TargetError: where the new one does not serve. The one before, if any, stays.
        """
        async with self._changing:
            process = await self._serving(recipe)
            self._recipe = recipe
            await self._replace(process)

    async def stop(self) -> None:
        """Stop its process and all that it started; the door stays, and holds."""
        self.door.hold()
        guard, self._guard = self._guard, None
        retiring, self._retiring = self._retiring, {}
        await _cancelled(*filter(None, (guard, *retiring.values())))
        process, self._process = self._process, None
        await asyncio.gather(*(old.stop() for old in filter(None, (process, *retiring))))

    async def _serving(self, recipe: Recipe) -> Process:
        """A process that serves."""
        try:
            return await self._started(recipe)
        except OSError as error:
            what = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
            raise TargetError(f"`{self.name}` cannot be started: {what}") from error

    async def _started(self, recipe: Recipe) -> Process:
        interpreter = await recipe.interpreter()
        port = free_port(HOST)
        argv = recipe.command.argv
        if argv[0] in ("python", "python3"):
            argv = (str(interpreter), *argv[1:])
        variables = dict(recipe.variables(port))
        variables["PATH"] = f"{interpreter.parent}:{variables.get('PATH', '')}"
        try:
            process = await Process.start(
                self._nursery,
                argv,
                folder=recipe.command.folder,
                environment=variables,
                address=(HOST, port),
                on_line=lambda line: self._voice.log(self.name, line),
            )
        except TargetError as error:
            raise TargetError(f"`{self.name}`: {error}", hint=_override(self.name)) from None
        try:
            await process.ready(self._startup_s)
        except TargetError as error:
            await process.stop()
            raise TargetError(f"`{self.name}` {error}") from None
        except asyncio.CancelledError:
            await process.stop()
            raise
        return process

    async def _replace(self, process: Process) -> None:
        """Let `process` serve from now on, and the one before finish what it has begun."""
        if self._guard is not None:
            await _cancelled(self._guard)
        before, self._process = self._process, process
        host, port = process.address
        served = await self.door.open(Backend(f"http://{host}:{port}"))
        self._guard = asyncio.create_task(self._keep(process))
        if before is not None:
            self._retiring[before] = asyncio.create_task(self._retire(before, served))

    async def _retire(self, process: Process, served: Backend | None) -> None:
        if served is not None:
            await served.idle()
        await process.stop()
        self._retiring.pop(process, None)

    async def _keep(self, process: Process) -> None:
        """Start a new process when this one ends, as often as it takes."""
        loop = asyncio.get_running_loop()
        wait_s, longest_s = self._backoff_s
        while True:
            born = loop.time()
            how = await process.ended()
            self.door.hold()
            self._process = None
            await process.stop()
            if loop.time() - born > SETTLED_S:
                wait_s = self._backoff_s[0]
            started = None
            text = f"its process ended: {how}"
            while started is None:
                self._voice.say(self.name, f"{text}; starts again in {wait_s:g} s", "error")
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, longest_s)
                try:
                    assert self._recipe is not None, "it was started"
                    started = await self._serving(self._recipe)
                except TargetError as error:
                    text = str(error).partition("\n")[0]
            process = self._process = started
            host, port = process.address
            await self.door.open(Backend(f"http://{host}:{port}"))
            self._voice.say(self.name, "serves again")


async def _cancelled(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


def _override(name: str) -> str:
    return f"install it, or say how it runs here: `handlers.{name}.local: {{command: …}}`"
