"""A virtual environment for each handler with a `requirements.txt`.

It has the packages that the file names and none of ours, as in the cloud. There is one for each
handler and set of requirements, in `venvs/HANDLER-DIGEST`. A stamp is written last; an
environment without its stamp was never finished, and is created again.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import os
import re
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from queuewright.errors import TargetError
from queuewright.local.handlers.runtime_library import (
    names_runtime,
    runtime_digest,
    runtime_requirement,
)
from queuewright.local.handlers.variables import pip_variables
from queuewright.local.processes.groups import ProcessGroups
from queuewright.packages.requirements import contents

STAMP = "complete"
DIGEST = r"[0-9a-f]{12}"
SHOWN_LINES = 15


class VirtualEnvironments:
    """The virtual environments of the handlers, in a folder."""

    def __init__(
        self, folder: Path, groups: ProcessGroups, *, say: Callable[[str, str], None]
    ) -> None:
        """`say` gets a handler's name and a line about its installation."""
        self._folder = folder
        self._groups = groups
        self._say = say
        self._used: dict[str, Path] = {}
        self._making: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """For each handler, so that processes that start together make one environment."""

    async def interpreter(self, handler: str, requirements: Path, needs: str | None) -> Path:
        """Return the interpreter of a handler's environment, which is created if it is missing.

        Args:
            handler: its key.
            requirements: the file of the packages that it needs.
            needs: another package that it needs.

        Raises:
            TargetError: the installation failed; holds the end of pip's output.
        """
        venv = self._folder / f"{handler}-{self._digest(requirements, needs)}"
        async with self._making[handler]:
            if not (venv / STAMP).is_file() or not _python(venv).exists():
                await self._make(handler, venv, requirements, needs)
        self._used[handler] = venv
        return _python(venv)

    def prune(self) -> None:
        """Delete the former environments of the handlers that run."""
        for handler, used in self._used.items():
            for venv in self._folder.glob(f"{handler}-*"):
                digest = venv.name.removeprefix(f"{handler}-")
                if venv != used and re.fullmatch(DIGEST, digest):
                    shutil.rmtree(venv, ignore_errors=True)

    def _digest(self, requirements: Path, needs: str | None) -> str:
        """A digest of everything that an environment depends on: it cannot be moved, either."""
        digest = hashlib.sha256()
        read = list(contents(requirements))
        ours = runtime_digest() if names_runtime(read) else ""
        facts = (sys.version, sys.base_prefix, str(self._folder.resolve()), needs or "", ours)
        for part in (*(fact.encode() for fact in facts), *read):
            digest.update(len(part).to_bytes(8) + part)
        return digest.hexdigest()[:12]

    async def _make(self, handler: str, venv: Path, requirements: Path, needs: str | None) -> None:
        self._say(handler, f"installing {requirements.name} into its own environment (once)")
        log = self._folder / f"{handler}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")
        shutil.rmtree(venv, ignore_errors=True)
        with_pip = importlib.util.find_spec("pip") is None
        bare = () if with_pip else ("--without-pip",)
        await self._run(handler, log, sys.executable, "-m", "venv", *bare, str(venv))
        python = str(_python(venv))
        pip = (
            (python, "-m", "pip") if with_pip else (sys.executable, "-m", "pip", "--python", python)
        )
        options = ("--disable-pip-version-check", "--no-input", "--progress-bar", "off")
        wanted = ["--requirement", str(requirements), *((needs,) if needs else ())]
        if names_runtime(contents(requirements)):
            ours = await asyncio.to_thread(runtime_requirement, self._folder)
            # First: pip looks for a name on the index where it does not know the URL yet. As a
            # constraint, it is refused for `queuewright-runtime[pull]` (pip 23).
            wanted = ["--requirement", str(ours), *wanted]
        await self._run(
            handler, log, *pip, "install", *options, *wanted, folder=requirements.parent
        )
        (venv / STAMP).touch()
        self._say(handler, f"installed {requirements.name}")

    async def _run(self, handler: str, log: Path, *argv: str, folder: Path = Path()) -> None:
        environment = pip_variables(os.environ)
        child = await self._groups.start(argv, folder=folder, environment=environment)
        try:
            with log.open("ab") as file:
                while data := await child.output.read(65_536):
                    file.write(data)
            code = await child.wait()
        finally:
            await self._groups.end(child, grace_s=1.0)
            child.close()
        if code != 0:
            text = "\n".join(("its requirements cannot be installed", *_tail(log)))
            raise TargetError(f"`{handler}`: {text}", hint=f"pip's whole output is in `{log}`")


def our_interpreter() -> Path:
    """Return the interpreter of this process, for handlers without requirements."""
    return Path(sys.executable)


def _python(venv: Path) -> Path:
    return venv / "bin" / "python"


def _tail(log: Path) -> list[str]:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [f"    {line}" for line in lines[-SHOWN_LINES:]]
