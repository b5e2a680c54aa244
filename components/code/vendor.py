"""Fetches the Python packages of a handler that is deployed without a build.

The archive must have the packages of its `requirements.txt`, for linux/amd64 and the runtime's
Python, whatever this machine is.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from filelock import FileLock

from queuewright.errors import TargetError
from queuewright.packages.requirements import contents

CACHE = Path(".queuewright", "vendored")
VENDOR = "vendor"
REQUIREMENTS = "requirements.txt"
# A wheel for an older C library also runs on a newer one: https://peps.python.org/pep-0600/
PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64")


def vendored(folder: Path, runtime: str, *, cache: Path = CACHE) -> Mapping[PurePosixPath, Path]:
    """The files of a handler's required packages, by their path in the archive.

    They are fetched once for each content of `requirements.txt` and each Python version, and kept
    in `cache`. A requirement without a version therefore stays at the version first fetched.

    Args:
        folder: the handler's folder; without a `requirements.txt` there are no files.
        runtime: Google's name of the language; for others than `python3…` there are no files.
        cache: a folder that several processes may share. Each of them may be killed at any time.

    Raises:
        TargetError: pip cannot fetch a package, for example because it has no wheel for Linux.
    """
    requirements = folder / REQUIREMENTS
    version = re.fullmatch(r"python(\d)(\d+)", runtime)
    if version is None or not requirements.is_file():
        return {}
    python = f"{version[1]}.{version[2]}"
    kept = cache / f"{python}-{_digest(requirements)}"
    if not kept.is_dir():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(kept.with_name(f"{kept.name}.lock")):
            if not kept.is_dir():
                _fetch(requirements, python, kept)
    return {
        PurePosixPath(VENDOR) / file.relative_to(kept).as_posix(): file
        for file in sorted(kept.rglob("*"))
        if file.is_file()
    }


def _digest(requirements: Path) -> str:
    """The hash of the requirements and of the files that they include, as 16 hex digits."""
    digest = hashlib.sha256()
    for text in contents(requirements):
        digest.update(len(text).to_bytes(8) + text)
    return digest.hexdigest()[:16]


def _fetch(requirements: Path, python: str, into: Path) -> None:
    """Fetch into a temporary folder, and rename it to `into` once it is complete."""
    unfinished = f"{into.name}.part-"
    for left in into.parent.glob(f"{unfinished}*"):
        shutil.rmtree(left, ignore_errors=True)  # from a process that was killed
    part = Path(tempfile.mkdtemp(prefix=unfinished, dir=into.parent))
    try:
        _install(requirements, python, part)
        # Commands contain the path of this machine's Python, and pip's records list them.
        shutil.rmtree(part / "bin", ignore_errors=True)
        for record in part.glob("*.dist-info/RECORD"):
            record.unlink()
        part.replace(into)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _install(requirements: Path, python: str, into: Path) -> None:
    platforms = [f"--platform={each}" for each in PLATFORMS]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--no-compile", "--only-binary=:all:", f"--python-version={python}", *platforms),
            *("--target", str(into), "--requirement", str(requirements)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        hint = "pin versions that have wheels for it, or give the folder a Dockerfile"
        if "No module named pip" in done.stderr:
            hint = "python -m ensurepip"
        raise TargetError(
            f"pip cannot fetch the packages of `{requirements}` for Python {python} on Linux:\n"
            f"{done.stderr.strip()}",
            hint=hint,
        )
