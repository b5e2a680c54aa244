"""Loads a `Spec` from files: an environment's file and its bases; checks that sources exist."""

from __future__ import annotations

import os
from pathlib import Path

from queuewright.errors import Problem, SpecError, TargetError
from queuewright.spec.check import Spec, check
from queuewright.spec.document import Absence, Node, dotted, read
from queuewright.spec.files import beside, is_file, is_folder, text_of
from queuewright.spec.handler_model import SOURCE_KINDS
from queuewright.spec.merge import extend
from queuewright.spec.payloads import payload_problems
from queuewright.spec.values import shown
from queuewright.spec.words import did_you_mean, nearest

STACKS = "stacks"
"""The folder of a project that has one file per environment."""

_PULUMI = "Pulumi."
"""Pulumi keeps its own files, `Pulumi.dev.yaml`, in the same folder."""


def load(environment: str, root: Path = Path()) -> Spec:
    """The spec of an environment: `stacks/ENVIRONMENT.yaml` in the project's folder `root`.

    Raises:
        SpecError: the files have problems; it has all of them, each with its place.
    """
    return load_file(root / STACKS / f"{environment}.yaml", root)


def load_file(file: Path, root: Path) -> Spec:
    """Like `load`, but from any file; sources are relative to `root`."""
    merged, problems, is_whole = _read_chain(file, root, ())
    spec, found = check(merged, environment=file.stem)
    if not is_whole:
        found = [problem for problem in found if not isinstance(problem, Absence)]
    problems = [*problems, *found, *_source_problems(merged, root), *payload_problems(merged, root)]
    if problems or spec is None:
        raise SpecError(dict.fromkeys(problems))
    return spec


def parse(text: str, *, file: str = "spec.yaml", environment: str = "dev") -> Spec:
    """A spec from a text that extends no file. Reads no files.

    Raises:
        SpecError: the text has problems; it has all of them.
    """
    node, problems = read(text, file)
    spec, found = check(node, environment=environment)
    if problems or found or spec is None:
        raise SpecError(dict.fromkeys([*problems, *found]))
    return spec


def find_root(start: Path | None = None) -> Path:
    """Return the project's folder: the nearest one, going up, with a `stacks` folder.

    Raises:
        TargetError: there is none.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / STACKS).is_dir():
            return folder
    raise TargetError(
        f"no `{STACKS}` folder in `{here}` or above it",
        hint="go to the project's folder, or create a project with `queuewright init`",
    )


def environments(root: Path = Path()) -> list[str]:
    """The names of all files in a project's `stacks/`, including base files."""
    return sorted(file.stem for file in (root / STACKS).glob("*.yaml") if _is_stack(file))


def _read_chain(
    file: Path, root: Path, above: tuple[Path, ...]
) -> tuple[Node, list[Problem], bool]:
    """The merged document, the problems in its files, and whether all files could be read."""
    hint = None
    if file.parent == root / STACKS:
        hint = did_you_mean(file.stem, environments(root)) or f"write `{STACKS}/dev.yaml`"
    node, problems = read(text_of(file, _name(file, root), hint), _name(file, root))
    extends = node.at(("extends",))
    if extends is None or extends.value is None:
        return node, problems, True
    if not isinstance(extends.value, str) or not extends.value.strip():
        return node, problems, False  # `check` reports this value
    base, seen = file.parent / extends.value, (*above, file)
    if (wrong := _wrong_base(extends.value, base, seen)) is not None:
        problems.append(Problem(extends.place, "extends", *wrong))
        return node, problems, False
    try:
        below, found, is_whole = _read_chain(base, root, seen)
    except SpecError as error:
        return node, [*problems, *error.problems], False
    return extend(below, node), [*problems, *found], is_whole


def _is_stack(file: Path) -> bool:
    return file.suffix == ".yaml" and not file.name.startswith(_PULUMI) and is_file(file)


def _wrong_base(written: str, base: Path, seen: tuple[Path, ...]) -> tuple[str, str] | None:
    """The message and hint if a file cannot be extended; None if it can."""
    if is_folder(base):
        return f"{shown(written)} is a folder", "name a file, as in `extends: base.yaml`"
    if not is_file(base):
        folder = Path(written).parent
        names = [
            str(folder / other.name)
            for other in beside(base)
            if _is_stack(other) and other != seen[-1]
        ]
        hint = did_you_mean(written, names) or "the path is relative to this file's folder"
        return f"no file {shown(written)}", hint
    if any(base.samefile(known) for known in seen):
        cycle = " → ".join(known.name for known in (*seen, base))
        return f"is a cycle: {cycle}", "remove one `extends` of the cycle"
    return None


def _source_problems(merged: Node, root: Path) -> list[Problem]:
    """The problems with the folders of code: missing, outside the project, or not runnable."""
    problems = []
    for name, handler in merged.entries("handlers"):
        for kind in SOURCE_KINDS:
            source = handler.at((kind, "source"))
            if source is None or not isinstance(source.value, str):
                continue
            path = ("handlers", name, kind, "source")
            wrong = _wrong_source(source.value, root)
            if wrong is None and kind == "service":
                wrong = _wrong_service(handler, source.value, root)
            if wrong is None and kind == "worker":
                wrong = _wrong_worker(source.value, root)
            if wrong is not None:
                problems.append(Problem(source.place, dotted(path), *wrong))
    return problems


def _wrong_source(source: str, root: Path) -> tuple[str, str] | None:
    folder = root / source
    if not source.strip():
        return None
    if is_folder(folder):
        return _outside(folder, root, source)
    if is_file(folder):
        return f"{shown(source)} is not a folder", f"give its folder: `{Path(source).parent}`"
    names = [str(Path(source).parent / other.name) for other in beside(folder) if is_folder(other)]
    near = nearest(source, names)
    hint = f"did you mean `{near}`?" if near else "the path is relative to the project's folder"
    return f"{shown(source)} does not exist", hint


def _outside(folder: Path, root: Path, source: str) -> tuple[str, str] | None:
    """The problem with a path inside the project that leads out of it through a link."""
    real = folder.resolve()
    path = os.path.normpath(source)
    if real.is_relative_to(root.resolve()) or path.startswith(("/", "..")):
        return None  # the model rejects a path that leaves the project by itself
    hint = "move the code into the project, or copy it there"
    return f"{shown(source)} leads out of the project, to {shown(str(real))}", hint


def _wrong_service(handler: Node, source: str, root: Path) -> tuple[str, str] | None:
    """The problem with a service's folder, unless either a Dockerfile or the spec defines it."""
    written = [key for key in ("runtime", "command") if handler.at(("service", key)) is not None]
    if is_file(root / source / "Dockerfile"):
        keys = " and ".join(f"`{key}`" for key in written)
        hint = f"remove {keys}, or the Dockerfile"
        message = f"{shown(source)} has a Dockerfile, which defines the runtime and the command"
        return (message, hint) if written else None
    if written:
        return None
    hint = "add one, or add `runtime: python312` and `command: python main.py`"
    return f"{shown(source)} has no Dockerfile", hint


def _wrong_worker(source: str, root: Path) -> tuple[str, str] | None:
    """The problem with a worker's folder: worker pools take images only."""
    if is_file(root / source / "Dockerfile"):
        return None
    hint = "add one that ends with a `CMD`, or give an `image`"
    return f"{shown(source)} has no Dockerfile, which a worker's image is built from", hint


def _name(file: Path, root: Path) -> str:
    try:
        return str(file.relative_to(root))
    except ValueError:
        return str(file)
