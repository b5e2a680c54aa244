"""Keeps the processes of a worker running, and replaces them on a reload.

A worker has no port. It has begun when it asks for tasks, or when it has lived for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from queuewright.cloud_tasks.durations import written_duration
from queuewright.errors import TargetError
from queuewright.local.console.console import Console
from queuewright.local.handlers.command import Command, started_argv
from queuewright.local.handlers.story import HandlerStory
from queuewright.local.processes.background import BackgroundTasks, cancel
from queuewright.local.processes.groups import MissingProgramError, ProcessGroups
from queuewright.local.processes.process import Process
from queuewright.local.pull_queues.settings import PubSubListener

BEGUN_S = 5.0
"""After this time, a process that has not asked for tasks counts as begun."""
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 1.0, 30.0
SETTLED_S = 60.0
"""After a process has lived this long, its restarts begin with the first backoff again."""


@dataclass(frozen=True)
class WorkerRecipe:
    """Everything that it takes to start a worker's processes."""

    command: Command
    count: int
    interpreter: Callable[[], Coroutine[None, None, Path]]
    """Returns its interpreter, after creating it if it is missing; may take minutes."""
    listener: Callable[[str], AbstractAsyncContextManager[PubSubListener | None]]
    """Opens Pub/Sub for the process with this name."""
    variables: Callable[[str | None], Mapping[str, str]]
    """Returns the environment variables for the address of Pub/Sub."""


class _Instance:
    """A process of a worker, and its way to Pub/Sub."""

    def __init__(
        self, process: Process, listener: PubSubListener | None, opened: AsyncExitStack
    ) -> None:
        self.process = process
        self._listener = listener
        self._opened = opened

    async def stop(self) -> None:
        """Let it finish or give back its tasks, for as long as Cloud Run does."""
        if self._listener is not None:
            self._listener.deliver_nothing_more()
        try:
            await self.process.stop(waits_for_all=True)
        finally:
            await self._opened.aclose()


class WorkerProcesses:
    """The processes of one worker; a new one is started whenever one ends."""

    def __init__(
        self,
        name: str,
        groups: ProcessGroups,
        background: BackgroundTasks,
        console: Console,
        *,
        begun_s: float = BEGUN_S,
        backoff_s: tuple[float, float] = (FIRST_BACKOFF_S, LONGEST_BACKOFF_S),
        story: HandlerStory | None = None,
    ) -> None:
        """Prepare to start them.

        Args:
            name: the worker's key.
            groups: starts the processes.
            background: runs what watches them.
            console: where they print.
            begun_s: after this time, one that has not asked for tasks counts as begun.
            backoff_s: the first and the longest wait before a restart; each doubles the last.
            story: notes what happens to them.
        """
        self.name = name
        self._story = story
        self._groups = groups
        self._background = background
        self._console = console
        self._begun_s = begun_s
        self._backoff_s = backoff_s
        self._instances: dict[str, _Instance] = {}
        self._watching: list[asyncio.Task[None]] = []
        self._retiring: dict[_Instance, asyncio.Task[None]] = {}
        self._changing = asyncio.Lock()

    @property
    def pids(self) -> list[int]:
        """The ids of its processes."""
        return [each.process.pid for each in self._instances.values()]

    @property
    def has_begun(self) -> bool:
        """Whether processes of it have ever begun; then there always are, or will be."""
        return bool(self._watching)

    async def start(self, recipe: WorkerRecipe) -> None:
        """Start the worker's processes. The running ones are stopped when the new ones have begun.

        Raises:
            TargetError: one of the new processes failed. The running ones stay.
                A `MissingProgramError` if its program does not exist.
        """
        async with self._changing:
            names = _names(self.name, recipe.count)
            self._console.introduce(*names)
            begun = await self._all_begun(recipe, names)
            # From here on nothing waits: a reload that is cancelled leaves no process unwatched.
            for task in self._watching:
                task.cancel()
            before, self._instances = self._instances, begun
            self._watching = [
                self._background.keep(
                    self.name, "watching its process", partial(self._keep_running, recipe, name)
                )
                for name in names
            ]
            for each in before.values():
                self._retiring[each] = self._background.start(
                    self.name, "stopping its old process", partial(self._retire, each)
                )

    async def stop(self) -> None:
        """Stop its processes and everything that they started."""
        watching, self._watching = self._watching, []
        retiring, self._retiring = self._retiring, {}
        await cancel(*watching, *retiring.values())
        instances, self._instances = self._instances, {}
        await asyncio.gather(*(each.stop() for each in (*instances.values(), *retiring)))

    async def _all_begun(self, recipe: WorkerRecipe, names: list[str]) -> dict[str, _Instance]:
        """Start all processes; if one fails, stop the others."""
        starts = {name: asyncio.create_task(self._begun(recipe, name)) for name in names}
        try:
            await asyncio.wait(starts.values())
            return {name: (await start)[0] for name, start in starts.items()}
        except BaseException:
            await cancel(*starts.values())
            done = [each for each in starts.values() if not each.cancelled()]
            ready = [each.result()[0] for each in done if each.exception() is None]
            await asyncio.gather(*(each.stop() for each in ready))
            raise

    async def _begun(self, recipe: WorkerRecipe, name: str) -> tuple[_Instance, bool]:
        """Start a process; return it when it has begun, and whether it still lives."""
        interpreter = await recipe.interpreter()
        async with AsyncExitStack() as stack:
            listener = await stack.enter_async_context(recipe.listener(name))
            address = listener.address if listener is not None else None
            process = await self._started(recipe, name, interpreter, address)
            polled = listener.polled if listener is not None else asyncio.Event()
            try:
                lives = await process.began(polled.wait(), self._begun_s)
            except TargetError as error:
                await process.stop()
                raise TargetError(f"`{self.name}` {error}", output=error.output) from None
            except BaseException:
                await process.stop()
                raise
            if lives:
                self._console.say(name, f"runs as process {process.pid}")
            return _Instance(process, listener, stack.pop_all()), lives

    async def _started(
        self, recipe: WorkerRecipe, name: str, interpreter: Path, address: str | None
    ) -> Process:
        variables = dict(recipe.variables(address))
        variables["PATH"] = f"{interpreter.parent}:{variables.get('PATH', '')}"
        try:
            return await Process.start(
                self._groups,
                self._background,
                self.name,
                started_argv(recipe.command, interpreter),
                folder=recipe.command.folder,
                environment=variables,
                on_line=partial(self._console.log, name),
            )
        except MissingProgramError as error:
            text = f"`{self.name}`: {error}"
            hint = f"install it, or say how it runs here: `handlers.{self.name}.local: "
            raise MissingProgramError(text, hint=f"{hint}{{command: …}}`") from None
        except OSError as error:
            what = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
            raise TargetError(f"`{self.name}` cannot be started: {what}") from error

    async def _keep_running(self, recipe: WorkerRecipe, name: str) -> None:
        """Start a new process whenever one has ended; wait between attempts."""
        loop = asyncio.get_running_loop()
        wait_s, longest_s = self._backoff_s
        what = "it has no process"
        while True:
            if name in self._instances:
                born = loop.time()
                what = _ended(await self._instances[name].process.ended())
                if self._story is not None:
                    self._story.ended(what)
                await self._instances.pop(name).stop()
                if loop.time() - born > SETTLED_S:
                    wait_s = self._backoff_s[0]
            pause = written_duration(timedelta(seconds=wait_s))
            self._console.say(name, f"{what}; starts again in {pause}", "error")
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, longest_s)
            try:
                self._instances[name], _ = await self._begun(recipe, name)
                if self._story is not None:
                    self._story.serves()
            except TargetError as error:
                what = str(error).partition("\n")[0]
                if self._story is not None:
                    self._story.failed(what)

    async def _retire(self, instance: _Instance) -> None:
        await instance.stop()
        self._retiring.pop(instance, None)


def _names(key: str, count: int) -> list[str]:
    """The names of a worker's processes.

    >>> _names("reporter", 1), _names("reporter", 2)
    (['reporter'], ['reporter 1', 'reporter 2'])
    """
    return [key] if count == 1 else [f"{key} {number}" for number in range(1, count + 1)]


def _ended(how: str) -> str:
    """What the end of a process means.

    >>> _ended("exit code 0")
    'its process ended: exit code 0, but a worker runs until it gets SIGTERM'
    """
    more = ", but a worker runs until it gets SIGTERM" if how == "exit code 0" else ""
    return f"its process ended: {how}{more}"
