"""Access to files: a file's text and its neighbours, with every error as a `SpecError`."""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from queuewright.errors import Location, Problem, SpecError

MOST_BYTES: Final = 1024 * 1024
"""A larger file is refused; a thousand queues with all their keys take a third of it."""

PATIENCE_S: Final = 10.0
"""How long a pipe may be silent."""


def text_of(
    file: Path,
    name: str,
    hint: str | None = None,
    *,
    may_be_pipe: bool = False,
    patience_s: float = PATIENCE_S,
) -> str:
    """The text of `file`; problems call it `name`, and use `hint` if it does not exist.

    `may_be_pipe`: read a pipe too, as in `--config <(command)`, unless nothing comes for
    `patience_s`.

    Raises:
        SpecError: the file does not exist, cannot be read, is not a regular file, is larger than
            1 MiB, or is not UTF-8.
    """
    place = Location(name, 1, 1)
    try:
        if may_be_pipe and stat.S_ISFIFO(file.stat().st_mode):
            content = _piped(file, place, patience_s)
        else:
            content = _content(file, place)
        return content.decode("utf-8-sig")
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


def _content(file: Path, place: Location) -> bytes:
    found = file.stat()
    # Reading a pipe or a device may never end.
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        message = "a device, a pipe or a socket, where a regular file is required"
        raise SpecError([Problem(place, "$", message, "is it a link to something else?")])
    if found.st_size > MOST_BYTES and not stat.S_ISDIR(found.st_mode):
        message = f"{found.st_size:,} bytes; the limit is {MOST_BYTES:,}"
        raise SpecError([Problem(place, "$", message, "is it a link to another file?")])
    return file.read_bytes()


def _piped(file: Path, place: Location, patience_s: float) -> bytes:
    """What comes through a pipe until its end."""
    content = bytearray()
    pipe = os.open(file, os.O_RDONLY | os.O_NONBLOCK)  # else opening waits for a writer
    try:
        while select.select([pipe], [], [], patience_s)[0]:
            if not (part := os.read(pipe, MOST_BYTES)):
                return bytes(content)
            content += part
            if len(content) > MOST_BYTES:
                message = f"more than {MOST_BYTES:,} bytes, which is the limit"
                raise SpecError([Problem(place, "$", message, "does the command that writes end?")])
    finally:
        os.close(pipe)
    message = f"a pipe through which nothing has come for {patience_s:g} s"
    raise SpecError([Problem(place, "$", message, "write the file first, and name it")])


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
