"""The library of workers, `queuewright-runtime`, which comes with queuewright itself.

So a worker's requirements can name it, and no index needs to have it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from queuewright.packages import runtime_folder

REQUIREMENT = "requirement.txt"

_is_named = re.compile(rb"(?im)^[ \t]*queuewright[-_.]+runtime\b").search


def with_runtime(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with which an interpreter finds the library.

    `FUNCTION_SOURCE`, a path in a function's package, becomes the path here.
    """
    folder = runtime_folder()
    path = ":".join(filter(None, (variables.get("PYTHONPATH"), str(folder))))
    found = {**variables, "PYTHONPATH": path}
    if "FUNCTION_SOURCE" in variables:
        found["FUNCTION_SOURCE"] = str(folder / variables["FUNCTION_SOURCE"])
    return found


def names_runtime(requirements: Iterable[bytes]) -> bool:
    r"""Return whether the contents of requirements files name the library.

    >>> names_runtime([b"flask\\n", b"queuewright-runtime[pull]\\n"]), names_runtime([b"flask"])
    (True, False)
    """
    return any(_is_named(content) for content in requirements)


def runtime_digest() -> str:
    """Return a digest of the library's files."""
    folder, digest = runtime_folder(), hashlib.sha256()
    for file in sorted((folder / "pyproject.toml", *folder.glob("queuewright_runtime/**/*.py"))):
        for part in (str(file.relative_to(folder)).encode(), file.read_bytes()):
            digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()[:12]


def runtime_requirement(into: Path) -> Path:
    """Build the library's wheel, and return a requirements file that makes pip take it.

    Takes a fifth of a second and no network; the second time, it is there.

    Args:
        into: a folder for the wheels.
    """
    from hatchling.builders.wheel import WheelBuilder

    folder = into / f"runtime-{runtime_digest()}"
    requirement = folder / REQUIREMENT
    if not requirement.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        builder = WheelBuilder(str(runtime_folder()))
        (wheel,) = builder.build(directory=str(folder), versions=["standard"])
        text = f"queuewright-runtime @ {Path(wheel).resolve().as_uri()}\n"
        requirement.write_text(text, encoding="utf-8")
    return requirement
