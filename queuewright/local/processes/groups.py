"""Starts processes, each in a group of its own that does not outlive this one.

A child tells the warden of itself before it becomes its program, so that there is no moment at
which a `kill -9` of this process could leave one behind.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from queuewright.errors import TargetError
from queuewright.local.processes import cleanup as warden

# Its standard input is the warden's, until the program takes its place.
INTRODUCTION = 'echo "+$$" >&0; exec "$@" </dev/null'


class Child:
    """A program that was started, in a process group whose id is its own."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.pid = process.pid
        self.output = asyncio.StreamReader()
        """What it and its children print, to either stream."""
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._pipe: asyncio.ReadTransport | None = None

    @classmethod
    async def of(cls, process: subprocess.Popen[bytes]) -> Child:
        """The child that is `process`, whose output is a pipe."""
        child = cls(process)
        loop = asyncio.get_running_loop()
        threading.Thread(target=child._watch, args=(process, loop), daemon=True).start()
        protocol = asyncio.StreamReaderProtocol(child.output)
        child._pipe, _ = await loop.connect_read_pipe(lambda: protocol, process.stdout)
        return child

    @property
    def code(self) -> int | None:
        """Its exit code, or the signal that ended it below 0; None while it runs."""
        return self._ended.result() if self._ended.done() else None

    async def wait(self) -> int:
        """Wait until it has ended; returns `code`."""
        return await asyncio.shield(self._ended)

    def close(self) -> None:
        """Read no more of its output, whoever still holds it open."""
        if self._pipe is not None:
            self._pipe.close()

    def _watch(self, process: subprocess.Popen[bytes], loop: asyncio.AbstractEventLoop) -> None:
        code = process.wait()
        with suppress(RuntimeError):  # nobody waits for it any more
            loop.call_soon_threadsafe(self._ended.set_result, code)


class Nursery:
    """Where processes are started and looked after; a context manager."""

    def __init__(self) -> None:
        self._warden: subprocess.Popen[bytes] | None = None
        self._pipe = -1
        self._groups: set[int] = set()

    def __enter__(self) -> Self:
        read, self._pipe = os.pipe()
        command = [sys.executable, "-I", "-S", warden.__file__]
        self._warden = subprocess.Popen(command, stdin=read, start_new_session=True)
        os.close(read)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._pipe)
        if self._warden is not None:
            self._warden.wait()

    async def start(
        self, argv: Sequence[str], *, folder: Path, environment: Mapping[str, str]
    ) -> Child:
        """Start a program in `folder`.

        Raises:
            TargetError: where there is no such program.
        """
        program = shutil.which(argv[0], path=environment.get("PATH", os.defpath))
        if program is None and not (folder / argv[0]).is_file():
            raise TargetError(f"there is no program `{argv[0]}` on this machine")
        process = self._started(("/bin/sh", "-c", INTRODUCTION, "sh", *argv), folder, environment)
        self._groups.add(process.pid)
        return await Child.of(process)

    async def end(self, child: Child, grace_s: float) -> None:
        """End a child and its group: SIGTERM, and SIGKILL after `grace_s` seconds."""
        if child.code is None:
            warden.send(child.pid, signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(grace_s):
                    await child.wait()
        warden.send(child.pid, signal.SIGKILL)
        await child.wait()
        self._groups.discard(child.pid)
        os.write(self._pipe, f"-{child.pid}\n".encode())

    def kill(self) -> None:
        """Kill all that was started, now."""
        for group in self._groups:
            warden.send(group, signal.SIGKILL)

    def _started(
        self, argv: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        # Not by the event loop: uvloop lets a child inherit descriptors, of which one is the
        # warden's, so that its input would end with the last child only.
        return subprocess.Popen(
            argv,
            cwd=folder,
            env=environment,
            stdin=self._pipe,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
