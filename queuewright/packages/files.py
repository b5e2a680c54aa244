"""Which files of a handler's folder are its source; none of them is outside the project."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from queuewright.errors import TargetError
from queuewright.packages.ignore import (
    GCLOUD_FILE,
    GIT_FILE,
    Ignored,
    LinkTargets,
    follows_git,
    ignore_rules,
    project_folder,
)
from queuewright.packages.patterns import literal
from queuewright.terminal import printable, shell_word

MOST_NAMED = 3
"""More links that leave the project than this are counted, not named."""


def source_files(folder: Path, *, root: Path | None = None) -> list[PurePosixPath]:
    """Every file of the source, relative to `folder`, sorted.

    Args:
        folder: the handler's folder.
        root: the project's folder. Links are followed inside it. Default: the nearest folder
            upwards that has a `Pulumi.yaml`.

    Raises:
        TargetError: there is no such folder or no file in it, it cannot be read, it is a link to
            a folder that git ignores, or a link leads nowhere, in a circle or out of the project.
    """
    if not folder.is_dir():
        raise TargetError(
            f"{_named(folder)} is not a folder", hint="is the handler's `source` right?"
        )
    project = (root or project_folder(folder)).resolve()
    if not folder.resolve().is_relative_to(project):
        raise TargetError(
            f"{_named(folder)} leads out of the project, to {_named(folder.resolve())}",
            hint="move the code into the project, or copy it there",
        )
    try:
        _refuse_link_to_ignored(folder, root or project_folder(folder))
        walk = _Walk(folder, project, ignore_rules(folder))
        files = sorted(walk.below(PurePosixPath(), frozenset(), is_linked=False))
    except OSError as error:
        where = error.filename or folder
        raise TargetError(f"{_named(where)} cannot be read: {error.strerror}") from error
    wrong = [*([_outside(folder, walk.leaving)] if walk.leaving else []), *walk.wrong]
    if wrong:
        raise _together(wrong)
    if not files:
        file = GIT_FILE if follows_git(folder) else GCLOUD_FILE
        raise TargetError(
            f"{_named(folder)} holds no file to deploy", hint=f"does its {file} exclude all?"
        )
    return files


def exclusion(folder: Path, path: PurePosixPath, *, is_folder: bool = False) -> str:
    """The shell command that leaves `path` out of the source in `folder` from now on."""
    return ignore_command(folder, literal(str(path)) + ("/" if is_folder else ""))


def ignore_command(folder: Path, line: str) -> str:
    """The shell command that adds a line to the ignore file of `folder`."""
    file = folder / (GIT_FILE if follows_git(folder) else GCLOUD_FILE)
    # Some shells' `echo` takes a backslash for its own.
    say = "echo" if "\\" not in line else "printf '%s\\n'"
    if not _ends_in_a_newline(file):
        say = "printf '\\n%s\\n'"
    return f"{say} {shell_word(line)} >> {shell_word(str(_near(file)))}"


def _ends_in_a_newline(file: Path) -> bool:
    try:
        return not file.is_file() or file.read_bytes()[-1:] in (b"", b"\n")
    except OSError:
        return True


def _refuse_link_to_ignored(folder: Path, root: Path) -> None:
    """Refuse a folder that a link below `root` leads to if git ignores it."""
    # `absolute` keeps `..`, and `resolve` would follow the links below `root`.
    path, above = Path(os.path.abspath(folder)), Path(os.path.abspath(root))  # noqa: PTH100
    real = folder.resolve()
    if not path.is_relative_to(above) or not follows_git(folder):
        return
    named = above.resolve() / path.relative_to(above)
    if named != real and LinkTargets(named).ignores(real, is_folder=True):
        raise TargetError(
            f"{_named(folder)} is a link to {_named(real)}, which git ignores",
            hint="write the folder itself as the `source`, or move the code out of it",
        )


class _Walk:
    """Goes through a source; `leaving` are the links found on the way that leave the project."""

    def __init__(self, folder: Path, project: Path, ignored: Ignored) -> None:
        self._folder = folder
        self._project = project
        self._ignored = ignored
        self._targets = LinkTargets(folder.resolve(), ignored, follow_git=follows_git(folder))
        self.leaving: list[PurePosixPath] = []
        self.wrong: list[TargetError] = []
        """A link that leads nowhere or in a circle, each."""

    def below(
        self, path: PurePosixPath, above: frozenset[Path], *, is_linked: bool
    ) -> Iterator[PurePosixPath]:
        """The files in a folder of the source.

        `above` are the real folders that led here; `is_linked` tells whether a link did.
        """
        real = (self._folder / path).resolve()
        if real in above:
            self.wrong.append(
                TargetError(
                    f"{_named(self._folder / path)} is a link to a folder that contains it",
                    hint=f"remove the link, or leave it out: {exclusion(self._folder, path)}",
                )
            )
            return
        for entry in (self._folder / path).iterdir():
            inner = path / entry.name
            is_folder = entry.is_dir()
            is_link = entry.is_symlink()
            if self._ignored(inner, is_folder) or (is_link and not self._stays(entry, inner)):
                continue
            if is_link or is_linked:
                target = entry.resolve() if is_link else real / entry.name
                if self._targets.ignores(target, is_folder=is_folder):
                    continue
            if is_folder:
                yield from self.below(inner, above | {real}, is_linked=is_linked or is_link)
            elif entry.is_file():
                yield inner

    def _stays(self, link: Path, path: PurePosixPath) -> bool:
        if not link.exists():
            self.wrong.append(
                TargetError(
                    f"{_named(link)} is a link that leads nowhere",
                    hint=f"remove it, or leave it out: {exclusion(self._folder, path)}",
                )
            )
            return False
        stays = link.resolve().is_relative_to(self._project)
        if not stays:
            self.leaving.append(path)
        return stays


def _together(wrong: list[TargetError]) -> TargetError:
    """One error that names the first problems and counts the others."""
    named = wrong[: MOST_NAMED + 1]
    messages = "; ".join(str(each).partition("\n  hint: ")[0] for each in named)
    more = f"; and {len(wrong) - len(named)} more" if len(wrong) > len(named) else ""
    return TargetError(messages + more, hint="; ".join(each.hint for each in named if each.hint))


def _outside(folder: Path, links: list[PurePosixPath]) -> TargetError:
    first, *others = sorted(links)
    commands = "; ".join(exclusion(folder, link) for link in sorted(links)[:MOST_NAMED])
    hint = f"copy what the handler needs into the project, or leave it out: {commands}"
    if not others:
        target = (folder / first).resolve()
        return TargetError(
            f"{_named(folder / first)} leads out of the project, to {_named(target)}", hint=hint
        )
    named = ", ".join(f"{_named(folder / link)}" for link in sorted(links)[:MOST_NAMED])
    more = f" and {len(links) - MOST_NAMED} more" if len(links) > MOST_NAMED else ""
    return TargetError(f"links lead out of the project: {named}{more}", hint=hint)


def _named(path: Path | str) -> str:
    return f"`{printable(str(path))}`"


def _near(path: Path) -> Path:
    """A path as it is typed here: relative to the current folder where that is above it."""
    try:
        return path.absolute().relative_to(Path.cwd())
    except (ValueError, OSError):
        return path
