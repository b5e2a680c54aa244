"""The packages that a handler's code imports, fetched for the machine that will run it.

Cloud Run runs such a handler without a build, so what `requirements.txt` names must be in the
archive, in the form for linux/amd64 and the runtime's Python, whatever machine this is.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from queuewright.errors import TargetError
from queuewright.packages.requirements import contents

CACHE = Path(".queuewright", "vendored")
VENDOR = "vendor"
REQUIREMENTS = "requirements.txt"
# Wheels for an older C library run on a newer one: https://peps.python.org/pep-0600/
PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64")


def vendored(folder: Path, runtime: str, *, cache: Path = CACHE) -> Mapping[PurePosixPath, Path]:
    """The files that `folder`'s requirements bring, by their path in the archive.

    They are fetched once for each text of requirements and each Python, and kept in `cache`: a
    requirement that names no version stays at the one that it was fetched with.

    Args:
        folder: the handler's folder; without a `requirements.txt` in it nothing is fetched.
        runtime: Google's name of the language; other than `python3…` it brings nothing.
        cache: several processes may use one at once, and each may be killed.

    Raises:
        TargetError: pip cannot fetch them, as where a package has no wheel for that machine.
    """
    requirements = folder / REQUIREMENTS
    version = re.fullmatch(r"python(\d)(\d+)", runtime)
    if version is None or not requirements.is_file():
        return {}
    python = f"{version[1]}.{version[2]}"
    kept = cache / f"{python}-{_digest(requirements)}"
    if not kept.is_dir():
        with _alone(kept):
            if not kept.is_dir():
                _fetch(requirements, python, kept)
    return {
        PurePosixPath(VENDOR) / file.relative_to(kept).as_posix(): file
        for file in sorted(kept.rglob("*"))
        if file.is_file()
    }


def _digest(requirements: Path) -> str:
    """What the requirements say, and the files that they take in, as 16 hex digits."""
    digest = hashlib.sha256()
    for text in contents(requirements):
        digest.update(len(text).to_bytes(8) + text)
    return digest.hexdigest()[:16]


@contextmanager
def _alone(kept: Path) -> Iterator[None]:
    """Be the only process that fetches `kept`; the kernel lets the next one in, come what may."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    with kept.with_name(f"{kept.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(requirements: Path, python: str, into: Path) -> None:
    """Fetch into a folder of this call's own; it is `into` only when it is whole."""
    unfinished = f"{into.name}.part-"
    for left in into.parent.glob(f"{unfinished}*"):
        shutil.rmtree(left, ignore_errors=True)  # by a process that was killed
    part = Path(tempfile.mkdtemp(prefix=unfinished, dir=into.parent))
    try:
        _install(requirements, python, part)
        # Commands carry the path of this machine's Python, and pip's records those of the commands.
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
            f"the packages of `{requirements}` cannot be fetched for Python {python} on Linux:\n"
            f"{done.stderr.strip()}",
            hint=hint,
        )
