"""Follows edits: which handlers' files have changed, and whether the environment's have."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath

from queuewright.errors import TargetError
from queuewright.packages import is_ignored

# The files that editors write beside a file while they save it.
SCRATCH = ("~", ".swp", ".swx", ".tmp", ".part")
# Changes are reported in groups: when none has come for a step, or when a group is this old.
STEP_MS, GROUP_MS = 50, 400
POLL_MS = 300
"""How often files are checked where the system does not report changes."""


class Watch:
    """Watches folders from the moment it is made until it is closed.

    Args:
        handlers: the folders of the handlers; their `.gcloudignore` files are honoured.
        stacks: the folder of the environments' files.

    Raises:
        TargetError: the system cannot watch that many folders.
    """

    def __init__(self, handlers: Mapping[str, Path], stacks: Path) -> None:
        # https://watchfiles.helpmanual.io/api/rust_backend/. With `awatch` nobody knows when
        # watching begins, so an edit just after the start would be missed.
        from watchfiles._rust_notify import RustNotify

        self._handlers = handlers
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
        """Return whose files have changed: keys of handlers, and None for the environments' files.

        Waits for a change, for at most `timeout_s` seconds unless that is 0. Returns an empty set
        after that time, and when the watch is closed.
        """
        while not self._stop.is_set():
            found = await asyncio.to_thread(
                self._notify.watch, GROUP_MS, STEP_MS, round(timeout_s * 1000), self._stop
            )
            if isinstance(found, str):
                break
            touched = affected((Path(path) for _, path in found), self._handlers, self._stacks)
            if touched:
                return touched
        return set()

    def close(self) -> None:
        """Stop watching; `touched` returns an empty set from now on."""
        self._stop.set()


class Edits:
    """The edits of an environment's files, while its handlers come and go.

    Args:
        folders: returns the folders of the handlers as they are now.
        stacks: the folder of the environments' files.

    Raises:
        TargetError: the system cannot watch that many folders.
    """

    def __init__(self, folders: Callable[[], Mapping[str, Path]], stacks: Path) -> None:
        self._folders = folders
        self._stacks = stacks
        self._wanted = folders()
        self._watch = Watch(self._wanted, stacks)

    async def next(self) -> set[str | None]:
        """Wait for edits, and return whose files they are; an empty set after `close`.

        Raises:
            TargetError: new folders cannot be watched; the former ones still are.
        """
        folders = self._folders()
        if folders != self._wanted:
            self._wanted = folders
            if missed := await self._rewatch(Watch(folders, self._stacks)):
                return missed
        return await self._watch.touched()

    async def _rewatch(self, watch: Watch) -> set[str | None]:
        """Replace the watch; return whose files the former one saw change in the meantime."""
        before, self._watch = self._watch, watch
        try:
            return await before.touched(timeout_s=0.1)
        finally:
            before.close()

    def close(self) -> None:
        """Stop watching."""
        self._watch.close()


def affected(paths: Iterable[Path], handlers: Mapping[str, Path], stacks: Path) -> set[str | None]:
    """Return whose files these are: keys of handlers, and None for the environments' files."""
    listed = list(paths)
    touched: set[str | None] = set()
    for name, folder in handlers.items():
        ignored = _ignored(folder)
        for path in listed:
            below = _below(path, folder)
            # A missing path may have been a folder, which a rule such as `__pycache__/` is about.
            if below is not None and not ignored(below, not path.is_file()):
                touched.add(name)
    if any(_below(path, stacks) is not None and path.suffix == ".yaml" for path in listed):
        touched.add(None)
    return touched


def _ignored(folder: Path) -> Callable[[PurePosixPath, bool], bool]:
    try:
        return is_ignored(folder)
    except TargetError:  # a mistake in `.gcloudignore`: `pulumi up` reports it
        return lambda _path, _is_folder: False


def _below(path: Path, folder: Path) -> PurePosixPath | None:
    real = folder.resolve()
    if path.name.endswith(SCRATCH) or not path.is_relative_to(real):
        return None
    return PurePosixPath(path.relative_to(real))
