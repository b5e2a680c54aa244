"""Which paths below a handler's folder are left out.

A `.gcloudignore` in the folder decides alone, as for gcloud. Without one, git's rules do: the
`.gitignore` files in the folder, below it, and above it up to the repository's top. gcloud reads
only the first of these (https://cloud.google.com/sdk/gcloud/reference/topic/gcloudignore).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from queuewright.errors import TargetError
from queuewright.packages.patterns import Pattern, last_match, patterns

GCLOUD_FILE: Final = ".gcloudignore"
GIT_FILE: Final = ".gitignore"

_MOST_IN_A_PATH: Final = 8192
_INCLUDE: Final = "#!include:"
# gcloud's own list for a folder without a .gcloudignore, as far as it concerns a handler.
_WITHOUT_A_FILE: Final = patterns(
    (".gcloudignore", ".git", ".gitignore", "node_modules/", ".venv/")
)
# Never source, whatever a file says: made by running the code, so that running it must not
# redeploy it; and the credentials that google-github-actions/auth writes into the workspace
# (https://github.com/google-github-actions/auth/blob/main/README.md#prerequisites).
_NEVER: Final = patterns(
    (".git", "__pycache__/", "*.pyc", ".DS_Store", ".queuewright/", "gha-creds-*.json")
)

MOST_BYTES: Final = 128 * 1024
"""A larger ignore file is refused; GitHub's largest template has 8 KB."""

Ignored = Callable[[PurePosixPath, bool], bool]
"""Says of a path, and of whether it is a folder, that it is left out."""


def is_ignored(folder: Path) -> Ignored:
    """The test of any path relative to `folder`.

    Raises:
        TargetError: a `.gcloudignore` includes a file that is missing, or a file is not UTF-8
            or too large.
    """
    rules = ignore_rules(folder)

    def ignored(path: PurePosixPath, is_folder: bool) -> bool:
        above = [each for each in reversed(path.parents) if each.name]
        return any(rules(each, True) for each in above) or rules(path, is_folder)

    return ignored


def ignore_rules(folder: Path) -> Ignored:
    """Like `is_ignored`, of a path whose parent folders are known not to be left out."""
    if follows_git(folder):
        real, known = folder.resolve(), [*_WITHOUT_A_FILE, *_NEVER]
        git = _Git(_top(real))
        git.take_back(real)
        return lambda path, is_folder: (
            _matches(known, path, is_folder) or git.ignores(real / path, is_folder=is_folder)
        )
    listed = patterns(_lines(folder / GCLOUD_FILE, folder))
    return lambda path, is_folder: (
        _matches(_NEVER, path, is_folder) or _matches(listed, path, is_folder)
    )


def follows_git(folder: Path) -> bool:
    """Whether git's rules decide, as the folder has no `.gcloudignore`."""
    return not (folder / GCLOUD_FILE).is_file()


def project_folder(folder: Path) -> Path:
    """The project that a folder was put into, by its own path; links are not followed.

    It is the nearest folder with a `Pulumi.yaml`, or else with `stacks`; without either it is the
    repository, or the folder's parent.
    """
    # `absolute` keeps `..`, and `resolve` would follow links.
    here = Path(os.path.abspath(folder))  # noqa: PTH100
    return (
        _nearest(here, "Pulumi.yaml") or _nearest(here, "stacks") or _nearest(here, ".git")
    ) or here.parent


class LinkTargets:
    """The paths that links of a source lead to: what git ignores there is not deployed.

    A target in the source itself is ignored as it is without the link. Elsewhere git decides on
    the target and on all folders above it, except those that are above the source, too.

    Attributes:
        source: the handler's real folder.
        ignored: the test of a path below it.
        follow_git: False if a `.gcloudignore` decides instead; then only files that are never
            deployed are ignored.
    """

    def __init__(
        self, source: Path, ignored: Ignored | None = None, *, follow_git: bool = True
    ) -> None:
        self._source = source
        self._ignored = ignored
        self._follow_git = follow_git
        self._known: dict[Path, bool] = dict.fromkeys((source, *source.parents), False)
        self._repositories: dict[Path, _Git] = {}

    def ignores(self, target: Path, *, is_folder: bool) -> bool:
        """Whether a target, a path without links, or a folder above it is ignored."""
        if target not in self._known:
            self._known[target] = self.ignores(target.parent, is_folder=True) or (
                self._ignores_itself(target, is_folder=is_folder)
            )
        return self._known[target]

    def _ignores_itself(self, target: Path, *, is_folder: bool) -> bool:
        if self._ignored is not None and target.is_relative_to(self._source):
            return self._ignored(PurePosixPath(target.relative_to(self._source)), is_folder)
        if _matches(_NEVER, PurePosixPath(target.name), is_folder):
            return True
        return self._follow_git and self._git(target.parent).ignores(target, is_folder=is_folder)

    def _git(self, folder: Path) -> _Git:
        """The repository that tracks what is in a folder."""
        top = _top(folder)
        if top not in self._repositories:
            self._repositories[top] = _Git(top)
        return self._repositories[top]


class _Git:
    """The ignore files of a repository.

    Attributes:
        top: its real folder.
    """

    def __init__(self, top: Path) -> None:
        self._top = top
        self._known: dict[Path, list[Pattern]] = {}

    def take_back(self, folder: Path) -> None:
        """Remove the rules that ignore all of a folder, such as `dist/`: the spec asks for it."""
        for above in self._from_top(folder):
            while found := self._deciding(above, is_folder=True):
                known, last = found
                if not last.ignores:
                    break
                known.remove(last)

    def ignores(self, path: Path, *, is_folder: bool) -> bool:
        """Whether git ignores a path below the top, whose parent folders are not ignored."""
        found = self._deciding(path, is_folder=is_folder)
        return found is not None and found[1].ignores

    def _from_top(self, path: Path) -> Iterator[Path]:
        """The folders from below the top to `path`."""
        here = self._top
        for part in path.relative_to(self._top).parts:
            here /= part
            yield here

    def _deciding(self, path: Path, *, is_folder: bool) -> tuple[list[Pattern], Pattern] | None:
        """The pattern that decides on a path: the nearest ignore file has the last word."""
        for folder in path.parents:
            known = self._patterns(folder)
            found = last_match(known, path.relative_to(folder).as_posix(), is_folder=is_folder)
            if found is not None:
                return known, found
            if folder == self._top:
                break
        return None

    def _patterns(self, folder: Path) -> list[Pattern]:
        if folder not in self._known:
            # Git does not follow a link of this name (https://git-scm.com/docs/gitignore#_notes).
            files = [] if (folder / GIT_FILE).is_symlink() else [folder / GIT_FILE]
            if folder == self._top:
                files.insert(0, _clone(folder) / "info" / "exclude")
            texts = [_text(file) for file in files if file.is_file()]
            self._known[folder] = patterns(line for text in texts for line in text)
        return self._known[folder]


def _matches(known: list[Pattern], path: PurePosixPath, is_folder: bool) -> bool:
    found = last_match(known, str(path), is_folder=is_folder)
    return found is not None and found.ignores


def _top(folder: Path) -> Path:
    """The top of the repository that a real folder is in."""
    # Without a repository the project's own .gitignore still says what is not to be shared.
    top = _nearest(folder, ".git") or _nearest(folder, "Pulumi.yaml")
    return top or _nearest(folder, "stacks") or folder


def _nearest(folder: Path, mark: str) -> Path | None:
    """The nearest folder, from `folder` upwards, that has something of this name in it."""
    return next((each for each in (folder, *folder.parents) if (each / mark).exists()), None)


def _lines(file: Path, folder: Path) -> Iterator[str]:
    for line in _text(file):
        if not line.startswith(_INCLUDE):
            yield line
            continue
        included = folder / line.removeprefix(_INCLUDE).strip()
        if not included.is_file():
            raise TargetError(
                f"`{file}` includes `{included.name}`, which does not exist",
                hint="remove the line, or write the file",
            )
        yield from _text(included)


def _clone(top: Path) -> Path:
    """Git's own folder of a repository; worktrees share that of the clone.

    https://git-scm.com/docs/gitrepository-layout
    """
    link = _line(top / ".git")
    if link is None:
        return top / ".git"
    folder = top / link.removeprefix("gitdir:").strip()
    return folder / (_line(folder / "commondir") or "")


def _line(file: Path) -> str | None:
    """The line in one of git's own files; None if there is no such file."""
    if not file.is_file():
        return None
    with file.open("rb") as opened:
        return os.fsdecode(opened.readline(_MOST_IN_A_PATH).rstrip())


def _text(file: Path) -> list[str]:
    """The lines of an ignore file."""
    with file.open("rb") as opened:
        content = opened.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise TargetError(
            f"`{file}` has more than {MOST_BYTES // 1024} KiB", hint="shorten it: name folders"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TargetError(f"`{file}` is not UTF-8", hint="save it as UTF-8") from None
    return [line.removesuffix("\r") for line in text.split("\n")]
