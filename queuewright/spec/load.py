"""Files to a `Spec`: reads a stack's file and what it extends, and checks that sources exist."""

from __future__ import annotations

from pathlib import Path

from queuewright.errors import Location, Problem, SpecError
from queuewright.spec.check import Spec, check
from queuewright.spec.document import Node, dotted, read
from queuewright.spec.merge import extend, without_nulls
from queuewright.spec.words import did_you_mean

STACKS = "stacks"
"""The folder, in a project's own, that holds one file per environment."""


def load(environment: str, root: Path = Path()) -> Spec:
    """The spec of an environment: `stacks/ENVIRONMENT.yaml` in the project's folder `root`.

    Raises:
        SpecError: with every problem found, each at the line where it was written.
    """
    return load_file(root / STACKS / f"{environment}.yaml", root)


def load_file(file: Path, root: Path) -> Spec:
    """Like `load`, from any file; sources are looked for in `root`."""
    merged, problems = _read_chain(file, root, ())
    spec, found = check(merged, environment=file.stem)
    problems = [*problems, *found, *_missing_sources(merged, root)]
    if problems or spec is None:
        raise SpecError(_once(problems))
    return spec


def parse(text: str, *, file: str = "spec.yaml", environment: str = "dev") -> Spec:
    """A spec from a text that stands alone; touches no file.

    Raises:
        SpecError: with every problem found.
    """
    node, problems = read(text, file)
    spec, found = check(without_nulls(node), environment=environment)
    if problems or found or spec is None:
        raise SpecError(_once([*problems, *found]))
    return spec


def environments(root: Path = Path()) -> list[str]:
    """The environments that a project has files for, those that others extend included."""
    files = (root / STACKS).glob("*.yaml")
    return sorted(file.stem for file in files if not file.name.startswith("Pulumi."))


def _read_chain(file: Path, root: Path, above: tuple[Path, ...]) -> tuple[Node, list[Problem]]:
    name = _name(file, root)
    node, problems = read(_text(file, root), name)
    extends = node.at(("extends",))
    if extends is None or extends.value is None:
        return without_nulls(node), problems
    place = extends.place
    if not isinstance(extends.value, str):
        hint = "such as `extends: base.yaml`"
        problems.append(Problem(place, "extends", "expected the name of a file", hint))
        return without_nulls(node), problems
    base = file.parent / extends.value
    seen = (*above, file)
    if base.resolve() in (known.resolve() for known in seen):
        circle = " → ".join(known.name for known in (*seen, base))
        hint = "remove one `extends` of the circle"
        raise SpecError([*problems, Problem(place, "extends", f"goes in a circle: {circle}", hint)])
    if not base.is_file():
        others = (other.name for other in base.parent.glob("*.yaml") if other != file)
        others = (other for other in others if not other.startswith("Pulumi."))
        hint = did_you_mean(extends.value, others) or "the path starts at this file's folder"
        problems.append(Problem(place, "extends", f"no file `{extends.value}`", hint))
        return without_nulls(node), problems
    below, found = _read_chain(base, root, seen)
    return extend(below, node), [*problems, *found]


def _text(file: Path, root: Path) -> str:
    name = _name(file, root)
    place = Location(name, 1, 1)
    try:
        return file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        hint = did_you_mean(file.stem, environments(root)) or f"write `{STACKS}/dev.yaml`"
        raise SpecError([Problem(place, "$", "no such file", hint)]) from None
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        column = error.start - (before.rfind(b"\n") + 1) + 1
        place = Location(name, before.count(b"\n") + 1, column)
        byte = error.object[error.start]
        message = f"not UTF-8: the byte 0x{byte:02x}"
        raise SpecError([Problem(place, "$", message, "save the file as UTF-8")]) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SpecError([Problem(place, "$", f"cannot be read: {reason}")]) from None


def _missing_sources(merged: Node, root: Path) -> list[Problem]:
    problems = []
    for name, handler in merged.entries("handlers"):
        for kind in ("function", "service", "app_engine"):
            source = handler.at((kind, "source"))
            if source is None or not isinstance(source.value, str):
                continue
            if (root / source.value).is_dir():
                continue
            what = "is not a folder" if (root / source.value).exists() else "does not exist"
            path = dotted(("handlers", name, kind, "source"))
            folders = _siblings(root, source.value)
            hint = did_you_mean(source.value, folders) or "the path starts at the project's folder"
            problems.append(Problem(source.place, path, f"`{source.value}` {what}", hint))
    return problems


def _siblings(root: Path, source: str) -> list[str]:
    parent = (root / source).parent
    if not parent.is_dir():
        return []
    return [
        str(Path(source).parent / folder.name) for folder in parent.iterdir() if folder.is_dir()
    ]


def _once(problems: list[Problem]) -> list[Problem]:
    """A mistake in the defaults is one mistake, however many entries inherit it."""
    by_place = {(problem.location, problem.message): problem for problem in reversed(problems)}
    return list(by_place.values())


def _name(file: Path, root: Path) -> str:
    try:
        return str(file.relative_to(root))
    except ValueError:
        return str(file)
