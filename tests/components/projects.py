"""Copies of this project, and a project with one of everything."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from queuewright.errors import SpecError
from queuewright.spec import environments, load

ROOT = Path(__file__).parents[2]
EVERYTHING = Path(__file__).parent / "everything"


def shipped_stacks() -> list[str]:
    """The shipped environments, without files that others only extend."""
    found = []
    for name in environments(ROOT):
        with contextlib.suppress(SpecError):
            found.append(load(name, ROOT).environment)
    return found


def this_project(into: Path) -> Path:
    """A copy of the shipped project, which a test may edit."""
    for name in ("stacks", "handlers"):
        ignored = shutil.ignore_patterns("__pycache__", "Pulumi.*.yaml")
        shutil.copytree(ROOT / name, into / name, ignore=ignored)
    return _with_program(into)


def everything(into: Path) -> Path:
    """A copy of the project whose one stack, `all`, has every kind of handler and of grant."""
    shutil.copytree(EVERYTHING, into, dirs_exist_ok=True)
    return _with_program(into)


def _with_program(into: Path) -> Path:
    for name in ("__main__.py", "Pulumi.yaml"):
        shutil.copy(ROOT / name, into / name)
    return into
