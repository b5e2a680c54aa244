"""Keeps a handler's process serving behind its front door, and replaces it on a reload."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from queuewright.cloud_tasks.durations import written_duration
from queuewright.errors import TargetError
from queuewright.local.console.console import Console
from queuewright.local.door.backend import Backend
from queuewright.local.door.front_door import FrontDoor
from queuewright.local.door.listener import HOST
from queuewright.local.handlers.command import Command, started_argv
from queuewright.local.handlers.story import HandlerStory
from queuewright.local.processes.background import BackgroundTasks, cancel
from queuewright.local.processes.groups import MissingProgramError, ProcessGroups
from queuewright.local.processes.ports import free_port
from queuewright.local.processes.process import STARTUP_S, Process

SLOW_S = 5.0
"""After this time, the console says what a start waits for."""
PATIENCE_S = 15.0
"""After this time, nothing else waits for a start."""
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 1.0, 30.0
SETTLED_S = 60.0
"""After a process has lived this long, its restarts begin with the first backoff again."""


@dataclass(frozen=True)
class Recipe:
    """Everything that it takes to start a handler's process."""

    command: Command
    interpreter: Callable[[], Coroutine[None, None, Path]]
    """Returns its interpreter, after creating it if it is missing; may take minutes."""
    variables: Callable[[int], Mapping[str, str]]
    """Returns its environment variables for the port that it must serve on."""


class HandlerProcess:
    """The process of one handler; a new one is started whenever it ends.

    It has no process before `start` and after `stop`; requests wait at the front door.
    """

    def __init__(
        self,
        name: str,
        door: FrontDoor,
        groups: ProcessGroups,
        background: BackgroundTasks,
        console: Console,
        *,
        on_line: Callable[[str, str], None] = lambda *_: None,
        startup_s: float = STARTUP_S,
        slow_s: float = SLOW_S,
        patience_s: float = PATIENCE_S,
        backoff_s: tuple[float, float] = (FIRST_BACKOFF_S, LONGEST_BACKOFF_S),
        story: HandlerStory | None = None,
    ) -> None:
        """Prepare to start it.

        Args:
            name: the handler's key.
            door: where its requests arrive.
            groups: starts its processes.
            background: runs what watches them.
            console: where it prints.
            on_line: gets the URL of a process and each line that it prints.
            startup_s: how long a process may take until it serves.
            slow_s: after how long the console says what a start waits for.
            patience_s: after how long a start is late.
            backoff_s: the first and the longest wait before a restart; each doubles the last.
            story: notes what happens to it.
        """
        self.name = name
        self._story = story
        self.door = door
        self._groups = groups
        self._background = background
        self._console = console
        self._on_line = on_line
        self._startup_s = startup_s
        self._slow_s = slow_s
        self._patience_s = patience_s
        self.late = asyncio.Event()
        """Set when a process takes so long to serve that nothing else should wait for it."""
        self._backoff_s = backoff_s
        self._process: Process | None = None
        self._watching: asyncio.Task[None] | None = None
        self._retiring: dict[Process, asyncio.Task[None]] = {}
        self._changing = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The id of its process; None while there is none."""
        return self._process.pid if self._process else None

    @property
    def has_served(self) -> bool:
        """Whether a process of it has ever served; then there is always one, or one to come."""
        return self._watching is not None

    async def start(self, recipe: Recipe) -> None:
        """Start the handler's process, or replace the running one without losing a request.

        Raises:
            TargetError: the new process does not serve. The running one stays.
                A `MissingProgramError` if its program does not exist.
        """
        async with self._changing:
            process = await self._serving(recipe)
            await self._replace(process, recipe)

    async def stop(self) -> None:
        """Stop its process and everything that it started; requests wait at the front door."""
        self.door.hold()
        watching, self._watching = self._watching, None
        retiring, self._retiring = self._retiring, {}
        await cancel(*filter(None, (watching, *retiring.values())))
        process, self._process = self._process, None
        await asyncio.gather(*(old.stop() for old in filter(None, (process, *retiring))))

    async def _serving(self, recipe: Recipe) -> Process:
        """Return a process that serves."""
        try:
            process = await self._started(recipe)
        except OSError as error:
            what = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
            raise TargetError(f"`{self.name}` cannot be started: {what}") from error
        loop = asyncio.get_running_loop()
        slow = loop.call_later(self._slow_s, self._say_slow, process)
        late = loop.call_later(self._patience_s, self.late.set)
        try:
            await process.ready(self._startup_s)
        except TargetError as error:
            await process.stop()
            raise TargetError(f"`{self.name}` {error}", output=error.output) from None
        except BaseException:
            await process.stop()
            raise
        finally:
            slow.cancel()
            late.cancel()
        return process

    def _say_slow(self, process: Process) -> None:
        limit = written_duration(timedelta(seconds=self._startup_s))
        text = f"is starting: waits until it listens on port {process.address[1]} ($PORT)"
        self._console.say(self.name, f"{text}, for {limit} at most")

    async def _started(self, recipe: Recipe) -> Process:
        interpreter = await recipe.interpreter()
        port = free_port(HOST)
        variables = dict(recipe.variables(port))
        variables["PATH"] = f"{interpreter.parent}:{variables.get('PATH', '')}"
        try:
            return await Process.start(
                self._groups,
                self._background,
                self.name,
                started_argv(recipe.command, interpreter),
                folder=recipe.command.folder,
                environment=variables,
                address=(HOST, port),
                on_line=partial(self._printed, f"http://{HOST}:{port}"),
            )
        except MissingProgramError as error:
            text = f"`{self.name}`: {error}"
            raise MissingProgramError(text, hint=_override(self.name)) from None

    def _printed(self, url: str, line: str) -> None:
        self._console.log(self.name, line)
        self._on_line(url, line)

    async def _replace(self, process: Process, recipe: Recipe) -> None:
        """Send requests to `process` from now on, and let the one before finish its own."""
        if self._watching is not None:
            await cancel(self._watching)
        before, self._process = self._process, process
        served = await self._open(process)
        self._watching = self._background.keep(
            self.name, "watching its process", partial(self._keep_serving, recipe)
        )
        if before is not None:
            self._retiring[before] = self._background.start(
                self.name, "stopping its old process", partial(self._retire, before, served)
            )

    async def _open(self, process: Process) -> Backend | None:
        host, port = process.address
        return await self.door.open(Backend(f"http://{host}:{port}"))

    async def _retire(self, process: Process, served: Backend | None) -> None:
        """Stop a process when the requests that it has are done."""
        if served is not None:
            await served.idle()
        await process.stop()
        self._retiring.pop(process, None)

    async def _keep_serving(self, recipe: Recipe) -> None:
        """Start a new process whenever there is none; wait between attempts."""
        loop = asyncio.get_running_loop()
        wait_s, longest_s = self._backoff_s
        what = "it has no process"
        while True:
            if self._process is not None:
                born = loop.time()
                what = f"its process ended: {await self._process.ended()}"
                if self._story is not None:
                    self._story.ended(what)
                await self._discard(self._process)
                if loop.time() - born > SETTLED_S:
                    wait_s = self._backoff_s[0]
            pause = written_duration(timedelta(seconds=wait_s))
            self._console.say(self.name, f"{what}; starts again in {pause}", "error")
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, longest_s)
            try:
                self._process = await self._serving(recipe)
            except TargetError as error:
                what = str(error).partition("\n")[0]
                if self._story is not None:
                    self._story.failed(what)
                continue
            await self._open(self._process)
            if self._story is not None:
                self._story.serves()
            self._console.say(self.name, "serves again")

    async def _discard(self, process: Process) -> None:
        """Clean up after a process that has ended."""
        self.door.hold()
        self._process = None
        await process.stop()


def _override(name: str) -> str:
    return f"install it, or say how it runs here: `handlers.{name}.local: {{command: …}}`"
