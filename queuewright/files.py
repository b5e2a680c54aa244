"""Writes a file as a whole, so that nobody ever reads half of it."""

from __future__ import annotations

import os
import threading
from pathlib import Path


def write_whole(path: Path, content: bytes | str) -> None:
    """Replace the content of a file in one step; text is written as UTF-8.

    Creates missing folders. Several processes or threads may write the same file at once: the
    last one wins.

    Raises:
        OSError: the file stays as it was.
    """
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
