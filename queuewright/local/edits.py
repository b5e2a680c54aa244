"""Tells whose files have changed: a handler's, or the environment's own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath

from queuewright.errors import TargetError
from queuewright.packages import is_ignored

# What editors write beside a file while they save it.
SCRATCH = ("~", ".swp", ".swx", ".tmp", ".part")
# Changes are told together: when none has come for a step, or when the group is that old.
STEP_MS, GROUP_MS = 50, 400
POLL_MS = 300
"""How often files are looked at where the system does not tell of changes."""


class Watch:
    """Watches folders from the moment it is made until it is closed.

    Args:
        handlers: the folders of handlers; their `.gcloudignore` is honoured.
        stacks: the folder of the environments' files.

    Raises:
        TargetError: where the system cannot watch that many folders.
    """

    def __init__(self, handlers: Mapping[str, Path], stacks: Path) -> None:
        # https://watchfiles.helpmanual.io/api/rust_backend/. Its `awatch` does not tell from when
        # on it watches, and an edit just after the start would be missed.
        from watchfiles._rust_notify import RustNotify

        self.handlers = handlers
        self._stacks = stacks
        self._stop = asyncio.Event()
        wanted = {folder.resolve() for folder in (*handlers.values(), stacks)}
        folders = sorted(str(folder) for folder in wanted if folder.is_dir())
        polls = os.environ.get("WATCHFILES_FORCE_POLLING", "false") not in ("", "0", "false")
        try:
            self._notify = RustNotify(folders, False, polls, POLL_MS, True, True)
        except OSError as error:
            raise TargetError(
                f"files cannot be watched: {error.strerror or error}",
                hint="run with `--no-reload`, or raise the system's limit of watched files",
            ) from error

    async def touched(self, timeout_s: float = 0.0) -> set[str | None]:
        """Whose files have changed: names of handlers, and None for the environments' files.

        Waits until some have, or for `timeout_s` seconds unless that is 0; nobody's then, and
        when the watch is closed.
        """
        while not self._stop.is_set():
            found = await asyncio.to_thread(
                self._notify.watch, GROUP_MS, STEP_MS, round(timeout_s * 1000), self._stop
            )
            if isinstance(found, str):
                break
            touched = affected((Path(path) for _, path in found), self.handlers, self._stacks)
            if touched:
                return touched
        return set()

    def close(self) -> None:
        """Watch no more; who waits is told that nothing has changed."""
        self._stop.set()


def affected(paths: Iterable[Path], handlers: Mapping[str, Path], stacks: Path) -> set[str | None]:
    """Whose files these are: names of handlers, and None for the environments' files."""
    listed = list(paths)
    touched: set[str | None] = set()
    for name, folder in handlers.items():
        ignored = _ignored(folder)
        for path in listed:
            below = _below(path, folder)
            # What is gone may have been a folder: a rule such as `__pycache__/` is about those.
            if below is not None and not ignored(below, not path.is_file()):
                touched.add(name)
    if any(_below(path, stacks) is not None and path.suffix == ".yaml" for path in listed):
        touched.add(None)
    return touched


def _ignored(folder: Path) -> Callable[[PurePosixPath, bool], bool]:
    try:
        return is_ignored(folder)
    except TargetError:  # a `.gcloudignore` that is wrong: `pulumi up` will say so
        return lambda _path, _is_folder: False


def _below(path: Path, folder: Path) -> PurePosixPath | None:
    real = folder.resolve()
    if path.name.endswith(SCRATCH) or not path.is_relative_to(real):
        return None
    return PurePosixPath(path.relative_to(real))
