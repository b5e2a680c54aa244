"""Starts processes, each in a process group of its own that does not outlive this process.

A child registers itself with the cleanup process before it becomes its program. So at no moment
could a `kill -9` of this process leave one behind.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Self

from queuewright.errors import TargetError
from queuewright.local.processes import cleanup

# Standard input is the cleanup process's until the program starts.
REGISTRATION = 'echo "+$$" >&0; exec "$@" </dev/null'


class Child:
    """A running program, whose process group has the id of its process."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        output: asyncio.StreamReader,
        pipe: asyncio.ReadTransport,
    ) -> None:
        self.pid = process.pid
        self.output = output
        """What the program and its children print, to either stream."""
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = loop.create_future()
        self._pipe = pipe
        threading.Thread(target=self._wait, args=(process, loop), daemon=True).start()

    @classmethod
    async def of(cls, process: subprocess.Popen[bytes]) -> Self:
        """Return the child for `process`, whose output is a pipe."""
        output = asyncio.StreamReader()
        pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(output), process.stdout
        )
        return cls(process, output, pipe)

    @property
    def code(self) -> int | None:
        """Its exit code; below 0, the signal that ended it; None while it runs."""
        return self._ended.result() if self._ended.done() else None

    async def wait(self) -> int:
        """Wait until it has ended, and return `code`."""
        return await asyncio.shield(self._ended)

    def close(self) -> None:
        """Stop reading its output, even if another process holds the pipe open."""
        self._pipe.close()

    def _wait(self, process: subprocess.Popen[bytes], loop: asyncio.AbstractEventLoop) -> None:
        code = process.wait()
        with suppress(RuntimeError):  # the event loop is closed: nobody waits any more
            loop.call_soon_threadsafe(self._ended.set_result, code)


class MissingProgramError(TargetError):
    """The program of a command does not exist on this machine."""


class ProcessGroups:
    """Starts and ends processes, each with all that it started. Made by `ProcessGroups.opened`."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._groups: set[int] = set()

    @classmethod
    @asynccontextmanager
    async def opened(cls) -> AsyncIterator[Self]:
        """Start the cleanup process; on exit, it ends what is still running."""
        read, write = os.pipe()
        try:
            command = [sys.executable, "-I", "-S", cleanup.__file__]
            # At once, before there is anything to clean up.
            process = subprocess.Popen(  # noqa: ASYNC220
                command, stdin=read, start_new_session=True
            )
        except OSError:
            os.close(write)
            raise
        finally:
            os.close(read)
        try:
            yield cls(write)
        finally:
            os.close(write)
            await asyncio.to_thread(process.wait)

    async def start(
        self, argv: Sequence[str], *, folder: Path, environment: Mapping[str, str]
    ) -> Child:
        """Start a program in `folder`.

        Raises:
            MissingProgramError: the program does not exist.
            OSError: the system cannot start it.
        """
        program = shutil.which(argv[0], path=environment.get("PATH", os.defpath))
        if program is None and not (folder / argv[0]).is_file():
            raise MissingProgramError(f"there is no program `{argv[0]}` on this machine")
        words = ("/bin/sh", "-c", REGISTRATION, "sh", *argv)
        try:
            process = self._started(words, folder, environment)
        except ValueError:  # a file of the handler, such as its Dockerfile, may have any text
            text = "its command or a variable has a character that no program can be given"
            raise OSError(errno.EINVAL, text) from None
        self._groups.add(process.pid)
        return await Child.of(process)

    async def end(self, child: Child, grace_s: float, *, waits_for_all: bool = False) -> None:
        """End a child and its group: SIGTERM, and SIGKILL after `grace_s` seconds.

        Args:
            child: the child.
            grace_s: how long it may take.
            waits_for_all: whether what the child started may take as long; else it is killed when
                the child has ended. A shell ends at once, and its command may still have work.
        """
        if child.code is None:
            cleanup.send(child.pid, signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(grace_s):
                    await child.wait()
                    while waits_for_all and await self._lives(child):  # noqa: ASYNC110
                        await asyncio.sleep(cleanup.STEP_S)
        cleanup.send(child.pid, signal.SIGKILL)
        await child.wait()
        self._groups.discard(child.pid)
        os.write(self._pipe, f"-{child.pid}\n".encode())

    async def _lives(self, child: Child) -> bool:
        """Whether anything of a child's group runs."""
        return bool(await asyncio.to_thread(cleanup.living, {child.pid}))

    def kill(self) -> None:
        """Kill everything that was started, without waiting."""
        for group in self._groups:
            cleanup.send(group, signal.SIGKILL)

    def _started(
        self, argv: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        # Not through the event loop: uvloop's children inherit descriptors, the pipe to the
        # cleanup process among them, so its input would end only with the last child.
        return subprocess.Popen(
            argv,
            cwd=folder,
            env=environment,
            stdin=self._pipe,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
