"""A file is replaced as a whole, or stays as it was."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from queuewright.files import write_whole


def test_a_file_is_created_with_its_folders(tmp_path: Path) -> None:
    """Text is UTF-8."""
    write_whole(tmp_path / "a" / "b" / "file", "Grüße\n")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == "Grüße\n".encode()


def test_a_failed_write_leaves_the_file_as_it_was_and_no_draft(tmp_path: Path) -> None:
    """Here the file's place is taken by a folder."""
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="file"):
        write_whole(tmp_path / "file", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_readers_see_the_old_content_or_the_new(tmp_path: Path) -> None:
    """While two threads write as fast as they can."""
    file, contents = tmp_path / "file", (b"a" * 200_000, b"b" * 200_000)
    write_whole(file, contents[0])
    writers = [
        threading.Thread(target=lambda content=content: [write_whole(file, content)] * 50)
        for content in contents
    ]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert file.read_bytes() in contents
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
