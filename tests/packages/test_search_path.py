"""Code that adds a folder outside of its package to `sys.path` works on this machine only."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from queuewright.packages import Escape, escapes

FILE = PurePosixPath("app/main.py")


@pytest.fixture
def handler(tmp_path: Path) -> Path:
    """A handler's folder in a project."""
    folder = tmp_path / "handlers" / "mailer"
    (folder / "app").mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    ("line", "leads_to"),
    [
        ("sys.path.append('../..')", ""),
        ("sys.path.insert(0, '../../shared')", "shared"),
        ("sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))", "handlers"),
        ("sys.path.insert(0, str(Path(__file__).parents[3] / 'shared'))", "shared"),
        ("sys.path.append(str(Path(__file__).parents[3].joinpath('shared', 'lib')))", "shared/lib"),
        (
            "sys.path.append(os.path.join(os.path.dirname(__file__), '..', '..', '..'))",
            "",
        ),
        (
            "sys.path.append(os.path.abspath(os.path.join(os.getcwd(), '..')))",
            "handlers",
        ),
        ("ROOT = Path(__file__).parents[3]; sys.path.append(str(ROOT / 'shared'))", "shared"),
    ],
)
def test_a_path_that_leaves_the_package_is_found(
    handler: Path, tmp_path: Path, line: str, leads_to: str
) -> None:
    """As people write it."""
    (handler / FILE).write_text(f"import os, sys\nfrom pathlib import Path\n{line}\n")
    assert escapes(handler, [FILE]) == [Escape(FILE, 3, tmp_path / leads_to)]


@pytest.mark.parametrize(
    "line",
    [
        "sys.path.append('vendor')",
        "sys.path.insert(0, str(Path(__file__).parent))",
        "sys.path.insert(0, str(Path(__file__).parent.parent / 'lib'))",
        "sys.path.append(os.environ['EXTRA'])",
        "sys.path.append(str(folder_of(__file__)))",
        "sys.path.append(str(Path(__file__).parents[depth]))",
        "sys.path.remove('..')",
        "print('sys.path.append', '../..')",
        "sys.path.append('..'",
    ],
)
def test_a_path_in_the_package_and_an_unknown_one_are_not(handler: Path, line: str) -> None:
    """No false alarm; Python itself reports a syntax error."""
    (handler / FILE).write_text(f"import os, sys\nfrom pathlib import Path\n{line}\n")
    assert escapes(handler, [FILE]) == []


def test_only_python_files_are_read(handler: Path) -> None:
    """Nothing else is parsed."""
    (handler / "notes.txt").write_text("sys.path.append('..')\n")
    assert escapes(handler, [PurePosixPath("notes.txt")]) == []
