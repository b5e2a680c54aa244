"""Reports what in handlers' folders can't or shouldn't be deployed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from queuewright.cli.printing import echo
from queuewright.errors import Location, Problem, SpecError, TargetError
from queuewright.packages import Suspect, source_files, suspects
from queuewright.spec import SOURCE_KINDS, Spec, dotted
from queuewright.terminal import printable

MOST_SHOWN = 10
"""More suspects in a handler's folder than this are counted, not named."""


def with_sources_checked(spec: Spec, root: Path) -> Spec:
    """Return `spec` after a warning on stderr for each suspect in its handlers' folders.

    Args:
        spec: the environment.
        root: the project's folder; sources are looked for in it.

    Raises:
        SpecError: a folder has nothing to deploy, or a link in it leads out of the project. Each
            problem is at the line of its `source`.
    """
    problems: list[Problem] = []
    checked: set[Path] = set()
    for source, location, path in _sources(spec):
        folder = root / source
        try:
            files = source_files(folder, root=root)
        except TargetError as error:
            message, _, _ = str(error).partition("\n  hint: ")
            problems.append(Problem(location, path, message, error.hint))
            continue
        if folder.resolve() not in checked:
            checked.add(folder.resolve())
            for line in _warnings(source, suspects(folder, files), location, path):
                echo(line, err=True)
    if problems:
        raise SpecError(problems)
    return spec


def _sources(spec: Spec) -> Iterator[tuple[str, Location, str]]:
    """The folder of each handler that is deployed from one, with its place in the file."""
    for name, handler in spec.handlers.items():
        for kind in SOURCE_KINDS:
            target = getattr(handler, kind)
            if target is not None and target.source is not None:
                path = ("handlers", name, kind, "source")
                yield target.source, spec.locate(*path), dotted(path)


def _warnings(source: str, found: list[Suspect], location: Location, path: str) -> Iterator[str]:
    for suspect in found[:MOST_SHOWN]:
        message = (
            f"`{printable(f'{source}/{suspect.path}')}` looks like {suspect.looks_like}, "
            "and would be deployed"
        )
        yield f"warning: {Problem(location, path, message, suspect.exclusion)}"
    if len(found) > MOST_SHOWN:
        message = f"{len(found) - MOST_SHOWN} more files of `{source}` look like this"
        yield f"warning: {Problem(location, path, message)}"
    if found:
        first, inclusion = printable(str(found[0].path)), found[0].inclusion
        yield f"  if `{first}` is meant to be deployed: {inclusion}"
