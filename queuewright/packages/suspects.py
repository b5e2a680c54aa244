"""Files of a source that hardly belong into a package: secrets, and virtual environments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Final

from queuewright.packages.files import exclusion, ignore_command
from queuewright.packages.ignore import GCLOUD_FILE, GIT_FILE
from queuewright.packages.patterns import literal

# Names as in https://github.com/github/gitignore and the files that their tools write.
_BY_NAME: Final[Mapping[str, tuple[str, ...]]] = {
    "a file of secrets": (".env", ".env.*", "*.env", ".envrc"),
    "a private key": (
        *("*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.ppk"),
        *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"),
    ),
    "a service account's key": (
        *("service-account*.json", "service_account*.json", "serviceaccount*.json"),
        "gcp-key*.json",
    ),
    "credentials": (
        *("credentials.json", "client_secret*.json", "application_default_credentials.json"),
        *(".netrc", ".pgpass", ".git-credentials", ".htpasswd", "*.tfstate", "*.tfvars"),
    ),
}
_SAMPLES: Final = (".env.example", ".env.sample", ".env.template", ".env.dist", "example.env")
# What makes a secret of a file that often holds none.
_BY_CONTENT: Final[Mapping[str, tuple[str, re.Pattern[bytes]]]] = {
    "*.json": (
        "a service account's key",
        re.compile(rb'"(?:private_key|refresh_token)"\s*:\s*"'),
    ),
    ".npmrc": ("a registry's token", re.compile(rb"_auth(?:Token)?\s*=|_password\s*=")),
    ".yarnrc.yml": ("a registry's token", re.compile(rb"npmAuth(?:Token|Ident)\s*:")),
    ".pypirc": ("a registry's password", re.compile(rb"^\s*password\s*[:=]", re.M)),
    "pip.conf": ("a registry's password", re.compile(rb"://[^/\s]*:[^/\s]*@")),
}
_READ_BYTES: Final = 64 * 1024
"""So much of a file is looked at; a key has 2.5 KB."""
_ENVIRONMENT: Final = "pyvenv.cfg"
_INSTALLED: Final = "node_modules"


@dataclass(frozen=True)
class Suspect:
    """Something that would be deployed and hardly should be.

    Attributes:
        path: below the handler's folder; of a virtual environment its folder.
        looks_like: such as `a private key`.
        exclusion: the shell command that leaves it out.
        inclusion: the shell command that says that it is meant to be deployed.
    """

    path: PurePosixPath
    looks_like: str
    exclusion: str
    inclusion: str


def suspects(folder: Path, files: Iterable[PurePosixPath]) -> list[Suspect]:
    """What among the `files` of a source looks like a secret or a virtual environment.

    A line `!/PATH` in an ignore file of the folder says that a file is meant to be deployed, and
    `!/PATH/` says it of a virtual environment.
    Files that npm has installed are not looked at.

    Args:
        folder: the handler's folder.
        files: its source, relative to it.
    """
    listed = sorted(files)
    kept = _taken_in(folder)
    environments = {file.parent for file in listed if file.name == _ENVIRONMENT}
    environments.discard(PurePosixPath())
    found = [
        _suspect(folder, path, "a virtual environment", is_folder=True)
        for path in environments
        if _inclusion(path, is_folder=True) not in kept and environments.isdisjoint(path.parents)
    ]
    for file in listed:
        if _INSTALLED in file.parts or not environments.isdisjoint(file.parents):
            continue
        if _inclusion(file) in kept:
            continue
        looks_like = _secret(folder, file)
        if looks_like is not None:
            found.append(_suspect(folder, file, looks_like))
    return sorted(found, key=lambda suspect: suspect.path)


def _suspect(
    folder: Path, path: PurePosixPath, looks_like: str, *, is_folder: bool = False
) -> Suspect:
    inclusion = ignore_command(folder, _inclusion(path, is_folder=is_folder))
    return Suspect(path, looks_like, exclusion(folder, path, is_folder=is_folder), inclusion)


def _inclusion(path: PurePosixPath, *, is_folder: bool = False) -> str:
    """The line of an ignore file that says that a suspect is meant to be deployed."""
    return f"!{literal(str(path))}{'/' if is_folder else ''}"


def _secret(folder: Path, file: PurePosixPath) -> str | None:
    """What kind of secret a file looks like, by its own name or by that of the file it links to."""
    here = folder / file
    names = {file.name.lower(), here.resolve().name.lower()}
    for name in sorted(names - set(_SAMPLES)):
        for looks_like, globs in _BY_NAME.items():
            if any(fnmatchcase(name, glob) for glob in globs):
                return looks_like
        for glob, (looks_like, sign) in _BY_CONTENT.items():
            if fnmatchcase(name, glob) and sign.search(_beginning(here)):
                return looks_like
    return None


def _beginning(file: Path) -> bytes:
    try:
        if not file.is_file():  # reading a pipe or a device may never end
            return b""
        with file.open("rb") as opened:
            return opened.read(_READ_BYTES)
    except OSError:
        return b""


def _taken_in(folder: Path) -> set[str]:
    """The lines of the folder's ignore files that begin with a `!`."""
    files = (folder / name for name in (GIT_FILE, GCLOUD_FILE))
    lines = (
        line for file in files for line in _beginning(file).decode(errors="replace").split("\n")
    )
    return {line.removesuffix("\r") for line in lines if line.startswith("!")}
