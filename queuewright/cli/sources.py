"""Reports what in handlers' folders can't or shouldn't be deployed."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from queuewright.cli.printing import echo
from queuewright.errors import Location, Problem, SpecError, TargetError
from queuewright.packages import (
    Suspect,
    collides,
    collision,
    escapes,
    source_files,
    suspects,
    tree_files,
)
from queuewright.spec import SOURCE_KINDS, HandlerSpec, Spec, dotted
from queuewright.terminal import printable

MOST_SHOWN = 10
"""More suspects in a handler's folder than this are counted, not named."""


def to_stderr(warning: str) -> None:
    """Print a warning on standard error."""
    echo(warning, err=True)


def with_sources_checked(spec: Spec, root: Path, warn: Callable[[str], None] = to_stderr) -> Spec:
    """Return `spec` after a warning for each suspect in its handlers' folders.

    Args:
        spec: the environment.
        root: the project's folder; sources are looked for in it.
        warn: is called with the warnings about a folder, which begin with `warning: `.

    Raises:
        SpecError: a folder has nothing to deploy, a link in it leads out of the project, or an
            included one is missing or hides a file. Each problem is at its line of the file.
    """
    problems: list[Problem] = []
    checked: set[Path] = set()
    for name, handler in spec.handlers.items():
        code = _Code.of(spec, name, handler)
        if code is None:
            continue
        files: list[PurePosixPath] = []
        try:
            files = source_files(root / code.folder.text, root=root)
        except TargetError as error:
            problems.append(code.folder.problem(error))
        else:
            problems += code.dockerfile_problems(files, root)
            _say(warn, _suspect_warnings(code.folder, files, root, checked))
            _say(warn, _path_warnings(code, files, root))
        for tree in code.include:
            try:
                found = _included(root / tree.text, root / code.folder.text, files, root)
            except TargetError as error:
                problems.append(tree.problem(error))
            else:
                _say(warn, _suspect_warnings(tree, found, root, checked))
    if problems:
        raise SpecError(problems)
    return spec


@dataclass(frozen=True)
class _Named:
    """A folder or file that the environment's file names."""

    text: str
    location: Location
    path: str

    def problem(self, error: TargetError) -> Problem:
        message, _, _ = str(error).partition("\n  hint: ")
        return Problem(self.location, self.path, message, error.hint)


@dataclass(frozen=True)
class _Code:
    """What a handler is deployed from."""

    folder: _Named
    """Its source, or the folder that its image is built from."""
    dockerfile: _Named | None
    """If the file names it."""
    include: tuple[_Named, ...]
    search_path: tuple[_Named, ...]
    """The values of `PYTHONPATH`."""

    @classmethod
    def of(cls, spec: Spec, name: str, handler: HandlerSpec) -> _Code | None:
        """The code of the handler `name`; None if it is not deployed from here."""

        def named(text: str, *path: str | int) -> _Named:
            whole = ("handlers", name, *path)
            return _Named(text, spec.locate(*whole), dotted(whole))

        for kind in SOURCE_KINDS:
            target = getattr(handler, kind)
            if target is None or target.source is None:
                continue
            context = getattr(target, "context", None)
            key = "source" if context is None else "context"
            dockerfile = getattr(target, "dockerfile", None)
            paths = {("env",): handler.env, ("local", "env"): handler.local.env}
            return cls(
                named(context or target.source, kind, key),
                named(dockerfile, kind, "dockerfile") if dockerfile is not None else None,
                tuple(named(each, "include", at) for at, each in enumerate(handler.include)),
                tuple(
                    named(env["PYTHONPATH"], *at, "PYTHONPATH")
                    for at, env in paths.items()
                    if "PYTHONPATH" in env
                ),
            )
        return None

    def dockerfile_problems(self, files: list[PurePosixPath], root: Path) -> Iterator[Problem]:
        """A problem if the build would not get the Dockerfile."""
        if self.dockerfile is None:
            return
        file = PurePosixPath(posixpath.normpath(self.dockerfile.text))
        if file.relative_to(posixpath.normpath(self.folder.text)) in files:
            return
        message, hint = f"`{file}` does not exist", "create it, or correct the path"
        if (root / file).is_file():
            message, hint = (
                f"`{file}` is ignored, so the build would not get it",
                "do not ignore it",
            )
        yield Problem(self.dockerfile.location, self.dockerfile.path, message, hint)


def _included(
    tree: Path, folder: Path, files: list[PurePosixPath], root: Path
) -> list[PurePosixPath]:
    """The files of an included folder or file, relative to it."""
    if folder.resolve().is_relative_to(tree.resolve()):
        raise TargetError(
            f"`{tree}` contains the handler's own folder",
            hint="name the folders beside it that the handler needs",
        )
    found = tree_files(tree, root=root)
    if (hidden := collision(files, PurePosixPath(tree.name))) is not None:
        raise collides(folder, hidden, tree)
    return found


def _say(warn: Callable[[str], None], lines: Iterable[str]) -> None:
    if text := "\n".join(lines):
        warn(text)


def _suspect_warnings(
    named: _Named, files: list[PurePosixPath], root: Path, checked: set[Path]
) -> Iterator[str]:
    """Warnings of the suspects in a folder, if it is not among those `checked` before."""
    folder, text = root / named.text, named.text
    if folder.resolve() in checked:
        return
    checked.add(folder.resolve())
    if files == [PurePosixPath()]:  # an included file
        folder, text, files = folder.parent, posixpath.dirname(text), [PurePosixPath(folder.name)]
    yield from _warnings(text, suspects(folder, files), named.location, named.path)


def _warnings(source: str, found: list[Suspect], location: Location, path: str) -> Iterator[str]:
    for suspect in found[:MOST_SHOWN]:
        message = (
            f"`{printable(posixpath.join(source, suspect.path))}` looks like {suspect.looks_like}, "
            "and would be deployed"
        )
        yield f"warning: {Problem(location, path, message, suspect.exclusion)}"
    if len(found) > MOST_SHOWN:
        message = f"{len(found) - MOST_SHOWN} more files of `{source}` look like this"
        yield f"warning: {Problem(location, path, message)}"
    if found:
        first, inclusion = printable(str(found[0].path)), found[0].inclusion
        yield f"  if `{first}` is meant to be deployed: {inclusion}"


def _path_warnings(code: _Code, files: list[PurePosixPath], root: Path) -> Iterator[str]:
    """A warning for each way out of the package on which Python would look for modules."""
    folder = root / code.folder.text
    hint = "name the folder under the handler's `include`, and import from it without a path"
    for named in code.search_path:
        for entry in named.text.split(":"):
            leads_to = Path(os.path.normpath(folder / entry))
            if entry.startswith("..") and not leads_to.is_relative_to(folder):
                message = (
                    f"`{entry}` leads out of the package: there is no such folder on Google Cloud"
                )
                yield f"warning: {Problem(named.location, named.path, message, hint)}"
    for escape in escapes(folder, files):
        where = posixpath.join(posixpath.normpath(code.folder.text), escape.path)
        message = f"`{where}`, line {escape.line}, adds `{_shown(escape.leads_to, root)}` to"
        message += " `sys.path`, which is not deployed"
        yield f"warning: {Problem(code.folder.location, code.folder.path, message, hint)}"


def _shown(folder: Path, root: Path) -> str:
    """A folder relative to the project's, if it is in it."""
    real = root.resolve()
    return str(folder.relative_to(real)) if folder.is_relative_to(real) else str(folder)
