"""Tells whose files have changed: a handler's, or the environment's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath

from queuewright.errors import TargetError
from queuewright.packages import is_ignored

# What editors write beside a file while they save it.
SCRATCH = ("~", ".swp", ".swx", ".tmp", ".part")


async def changes(
    handlers: Mapping[str, Path], stacks: Path, stop: asyncio.Event
) -> AsyncGenerator[set[str | None]]:
    """Whose files have changed, again and again, until `stop` is set.

    Args:
        handlers: the folders of handlers; their `.gcloudignore` is honoured.
        stacks: the folder of the environments' files.
        stop: ends it.

    Yields:
        names of handlers, and None for the environments' files.

    Raises:
        TargetError: where the system cannot watch that many folders.
    """
    from watchfiles import awatch  # some tenths of a second, and not needed to start

    wanted = {folder.resolve() for folder in (*handlers.values(), stacks)}
    folders = sorted(folder for folder in wanted if folder.is_dir())
    try:
        async for found in awatch(*folders, watch_filter=None, stop_event=stop):
            touched = affected((Path(path) for _, path in found), handlers, stacks)
            if touched:
                yield touched
    except OSError as error:
        raise TargetError(
            f"files cannot be watched: {error.strerror or error}",
            hint="run with `--no-reload`, or raise the system's limit of watched files",
        ) from error


def affected(paths: Iterable[Path], handlers: Mapping[str, Path], stacks: Path) -> set[str | None]:
    """Whose files these are: names of handlers, and None for the environments' files."""
    listed = list(paths)
    touched: set[str | None] = set()
    for name, folder in handlers.items():
        ignored = _ignored(folder)
        for path in listed:
            below = _below(path, folder)
            if below is not None and not ignored(below, False):
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
