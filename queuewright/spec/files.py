"""Access to files: a file's text and its neighbours, with every error as a `SpecError`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from queuewright.errors import Location, Problem, SpecError


def text_of(file: Path, name: str, hint: str | None = None) -> str:
    """The text of `file`; problems call it `name`, and use `hint` if it does not exist.

    Raises:
        SpecError: the file does not exist, cannot be read, or is not UTF-8.
    """
    place = Location(name, 1, 1)
    try:
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        column = error.start - (before.rfind(b"\n") + 1) + 1
        place = Location(name, before.count(b"\n") + 1, column)
        message = f"not UTF-8: the byte 0x{error.object[error.start]:02x}"
        raise SpecError([Problem(place, "$", message, "save the file as UTF-8")]) from None
    except (FileNotFoundError, NotADirectoryError, ValueError):
        fix = hint or "is its name spelt right?"
        raise SpecError([Problem(place, "$", "no such file", fix)]) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        fix = "give the path of a readable file"
        raise SpecError([Problem(place, "$", f"cannot be read: {reason}", fix)]) from None


def is_file(path: Path) -> bool:
    """Whether `path` is a file; False for an impossible path."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder; False for an impossible path."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def beside(path: Path) -> Iterator[Path]:
    """The other entries in the folder of `path`; none if there is no such folder."""
    try:
        yield from (other for other in path.parent.iterdir() if other != path)
    except (OSError, ValueError):
        return
