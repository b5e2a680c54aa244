"""The state folder: only one environment runs in it at a time, and other commands find it there.

The lock is the kernel's, so it ends with the process that holds it, however that process ends.
A `running.json` beside a lock that no process holds is a leftover.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Set
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from queuewright.errors import TargetError
from queuewright.files import write_whole

STATE_FOLDER = ".queuewright"
"""The state folder's name in a project's folder."""

PRIVATE = 0o700
"""The folder's mode: tasks and the key that signs tokens are in it."""

LOCK = "lock"
GIT_FILE = ".gitignore"
RUNNING = "running.json"
# `find_running` holds the lock for an instant, so everyone tries for longer than that.
START_S, LOOK_S, POLL_S = 0.2, 0.03, 0.01


@dataclass(frozen=True)
class Running:
    """An environment that runs on this machine, and its addresses."""

    environment: str
    pid: int
    grpc_address: str
    """`host:port`, the value for `CLOUD_TASKS_EMULATOR_HOST`."""
    http_address: str
    """`host:port`."""
    started: str
    """A time in ISO 8601 with its offset from UTC."""
    pubsub_address: str | None = None
    """`host:port`, the value for `PUBSUB_EMULATOR_HOST`; None without pull queues."""


def find_running(folder: Path) -> Running | None:
    """Return the environment that runs in state folder `folder`, or None."""
    lock = folder / LOCK
    if not lock.is_file():
        return None
    try:
        with FileLock(lock, timeout=LOOK_S, poll_interval=POLL_S):
            return None
    except Timeout:
        return _read(folder / RUNNING)
    except OSError:
        return None


class StateFolder:
    """A state folder that only this process uses. Made by `StateFolder.locked`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    @contextmanager
    def locked(cls, path: Path, ports: str = "--grpc-port N --http-port M") -> Iterator[Self]:
        """Create the folder if it is missing, and keep every other environment out of it.

        Args:
            path: the folder.
            ports: the options with which a second environment would listen elsewhere.

        Raises:
            TargetError: another process uses the folder, it holds files of somebody else's, or it
                cannot be created.
        """
        lock = FileLock(path / LOCK, mode=0o644, thread_local=False)
        try:
            _refuse_foreign(path)  # before anything in it is changed
            path.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
            if path.stat().st_mode & 0o077:
                with suppress(PermissionError):  # a folder of somebody else's, such as a mount
                    path.chmod(PRIVATE)
            if not (path / GIT_FILE).exists():
                (path / GIT_FILE).write_text("*\n", encoding="utf-8")
            lock.acquire(timeout=START_S, poll_interval=POLL_S)
        except Timeout:
            raise _taken(path, ports) from None
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise TargetError(
                f"the state folder `{path}` cannot be used: {reason}",
                hint="choose another with `--state DIR`",
            ) from error
        try:
            (path / RUNNING).unlink(missing_ok=True)
            yield cls(path)
        finally:
            (path / RUNNING).unlink(missing_ok=True)
            lock.release()

    def announce(
        self,
        environment: str,
        grpc_address: str,
        http_address: str,
        pubsub_address: str | None = None,
    ) -> None:
        """Let the other commands find the environment that runs in this process now."""
        started = datetime.now().astimezone().isoformat(timespec="seconds")
        addresses = (grpc_address, http_address)
        running = Running(environment, os.getpid(), *addresses, started, pubsub_address)
        write_whole(self.path / RUNNING, json.dumps(asdict(running), indent=2) + "\n")


def read_names(file: Path | None) -> Set[str]:
    """Return the names that a file remembers; none if it is not there, or unreadable."""
    try:
        text = file.read_text(encoding="utf-8") if file is not None else "[]"
        return frozenset(map(str, json.loads(text)))
    except (OSError, ValueError, TypeError):
        return frozenset()


def write_names(file: Path | None, names: Set[str]) -> None:
    """Remember names in a file; None remembers nothing.

    Raises:
        TargetError: the file cannot be written, as on a full disk.
    """
    if file is None:
        return
    try:
        write_whole(file, json.dumps(sorted(names)) + "\n")
    except OSError as error:
        raise TargetError(
            f"`{file}` cannot be written: {error.strerror or error}; it was left as it is",
            hint="free space on its disk, or make it writable, and start again",
        ) from error


def _read(file: Path) -> Running | None:
    """Return what `file` says; None while its environment is still starting."""
    try:
        return Running(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _refuse_foreign(folder: Path) -> None:
    """Refuse links in the folder, and a folder with other files, such as a project.

    Links lead out of it: a repository that was cloned may have any file in its state folder. A
    folder with other files would become private and ignored by git; hidden files, and a new disk's
    `lost+found`, don't count.
    """
    if not folder.exists():
        return
    inside = list(folder.iterdir())
    folders = (each for each in inside if each.is_dir() and not each.is_symlink())
    for file in (*inside, *(each for below in folders for each in below.iterdir())):
        if file.is_symlink():
            raise TargetError(
                f"the state folder has a link, `{file}`, through which other files would change",
                hint="queuewright makes none there; remove it, or give another folder with "
                "`--state DIR`",
            )
    if (folder / LOCK).is_file() or folder.resolve().name == STATE_FOLDER:
        return
    names = sorted(file.name for file in inside if not file.name.startswith("."))
    if others := [name for name in names if name != "lost+found"]:
        raise TargetError(
            f"the folder `{folder}` is no state folder: it holds `{others[0]}`",
            hint="give a new or an empty folder with `--state DIR`",
        )


def _taken(folder: Path, ports: str) -> TargetError:
    hint = f"stop it first, or start this one with `--state DIR {ports}`"
    running = _read(folder / RUNNING)
    if running is None:
        return TargetError(f"another environment is starting in `{folder}`", hint=hint)
    where = f"{running.grpc_address} and {running.http_address}"
    return TargetError(
        f"`{running.environment}` already runs in `{folder}`: process {running.pid}, on {where}",
        hint=hint,
    )
