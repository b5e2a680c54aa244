"""The files of a package that come from beside the handler's folder, such as shared code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from queuewright.errors import TargetError
from queuewright.packages.files import source_files
from queuewright.packages.ignore import (
    GCLOUD_FILE,
    GIT_FILE,
    follows_git,
    is_ignored,
    project_folder,
)

Trees = Mapping[PurePosixPath, Path]
"""Folders and files by their path in the archive, such as `shared_lib`."""


def included(paths: Iterable[Path]) -> dict[PurePosixPath, Path]:
    """Folders and files as trees, each under its own name.

    Raises:
        TargetError: two have the same name.
    """
    trees: dict[PurePosixPath, Path] = {}
    for path in paths:
        other = trees.setdefault(PurePosixPath(path.name), path)
        if other is not path:
            raise TargetError(
                f"`{other}` and `{path}` would both be `{path.name}` in the package",
                hint="rename one of them, or include only one",
            )
    return trees


def package_files(
    folder: Path, trees: Trees, *, root: Path | None = None
) -> dict[PurePosixPath, Path]:
    """Every file of a package by its path in it: the handler's own, and those of `trees`.

    Args:
        folder: the handler's folder.
        trees: what is packaged beside its files.
        root: the project's folder: see `source_files`.

    Raises:
        TargetError: as for `source_files`, of the folder and of each tree; or a tree would hide
            something in the folder.
    """
    own = source_files(folder, root=root)
    files = {path: folder / path for path in own}
    for prefix, tree in trees.items():
        if (hidden := collision(own, prefix)) is not None:
            raise collides(folder, hidden, tree)
        files |= {prefix / path: tree / path for path in tree_files(tree, root=root)}
    return files


def tree_files(tree: Path, *, root: Path | None = None) -> list[PurePosixPath]:
    """Every file of an included folder, relative to it, sorted; of a file, only `.`.

    The ignore files of the folder apply, as for a handler's own.

    Args:
        tree: the folder or file.
        root: the project's folder: see `source_files`.

    Raises:
        TargetError: it does not exist, is ignored or leads out of the project; or as for
            `source_files`.
    """
    if tree.is_dir():
        return source_files(tree, root=root)
    if not tree.is_file():
        raise TargetError(f"`{tree}` does not exist", hint="create it, or remove it from `include`")
    project = (root or project_folder(tree.parent)).resolve()
    if not tree.resolve().is_relative_to(project):
        raise TargetError(
            f"`{tree}` leads out of the project, to `{tree.resolve()}`",
            hint="copy the file into the project",
        )
    if is_ignored(tree.parent)(PurePosixPath(tree.name), False):
        file = GIT_FILE if follows_git(tree.parent) else GCLOUD_FILE
        raise TargetError(
            f"`{tree}` is excluded by a {file}, so it is not deployed",
            hint="remove it from `include`, or from that file",
        )
    return [PurePosixPath()]


def collision(files: Iterable[PurePosixPath], prefix: PurePosixPath) -> PurePosixPath | None:
    """The first of a source's `files` that is at `prefix`, below it or above it."""
    return next(
        (path for path in files if path.is_relative_to(prefix) or prefix.is_relative_to(path)), None
    )


def collides(folder: Path, hidden: PurePosixPath, tree: Path) -> TargetError:
    """The error for a file of the handler's `folder` that an included tree would hide."""
    return TargetError(
        f"`{tree.name}` would hide `{folder / hidden}`",
        hint="rename one of them: both have the same path in the package",
    )
