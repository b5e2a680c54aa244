"""Finds two environments that would have the same names on Google Cloud."""

from __future__ import annotations

from pathlib import Path

from queuewright.errors import Problem, SpecError
from queuewright.spec.check import Spec
from queuewright.spec.document import read
from queuewright.spec.files import is_file, text_of
from queuewright.spec.load import STACKS, environments, load


def shared_names(spec: Spec, root: Path) -> list[Problem]:
    """A problem for each other environment with the project and the prefix of `spec`.

    Each would take over or delete what the other has made. A file that others extend is no
    environment, unless Pulumi has a stack of its name. Files with problems are left out.
    """
    names = [name for name in environments(root) if _is_deployed(name, root)]
    if spec.environment not in names:
        return []
    return [
        _problem(spec, other)
        for name in names
        if name != spec.environment and (other := _loaded(name, root)) is not None
        if (other.project, other.prefix) == (spec.project, spec.prefix)
    ]


def _problem(spec: Spec, other: Spec) -> Problem:
    key = "prefix" if spec.prefix else "project"
    there = other.locate("prefix" if other.prefix else "project")
    names = f"`{spec.project}` and prefix `{spec.prefix}`" if spec.prefix else f"`{spec.project}`"
    message = (
        f"`{other.environment}` has {names}, too ({there}), so both would have the same names "
        "on Google Cloud"
    )
    hint = f"another project, or `prefix: {spec.environment}` in {STACKS}/{spec.environment}.yaml"
    return Problem(spec.locate(key), key, message, hint)


def _loaded(name: str, root: Path) -> Spec | None:
    try:
        return load(name, root)
    except SpecError:
        return None


def _is_deployed(name: str, root: Path) -> bool:
    """Whether a file is an environment, and not only a base of others."""
    file = root / STACKS / f"{name}.yaml"
    settings = f"Pulumi.{name}.yaml"
    if is_file(root / settings) or is_file(root / STACKS / settings):
        return True
    return not any(
        base is not None and is_file(base) and base.samefile(file)
        for base in (_base(other, root) for other in environments(root))
    )


def _base(name: str, root: Path) -> Path | None:
    """The file that a file extends."""
    file = root / STACKS / f"{name}.yaml"
    try:
        node, _ = read(text_of(file, file.name), file.name)
    except SpecError:
        return None
    extends = node.at(("extends",))
    value = extends.value if extends else None
    return file.parent / value if isinstance(value, str) and value.strip() else None
