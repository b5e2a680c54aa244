"""Finds a Pulumi program, and runs it as `pulumi up` does."""

from __future__ import annotations

import contextlib
import re
import runpy
import sys
import warnings
from collections.abc import Awaitable, Callable, Iterator
from inspect import isawaitable
from pathlib import Path
from typing import TypeAlias

from queuewright.errors import TargetError

Program: TypeAlias = Callable[[], object] | str | Path


def runnable(program: Program) -> Callable[[], Awaitable[None] | None]:
    """A function that runs `program`.

    A program in a file runs in the file's folder, as `__main__`, and can import its neighbours.
    The result of a program that is a function is awaited if possible, and otherwise ignored.

    Raises:
        TargetError: the program does not exist.
    """
    if callable(program):
        return lambda: _awaitable(quietly(program))
    path = Path(program)
    file = (path / "__main__.py" if path.is_dir() else path).resolve()
    if not file.exists():
        raise TargetError(
            f"{program}: no Pulumi program here",
            hint="give the folder that has `__main__.py`",
        )

    def run() -> None:
        with _within(file.parent):
            try:
                quietly(lambda: runpy.run_path(str(file), run_name="__main__"))
            except ModuleNotFoundError as error:
                if error.name != "queuewright.components":
                    raise
                raise TargetError(
                    "`queuewright.components` is part of the wheel, and this is a clone",
                    hint="import from `components`, or install the wheel",
                ) from None

    return run


def project_name(program: Program) -> str:
    """The project's name in the `Pulumi.yaml` beside a program, or else `"project"`."""
    if callable(program):
        return "project"
    path = Path(program)
    file = (path if path.is_dir() else path.parent) / "Pulumi.yaml"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    found = re.search(r"^name:\s*['\"]?([\w.-]+)", text, re.MULTILINE)
    return found[1] if found else "project"


def quietly(program: Callable[[], object]) -> object:
    """Call `program` without the deprecation warnings that a provider's SDK raises about itself.

    `pulumi_gcp.storage` raises one on first use, and many tests turn warnings into errors.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"pulumi_\w+\.")
        return program()


def _awaitable(result: object) -> Awaitable[None] | None:
    return result if isawaitable(result) else None


@contextlib.contextmanager
def _within(folder: Path) -> Iterator[None]:
    before = sys.path[:]
    sys.path.insert(0, str(folder))
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        sys.path[:] = before
