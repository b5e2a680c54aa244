"""Where a Pulumi program is, what it is called, and how it is run as `pulumi up` runs it."""

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
    """A function that runs `program`: itself, or what is in its folder or file.

    A folder's or file's program runs in its folder, as `__main__`, its neighbours importable.
    What a function returns is awaited where it can be, and of no interest otherwise.

    Raises:
        TargetError: there is no such program.
    """
    if callable(program):
        return lambda: _awaitable(_quietly(program))
    path = Path(program)
    file = (path / "__main__.py" if path.is_dir() else path).resolve()
    if not file.exists():
        raise TargetError(
            f"{program}: there is no Pulumi program",
            hint="name the folder that has `__main__.py`",
        )

    def run() -> None:
        with _within(file.parent):
            try:
                _quietly(lambda: runpy.run_path(str(file), run_name="__main__"))
            except ModuleNotFoundError as error:
                if error.name != "queuewright.components":
                    raise
                raise TargetError(
                    "`queuewright.components` comes with the wheel, and this is a clone",
                    hint="pip install queuewright elsewhere, or import from `components` here",
                ) from None

    return run


def project_name(program: Program) -> str:
    """The project's name in the `Pulumi.yaml` beside a program; `"project"` where there is none."""
    if callable(program):
        return "project"
    path = Path(program)
    file = (path if path.is_dir() else path.parent) / "Pulumi.yaml"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    found = re.search(r"^name:\s*['\"]?([\w.-]+)", text, re.MULTILINE)
    return found[1] if found else "project"


def _quietly(program: Callable[[], object]) -> object:
    """Call `program`; that a provider's SDK warns of its own parts is no matter of a test's.

    `pulumi_gcp.storage` does so when it is first used, and many a test turns warnings into errors.
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
