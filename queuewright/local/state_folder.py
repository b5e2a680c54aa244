"""The state folder of an environment: who runs in it, and that only one does.

The lock is the kernel's (`flock`), so it ends with the process that holds it, however that
ends: a `running.json` beside a lock that nobody holds is a leftover.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from queuewright.errors import TargetError

STATE_FOLDER = ".queuewright"
"""The state folder's name in a project's own folder."""

LOCK = "lock"
RUNNING = "running.json"
# A command that asks who runs holds the lock for an instant; so an `up` asks more than once.
TRIES, PAUSE_S = 20, 0.01


@dataclass(frozen=True)
class Running:
    """An environment that runs on this machine, and where."""

    environment: str
    pid: int
    grpc_address: str
    """`host:port`, as `CLOUD_TASKS_EMULATOR_HOST` takes it."""
    http_address: str
    """`host:port`."""
    started: str
    """A moment in ISO 8601, with its offset from UTC."""


def find_running(folder: Path) -> Running | None:
    """The environment that runs in state folder `folder`, or None where none does."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(folder / RUNNING)
    finally:
        os.close(descriptor)
    return None


class StateFolder:
    """A state folder that is this process's alone while it is open; a context manager.

    Entering it raises `TargetError` where another process has it or it cannot be made;
    `ports` are the options by which a second one would listen elsewhere.
    """

    def __init__(self, path: Path, ports: str = "--grpc-port N --http-port M") -> None:
        self.path = path
        self._ports = ports
        self._lock: int | None = None

    def announce(self, running: Running) -> None:
        """Let the other commands find the environment."""
        draft = self.path / f"{RUNNING}.{os.getpid()}"
        draft.write_text(json.dumps(asdict(running), indent=2) + "\n", encoding="utf-8")
        draft.replace(self.path / RUNNING)

    def __enter__(self) -> Self:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            (self.path / ".gitignore").write_text("*\n", encoding="utf-8")
            descriptor = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise TargetError(
                f"the state folder `{self.path}` cannot be used: {reason}",
                hint="choose another with `--state DIR`",
            ) from error
        if not _locked(descriptor):
            os.close(descriptor)
            raise _taken(self.path, self._ports)
        (self.path / RUNNING).unlink(missing_ok=True)
        self._lock = descriptor
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        (self.path / RUNNING).unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _locked(descriptor: int) -> bool:
    for _ in range(TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(PAUSE_S)
        else:
            return True
    return False


def _read(file: Path) -> Running | None:
    """What `file` says; None while its environment is still starting."""
    try:
        return Running(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _taken(folder: Path, ports: str) -> TargetError:
    hint = f"stop it first, or start this one with `--state DIR {ports}`"
    running = _read(folder / RUNNING)
    if running is None:
        return TargetError(f"another one is starting in `{folder}`", hint=hint)
    where = f"{running.grpc_address} and {running.http_address}"
    return TargetError(
        f"`{running.environment}` runs already in `{folder}`: process {running.pid}, on {where}",
        hint=hint,
    )
