"""The library that handlers import, `queuewright-runtime`, which comes with queuewright itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

PACKAGE = Path(__file__).parents[1]
PLACES = (PACKAGE / "_runtime", PACKAGE.parent / "runtime")
"""In the wheel, and in the repository."""
NAME: Final = "queuewright_runtime"


def runtime_folder() -> Path:
    """Return the folder with the library's `pyproject.toml`."""
    return next(folder for folder in PLACES if (folder / "pyproject.toml").is_file())


def runtime_files() -> Mapping[PurePosixPath, Path]:
    """Return the library's own files by their path in an archive, for `package(vendored=…)`."""
    folder = runtime_folder()
    return {
        PurePosixPath(file.relative_to(folder).as_posix()): file
        for file in sorted((folder / NAME).rglob("*"))
        if file.suffix == ".py" or file.name == "py.typed"
    }
