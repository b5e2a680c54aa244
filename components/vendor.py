"""The packages that a handler's code imports, fetched for the machine that will run it.

Cloud Run runs such a handler without a build, so what `requirements.txt` names must be in the
archive, in the form for linux/amd64 and the runtime's Python, whatever machine this is.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from queuewright.errors import TargetError

CACHE = Path(".queuewright", "vendored")
VENDOR = "vendor"
REQUIREMENTS = "requirements.txt"
# Wheels for an older C library run on a newer one: https://peps.python.org/pep-0600/
PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64")


def vendored(folder: Path, runtime: str, *, cache: Path = CACHE) -> Mapping[PurePosixPath, Path]:
    """The files that `folder`'s requirements bring, by their path in the archive.

    They are fetched once for each text of requirements and each Python, and kept in `cache`.

    Raises:
        TargetError: pip cannot fetch them, as where a package has no wheel for that machine.
    """
    requirements = folder / REQUIREMENTS
    version = re.fullmatch(r"python(\d)(\d+)", runtime)
    if version is None or not requirements.is_file():
        return {}
    python = f"{version[1]}.{version[2]}"
    digest = hashlib.sha256(f"{python}\n{requirements.read_text()}".encode()).hexdigest()[:16]
    kept = cache / f"{python}-{digest}"
    if not kept.is_dir():
        _fetch(requirements, python, kept)
    return {
        PurePosixPath(VENDOR) / file.relative_to(kept).as_posix(): file
        for file in sorted(kept.rglob("*"))
        if file.is_file()
    }


def _fetch(requirements: Path, python: str, into: Path) -> None:
    part = into.with_name(f"{into.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    platforms = [f"--platform={each}" for each in PLATFORMS]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--no-compile", "--only-binary=:all:", f"--python-version={python}", *platforms),
            *("--target", str(part), "--requirement", str(requirements)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise TargetError(
            f"the packages of `{requirements}` cannot be fetched for Python {python} on Linux:\n"
            f"{done.stderr.strip()}",
            hint="pin versions that have wheels for it, or give the folder a Dockerfile",
        )
    # Commands carry the path of this machine's Python, and pip's records those of the commands.
    shutil.rmtree(part / "bin", ignore_errors=True)
    for record in part.glob("*.dist-info/RECORD"):
        record.unlink()
    part.mkdir(parents=True, exist_ok=True)
    part.replace(into)
