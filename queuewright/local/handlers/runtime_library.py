"""The library of workers, `queuewright-runtime`, which comes with queuewright itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PACKAGE = Path(__file__).parents[2]
PLACES = (PACKAGE / "_runtime", PACKAGE.parent / "runtime")
"""In the wheel, and in the repository."""


def runtime_folder() -> Path:
    """Return the folder with the library's `pyproject.toml`."""
    return next(folder for folder in PLACES if (folder / "pyproject.toml").is_file())


def with_runtime(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with which our interpreter finds the library."""
    path = ":".join(filter(None, (variables.get("PYTHONPATH"), str(runtime_folder()))))
    return {**variables, "PYTHONPATH": path}
