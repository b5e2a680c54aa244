"""Which files are a handler's source."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from queuewright.errors import TargetError
from queuewright.packages import is_ignored, source_files


def write(folder: Path, *names: str, text: str = "") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def found(folder: Path) -> list[str]:
    return [str(path) for path in source_files(folder)]


def test_files_come_sorted_whatever_the_order_on_disk(tmp_path: Path) -> None:
    """Sorted by path, folders included."""
    write(tmp_path, "z.py", "a/b.py", "a.py", "B.py")
    assert found(tmp_path) == ["B.py", "a/b.py", "a.py", "z.py"]


def test_gcloudignore_excludes_and_takes_back(tmp_path: Path) -> None:
    """Its lines read as git's do: a later `!` takes a file back."""
    write(tmp_path, "main.py", "notes.md", "keep.md", "data/big.bin", "sub/data/small.bin")
    (tmp_path / ".gcloudignore").write_text(".gcloudignore\n*.md\n!keep.md\n/data/\n")
    assert found(tmp_path) == ["keep.md", "main.py", "sub/data/small.bin"]


def test_gcloudignore_includes_another_file(tmp_path: Path) -> None:
    """`#!include:` reads further lines, as gcloud does."""
    write(tmp_path, "main.py", "main.log")
    (tmp_path / ".gitignore").write_text("*.log\n")
    (tmp_path / ".gcloudignore").write_text("#!include:.gitignore\n.git*\n.gcloudignore\n")
    assert found(tmp_path) == ["main.py"]


def test_an_included_file_that_is_missing_is_named(tmp_path: Path) -> None:
    """Rather than deploying what was meant to stay out."""
    (tmp_path / ".gcloudignore").write_text("#!include:.gitignore\n")
    with pytest.raises(TargetError, match=r"includes `\.gitignore`, which does not exist"):
        source_files(tmp_path)


def test_caches_of_bytecode_are_never_source(tmp_path: Path) -> None:
    """Running the code must not redeploy it, even where .gcloudignore forgets them."""
    write(tmp_path, "main.py", "__pycache__/main.cpython-312.pyc", "a/__pycache__/b.pyc")
    (tmp_path / ".gcloudignore").write_text("!__pycache__\n.gcloudignore\n")
    assert found(tmp_path) == ["main.py"]


def test_without_a_gcloudignore_gclouds_own_list_holds(tmp_path: Path) -> None:
    """Version control and installed packages stay out."""
    write(
        tmp_path, "main.py", ".gitignore", ".git/config", "node_modules/x/index.js", ".venv/bin/p"
    )
    assert found(tmp_path) == ["main.py"]


def test_a_linked_folder_is_followed(tmp_path: Path) -> None:
    """Shared code may be linked into a handler."""
    write(tmp_path / "shared", "rules.py")
    write(tmp_path / "handler", "main.py")
    (tmp_path / "handler" / "shared").symlink_to(tmp_path / "shared")
    assert found(tmp_path / "handler") == ["main.py", "shared/rules.py"]


def test_a_link_in_a_circle_is_refused(tmp_path: Path) -> None:
    """It would go on for ever."""
    write(tmp_path, "main.py")
    (tmp_path / "again").symlink_to(tmp_path)
    with pytest.raises(TargetError, match="a link to a folder that contains it"):
        source_files(tmp_path)


def test_a_link_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    """A package that lacks a file would fail only once it runs."""
    (tmp_path / "gone.py").symlink_to(tmp_path / "nothing")
    with pytest.raises(TargetError, match="leads nowhere"):
        source_files(tmp_path)


@pytest.mark.parametrize("ignore", [None, "*\n"])
def test_a_folder_without_source_is_refused(tmp_path: Path, ignore: str | None) -> None:
    """Empty, or with all of it excluded."""
    if ignore:
        (tmp_path / ".gcloudignore").write_text(ignore)
    with pytest.raises(TargetError, match="holds no file to deploy"):
        source_files(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """With the question that usually helps."""
    with pytest.raises(TargetError, match=r"is not a folder\n  hint: is the handler's `source`"):
        source_files(tmp_path / "nowhere")


def test_a_single_path_can_be_asked_for(tmp_path: Path) -> None:
    """What a watcher needs: whether this change matters."""
    (tmp_path / ".gcloudignore").write_text("*.md\n")
    ignored = is_ignored(tmp_path)
    assert ignored(PurePosixPath("notes.md"), False)
    assert not ignored(PurePosixPath("main.py"), False)


def test_a_gcloudignore_that_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    """It names the file."""
    write(tmp_path, "main.py")
    (tmp_path / ".gcloudignore").write_bytes(b"\xff\xfe")
    with pytest.raises(TargetError, match=r"\.gcloudignore` is not UTF-8"):
        source_files(tmp_path)


def test_what_a_local_run_keeps_is_no_source(tmp_path: Path) -> None:
    """Where a handler's folder is the project's own; not even if a `.gcloudignore` says nothing."""
    write(tmp_path, "main.py", ".queuewright/packages/a.zip", ".gcloudignore")
    assert found(tmp_path) == [".gcloudignore", "main.py"]
