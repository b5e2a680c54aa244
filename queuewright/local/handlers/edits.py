"""Follows edits: which handlers' files have changed, and whether the environment's have."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
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
        handlers: the folders and files of each handler; the ignore files of a folder are honoured.
        stacks: the folder of the environments' files.

    Raises:
        TargetError: the system cannot watch that many folders.
    """

    def __init__(self, handlers: Mapping[str, Sequence[Path]], stacks: Path) -> None:
        self._handlers = handlers
        self._stacks = stacks
        self._stop = asyncio.Event()
        wanted = {path.resolve() for paths in handlers.values() for path in paths}
        folders = {path for path in (*wanted, stacks.resolve()) if path.is_dir()}
        # An editor may replace a file, so its folder is watched.
        parents = {path.parent for path in wanted if path.is_file()}
        self._watchers = [_Watcher(folders, self._stop, recursive=True)]
        if parents:
            self._watchers.append(_Watcher(parents, self._stop, recursive=False))

    async def touched(self, timeout_s: float | None = None) -> set[str | None]:
        """Return whose files have changed: keys of handlers, and None for the environments' files.

        Waits for a change, for at most `timeout_s` seconds unless that is None. Returns an empty
        set after that time, and when the watch is closed.
        """
        while not self._stop.is_set():
            changes = [watcher.next() for watcher in self._watchers]
            done, _ = await asyncio.wait(
                changes, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                return set()
            found = [path for watcher in self._watchers for path in watcher.taken()]
            # What is reached by a link as well, such as one in the state folder, is reported once,
            # at either path.
            paths = dict.fromkeys(each for path in found for each in (path, path.resolve()))
            if touched := affected(paths, self._handlers, self._stacks):
                return touched
        return set()

    def close(self) -> None:
        """Stop watching; `touched` returns an empty set from now on."""
        self._stop.set()


class _Watcher:
    """Waits for changes in folders, with one wait at a time."""

    def __init__(self, folders: Iterable[Path], stop: asyncio.Event, *, recursive: bool) -> None:
        # https://watchfiles.helpmanual.io/api/rust_backend/. With `awatch` nobody knows when
        # watching begins, so an edit just after the start would be missed.
        from watchfiles._rust_notify import RustNotify

        self._stop = stop
        self._waiting: asyncio.Task[object] | None = None
        polls = os.environ.get("WATCHFILES_FORCE_POLLING", "false") not in ("", "0", "false")
        listed = sorted(map(str, folders))
        try:
            self._notify = RustNotify(listed, False, polls, POLL_MS, recursive, True)
        except OSError as error:
            raise TargetError(
                f"files cannot be watched: {error.strerror or error}",
                hint="run with `--no-reload`, or raise the system's limit of watched files",
            ) from error

    def next(self) -> asyncio.Task[object]:
        """The wait for the next changes, which goes on until `taken`."""
        if self._waiting is None:
            self._waiting = asyncio.create_task(
                asyncio.to_thread(self._notify.watch, GROUP_MS, STEP_MS, 0, self._stop)
            )
        return self._waiting

    def taken(self) -> list[Path]:
        """The files of the wait that is done; none if it is not, or the watch is closed."""
        if self._waiting is None or not self._waiting.done():
            return []
        found, self._waiting = self._waiting.result(), None
        return [Path(path) for _, path in found] if isinstance(found, set) else []


class Edits:
    """The edits of an environment's files, while its handlers come and go.

    Args:
        folders: returns the folders and files of the handlers as they are now.
        stacks: the folder of the environments' files.

    Raises:
        TargetError: the system cannot watch that many folders.
    """

    def __init__(self, folders: Callable[[], Mapping[str, Sequence[Path]]], stacks: Path) -> None:
        self._folders = folders
        self._stacks = stacks
        self._wanted = folders()
        self._watch = Watch(self._wanted, stacks)
        self._seen = _stamps(stacks)

    async def next(self) -> set[str | None]:
        """Wait for edits, and return whose files they are; an empty set after `close`.

        Raises:
            TargetError: new folders cannot be watched; the former ones still are.
        """
        folders = self._folders()
        if folders != self._wanted:
            self._wanted = folders
            missed = await self._rewatch(Watch(folders, self._stacks))
        else:
            missed = set()
        touched = missed or await self._watch.touched()
        self._seen = _stamps(self._stacks)
        return touched

    async def _rewatch(self, watch: Watch) -> set[str | None]:
        """Replace the watch; return whose files have changed in the meantime."""
        before, self._watch = self._watch, watch
        try:
            touched = await before.touched(timeout_s=(GROUP_MS + 2 * STEP_MS) / 1_000)
        finally:
            before.close()
        # Compared as well, because a busy machine may report a change after that time.
        return touched | {None} if _stamps(self._stacks) != self._seen else touched

    def close(self) -> None:
        """Stop watching."""
        self._watch.close()


def _stamps(stacks: Path) -> dict[Path, tuple[int, int, int]]:
    """What changes with the environments' files, by file."""
    stamps = {}
    for path in stacks.glob("*.yaml"):
        with suppress(FileNotFoundError):  # an editor is replacing it
            found = path.stat()
            stamps[path] = (found.st_ino, found.st_mtime_ns, found.st_size)
    return stamps


def affected(
    paths: Iterable[Path], handlers: Mapping[str, Sequence[Path]], stacks: Path
) -> set[str | None]:
    """Return whose files these are: keys of handlers, and None for the environments' files."""
    listed = list(paths)
    touched: set[str | None] = {
        name for name, trees in handlers.items() if any(_is_touched(tree, listed) for tree in trees)
    }
    if any(_below(path, stacks) is not None and path.suffix == ".yaml" for path in listed):
        touched.add(None)
    return touched


def _is_touched(tree: Path, paths: list[Path]) -> bool:
    if tree.is_file():
        return tree.resolve() in paths
    ignored = _ignored(tree)
    below = ((path, _below(path, tree)) for path in paths)
    # A missing path may have been a folder, which a rule such as `__pycache__/` is about.
    return any(
        inner is not None and not ignored(inner, not path.is_file()) for path, inner in below
    )


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
