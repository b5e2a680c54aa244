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
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from queuewright.errors import TargetError
from queuewright.local import warden

# Its standard input is the warden's, until the program takes its place.
INTRODUCTION = 'echo "+$$" >&0; exec "$@" </dev/null'


class Nursery:
    """Where processes are started and looked after; a context manager."""

    def __init__(self) -> None:
        self._warden: subprocess.Popen[bytes] | None = None
        self._pipe = -1

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
    ) -> asyncio.subprocess.Process:
        """Start a program in `folder`; what it prints, to either stream, is its `stdout`.

        Raises:
            TargetError: where there is no such program.
        """
        program = shutil.which(argv[0], path=environment.get("PATH", os.defpath))
        if program is None and not (folder / argv[0]).is_file():
            raise TargetError(f"there is no program `{argv[0]}` on this machine")
        return await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            INTRODUCTION,
            "sh",
            *argv,
            cwd=folder,
            env=environment,
            stdin=self._pipe,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )

    async def end(self, process: asyncio.subprocess.Process, grace_s: float) -> None:
        """End a process and its group: SIGTERM, and SIGKILL after `grace_s` seconds."""
        if process.returncode is None:
            warden.send(process.pid, signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(grace_s):
                    await process.wait()
        warden.send(process.pid, signal.SIGKILL)
        await process.wait()
        os.write(self._pipe, f"-{process.pid}\n".encode())
