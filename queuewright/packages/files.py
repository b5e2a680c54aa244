"""Which files of a handler's folder are its source: `.gcloudignore` decides, as for gcloud."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from pathspec import GitIgnoreSpec

from queuewright.errors import TargetError

IGNORE_FILE = ".gcloudignore"
INCLUDE = "#!include:"
# What gcloud leaves out of a folder that has no .gcloudignore, as far as it concerns a handler
# (https://cloud.google.com/sdk/gcloud/reference/topic/gcloudignore).
WITHOUT_A_FILE = (".gcloudignore", ".git", ".gitignore", "node_modules/", ".venv/")
# Never source, whatever the file says: made by running the code, so that running it must not
# redeploy it.
NEVER = (".git", "__pycache__/", "*.pyc", ".DS_Store", ".queuewright/")


def source_files(folder: Path) -> list[PurePosixPath]:
    """Every file of the source, relative to `folder`, sorted. Links are followed.

    Raises:
        TargetError: where there is no such folder, no file in it, or a link leads nowhere.
    """
    if not folder.is_dir():
        raise TargetError(f"`{folder}` is not a folder", hint="is the handler's `source` right?")
    files = sorted(_walk(folder, PurePosixPath(), is_ignored(folder), frozenset()))
    if not files:
        raise TargetError(
            f"`{folder}` holds no file to deploy", hint=f"does its {IGNORE_FILE} exclude all?"
        )
    return files


def is_ignored(folder: Path) -> Callable[[PurePosixPath, bool], bool]:
    """A test of a path relative to `folder`, and of whether it is a folder: is it left out?"""
    ignore_file = folder / IGNORE_FILE
    lines = _lines(ignore_file, folder) if ignore_file.is_file() else WITHOUT_A_FILE
    spec = GitIgnoreSpec.from_lines((*lines, *NEVER))
    return lambda path, is_folder: spec.match_file(f"{path}/" if is_folder else str(path))


def _lines(file: Path, folder: Path) -> Iterator[str]:
    for line in _text(file).splitlines():
        if not line.startswith(INCLUDE):
            yield line
            continue
        included = folder / line.removeprefix(INCLUDE).strip()
        if not included.is_file():
            raise TargetError(
                f"`{file}` includes `{included.name}`, which does not exist",
                hint="remove the line, or write the file",
            )
        yield from _text(included).splitlines()


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise TargetError(f"`{file}` is not UTF-8", hint="save it as UTF-8") from None


def _walk(
    folder: Path,
    below: PurePosixPath,
    ignored: Callable[[PurePosixPath, bool], bool],
    above: frozenset[Path],
) -> Iterator[PurePosixPath]:
    real = (folder / below).resolve()
    if real in above:
        raise TargetError(
            f"`{folder / below}` is a link to a folder that contains it",
            hint=f"remove the link, or exclude it in {IGNORE_FILE}",
        )
    for entry in (folder / below).iterdir():
        path = below / entry.name
        is_folder = entry.is_dir()
        if ignored(path, is_folder):
            continue
        if is_folder:
            yield from _walk(folder, path, ignored, above | {real})
        elif entry.is_file():
            yield path
        elif entry.is_symlink():
            raise TargetError(
                f"`{entry}` is a link that leads nowhere",
                hint=f"remove it, or exclude it in {IGNORE_FILE}",
            )
