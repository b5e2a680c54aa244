"""An archive depends on names and contents, and on nothing else."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from queuewright.errors import TargetError
from queuewright.packages import package


@pytest.fixture
def handler(tmp_path: Path) -> Path:
    """A handler's folder."""
    folder = tmp_path / "handler"
    (folder / "lib").mkdir(parents=True)
    (folder / "main.py").write_text("print('hello')\n")
    (folder / "lib" / "rules.py").write_text("LIMIT = 3\n")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    return folder


def test_touching_a_file_changes_nothing(handler: Path, tmp_path: Path) -> None:
    """Neither a new time, nor other permissions for group and others."""
    first = package(handler, into=tmp_path / "out", name="h")
    os.utime(handler / "main.py", (1, 1))
    (handler / "main.py").chmod(0o600)
    assert package(handler, into=tmp_path / "out", name="h") == first


def test_a_changed_file_gives_another_name(handler: Path, tmp_path: Path) -> None:
    """The name is what makes Google redeploy."""
    first = package(handler, into=tmp_path / "out", name="h")
    (handler / "main.py").write_text("print('hullo')\n")
    second = package(handler, into=tmp_path / "out", name="h")
    assert second.digest != first.digest
    assert second.path.name == f"h-{second.digest}.zip"


@pytest.mark.parametrize("change", ["rename", "executable", "new file"])
def test_other_changes_give_another_digest(handler: Path, tmp_path: Path, change: str) -> None:
    """A name, the executable bit and a further file all count."""
    first = package(handler, into=tmp_path / "out", name="h")
    if change == "rename":
        (handler / "main.py").rename(handler / "app.py")
    elif change == "executable":
        (handler / "main.py").chmod(0o755)
    else:
        (handler / "new.py").touch()
    assert package(handler, into=tmp_path / "out", name="h").digest != first.digest


def test_the_bytes_are_the_same_on_every_machine(tmp_path: Path) -> None:
    """No compressor is used, so this digest holds wherever the test runs."""
    folder = tmp_path / "handler"
    folder.mkdir()
    (folder / "main.py").write_text("def handle(request):\n    return 'ok'\n")
    assert package(folder, into=tmp_path, name="h").digest == "ccfcba91f0a49d38"


def test_entries_carry_fixed_times_and_modes(handler: Path, tmp_path: Path) -> None:
    """1980, and 0644 or 0755."""
    with zipfile.ZipFile(package(handler, into=tmp_path / "out", name="h").path) as archive:
        entries = {
            entry.filename: (entry.date_time[0], oct(entry.external_attr >> 16))
            for entry in archive.infolist()
        }
    assert entries == {
        "lib/rules.py": (1980, "0o100644"),
        "main.py": (1980, "0o100644"),
        "run.sh": (1980, "0o100755"),
    }


def test_vendored_files_are_part_of_it_and_source_wins(handler: Path, tmp_path: Path) -> None:
    """A handler's own module is never hidden by a dependency's."""
    (tmp_path / "dependency.py").write_text("x = 1\n")
    vendored = {
        PurePosixPath("dependency.py"): tmp_path / "dependency.py",
        PurePosixPath("main.py"): tmp_path / "dependency.py",
    }
    made = package(handler, into=tmp_path / "out", name="h", vendored=vendored)
    with zipfile.ZipFile(made.path) as archive:
        assert archive.read("dependency.py") == b"x = 1\n"
        assert archive.read("main.py") == b"print('hello')\n"


def test_an_unwritable_place_is_named(handler: Path, tmp_path: Path) -> None:
    """The error says which folder could not be written, and why."""
    (tmp_path / "out").write_text("a file where a folder should be")
    with pytest.raises(TargetError, match=r"cannot be archived: .*out"):
        package(handler, into=tmp_path / "out", name="h")


def test_nothing_partial_is_left_behind(handler: Path, tmp_path: Path) -> None:
    """Only finished archives are in the folder."""
    made = package(handler, into=tmp_path / "out", name="h")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [made.path.name]
