"""What the disk holds: a file's text, and what stands beside a path; all errors are ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from queuewright.errors import Location, Problem, SpecError


def text_of(file: Path, name: str, hint: str | None = None) -> str:
    """The text of `file`, which problems call `name`; `hint` says what to do if there is none.

    Raises:
        SpecError: where it is not there, cannot be read, or is not UTF-8.
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
        way_out = hint or "is its name spelt right?"
        raise SpecError([Problem(place, "$", "no such file", way_out)]) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        way_out = "give the path of a file that you may read"
        raise SpecError([Problem(place, "$", f"cannot be read: {reason}", way_out)]) from None


def is_file(path: Path) -> bool:
    """Whether there is a file at `path`, whatever is written in it."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether there is a folder at `path`."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def beside(path: Path) -> Iterator[Path]:
    """What the folder of `path` holds, `path` itself left out; nothing where there is none."""
    try:
        yield from (other for other in path.parent.iterdir() if other != path)
    except (OSError, ValueError):
        return
