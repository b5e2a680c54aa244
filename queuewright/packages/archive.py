"""Source files as a zip whose bytes depend on their names and contents, and on nothing else.

Entries are sorted, carry one fixed time and one of two modes, and are stored
uncompressed: compressors differ between machines and versions, and a
difference in bytes alone would redeploy code that has not changed.
"""

from __future__ import annotations

import hashlib
import io
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from queuewright.errors import TargetError
from queuewright.files import write_whole
from queuewright.packages.trees import Trees, package_files

EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can say
DIGEST_LENGTH = 16  # hex digits, 64 bits: enough to tell a project's archives apart


@dataclass(frozen=True)
class Package:
    """An archive on disk, and the digest of its bytes (16 hex digits)."""

    path: Path
    digest: str


def package(
    folder: Path,
    *,
    into: Path,
    name: str,
    trees: Trees | None = None,
    vendored: Mapping[PurePosixPath, Path] | None = None,
) -> Package:
    """Archive the source in `folder` as `into/NAME-DIGEST.zip`.

    Args:
        folder: the handler's folder; what its ignore files name is left out.
        into: the folder that archives are kept in; made if it does not exist.
        name: the beginning of the archive's name.
        trees: folders and files beside the handler's, by their path in the archive; their ignore
            files apply, too.
        vendored: further files by their path in the archive, such as dependencies.

    Raises:
        TargetError: a folder cannot be read, has no source or a link out of the project; a tree
            would hide a file of the handler; or the disk is full.
    """
    files = package_files(folder, trees or {})
    try:
        data = _archive({**(vendored or {}), **files})
        digest = hashlib.sha256(data).hexdigest()[:DIGEST_LENGTH]
        path = into / f"{name}-{digest}.zip"
        if not path.exists():
            write_whole(path, data)
    except OSError as error:
        where = error.filename or into
        raise TargetError(f"`{folder}` cannot be archived: {error.strerror}: `{where}`") from error
    return Package(path, digest)


def _archive(files: Mapping[PurePosixPath, Path]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(str(path), EARLIEST)
            executable = files[path].stat().st_mode & stat.S_IXUSR
            entry.external_attr = (0o100755 if executable else 0o100644) << 16
            entry.create_system = 3  # Unix, on whichever machine
            archive.writestr(entry, files[path].read_bytes())
    return buffer.getvalue()
