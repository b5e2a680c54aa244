"""A virtual environment for each handler with a `requirements.txt`.

It has what that file names and nothing of ours, so that what works here works there.
One is kept for each handler and set of requirements, in `venvs/HANDLER-DIGEST`. A stamp is the
last thing that is written to it; without one it was never finished, and is made anew.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from queuewright.errors import TargetError
from queuewright.local.processes.groups import Nursery
from queuewright.packages.requirements import contents

STAMP = "complete"
DIGEST = r"[0-9a-f]{12}"
SHOWN_LINES = 15


class VirtualEnvironments:
    """The virtual environments of the handlers, in a folder."""

    def __init__(self, folder: Path, nursery: Nursery, *, say: Callable[[str, str], None]) -> None:
        """`say` is told a handler's name and what is done for it."""
        self._folder = folder
        self._nursery = nursery
        self._say = say
        self._used: dict[str, Path] = {}

    async def interpreter(self, handler: str, requirements: Path, needs: str | None) -> Path:
        """The interpreter of a handler's environment, which is made where it is missing.

        Args:
            handler: its name.
            requirements: the file with what it needs.
            needs: one package more.

        Raises:
            TargetError: with the end of pip's output.
        """
        venv = self._folder / f"{handler}-{self._digest(requirements, needs)}"
        if not (venv / STAMP).is_file() or not _python(venv).exists():
            await self._make(handler, venv, requirements, needs)
        self._used[handler] = venv
        return _python(venv)

    def prune(self) -> None:
        """Delete the environments that handlers had before, and that none of them runs in."""
        for handler, used in self._used.items():
            for venv in self._folder.glob(f"{handler}-*"):
                digest = venv.name.removeprefix(f"{handler}-")
                if venv != used and re.fullmatch(DIGEST, digest):
                    shutil.rmtree(venv, ignore_errors=True)

    def _digest(self, requirements: Path, needs: str | None) -> str:
        """Of all that decides what is in it, or breaks it: it cannot be moved, for one."""
        digest = hashlib.sha256()
        facts = (sys.version, sys.base_prefix, str(self._folder.resolve()), needs or "")
        for part in (*(fact.encode() for fact in facts), *contents(requirements)):
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
        wanted = ("--requirement", str(requirements), *((needs,) if needs else ()))
        await self._run(
            handler, log, *pip, "install", *options, *wanted, folder=requirements.parent
        )
        (venv / STAMP).touch()
        self._say(handler, f"installed {requirements.name}")

    async def _run(self, handler: str, log: Path, *argv: str, folder: Path = Path()) -> None:
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_USER")
        }
        child = await self._nursery.start(argv, folder=folder, environment=environment)
        try:
            with log.open("ab") as file:
                while data := await child.output.read(65_536):
                    file.write(data)
            code = await child.wait()
        finally:
            await self._nursery.end(child, grace_s=1.0)
            child.close()
        if code != 0:
            text = "\n".join(("its requirements cannot be installed", *_tail(log)))
            raise TargetError(f"`{handler}`: {text}", hint=f"all that pip said is in `{log}`")


def our_interpreter() -> Path:
    """The interpreter of this process, for handlers that ask for nothing."""
    return Path(sys.executable)


def _python(venv: Path) -> Path:
    return venv / "bin" / "python"


def _tail(log: Path) -> list[str]:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [f"    {line}" for line in lines[-SHOWN_LINES:]]
