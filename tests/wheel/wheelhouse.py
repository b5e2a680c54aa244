"""What is installed here, as wheels again: pip installs them elsewhere without a network."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.tags import sys_tags
from packaging.utils import canonicalize_name

HERE = [str(tag) for tag in sys_tags()]
INSTALLED = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
"""Of an installation, not of a wheel."""


def fill(folder: Path, requirements: Iterable[str], *, but: str) -> None:
    """Put into `folder` a wheel of all that `requirements` need, at any distance, `but` for one."""
    for each in _closure(requirements):
        if each.name != but:
            _pack(each, folder)


def _closure(requirements: Iterable[str]) -> Iterator[Distribution]:
    waiting = [Requirement(each) for each in requirements]
    seen = set[tuple[str, str]]()
    packed = set[str]()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        found = distribution(name)
        if name not in packed:
            packed.add(name)
            yield found
        for extra in ("", *sorted(requirement.extras)):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            waiting += [
                needed
                for needed in map(Requirement, found.requires or ())
                if needed.marker is None or needed.marker.evaluate({"extra": extra})
            ]


def _pack(found: Distribution, folder: Path) -> None:
    """A wheel of an installed distribution, without the scripts: pip makes those itself.

    https://packaging.python.org/en/latest/specifications/binary-distribution-format/
    """
    told = (found.read_text("WHEEL") or "").splitlines()
    tag = next(each for each in HERE if f"Tag: {each}" in told)
    name = canonicalize_name(found.name).replace("-", "_")
    wheel = folder / f"{name}-{found.version}-{tag}.whl"
    files = [
        file
        for file in found.files or ()
        if file.parts[0] != ".." and file.suffix != ".pyc" and file.name not in INSTALLED
    ]
    (info,) = {file.parts[0] for file in files if file.name == "METADATA" and len(file.parts) == 2}
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in files:
            archive.write(found.locate_file(file), str(file))
        record = "".join(f'"{file}",,\n' for file in files)
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
