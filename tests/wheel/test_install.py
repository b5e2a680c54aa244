"""From a clone to a project of one's own: the first commands of the pages, in real environments."""

from __future__ import annotations

import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.wheel.conftest import ROOT, Installed, empty

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clone in it, where a project may come beside it."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "queuewright").symlink_to(ROOT)
    return folder


@pytest.fixture(scope="module")
def from_a_clone(desk: Path, wheelhouse: Path) -> Installed:
    """What the first commands of the tutorial give."""
    (desk / "tutorial").mkdir()
    made = empty(desk / "tutorial" / ".venv", wheelhouse)
    page = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
    (words,) = re.findall(r"^pip install (\S+) flask$", page, re.M)
    made.run("pip", "install", "--quiet", words, "flask", cwd=desk / "tutorial")
    return made


def test_the_first_commands_of_a_new_project_install_what_made_it(
    from_a_clone: Installed, desk: Path, wheelhouse: Path
) -> None:
    """The README's own, one after the other: no index knows queuewright."""
    from_a_clone.run("queuewright", "init", "shop", "--project=acme-tasks", cwd=desk)
    readme = (desk / "shop" / "README.md").read_text("utf-8")
    first, *_ = re.findall(r"^```sh\n(.*?)^```$", readme, re.M | re.S)
    made, entered, installs, tests, runs = first.splitlines()
    assert (made, entered) == ("python3 -m venv .venv", ". .venv/bin/activate")
    assert runs == "queuewright up"
    its_own = empty(desk / "shop" / ".venv", wheelhouse)
    its_own.run(*installs.split(), "--quiet", cwd=desk / "shop")
    assert "12 passed" in its_own.run(*tests.split(), cwd=desk / "shop")
    version = from_a_clone.run("queuewright", "--version", cwd=desk)
    assert its_own.run("queuewright", "--version", cwd=desk) == version
    assert its_own.run("queuewright", "check", cwd=desk / "shop").endswith("no problems\n")


def test_make_wheel_makes_what_others_install(from_a_clone: Installed, tmp_path: Path) -> None:
    """One file, with the components in it, and nothing of this folder left behind."""
    before = {path.name for path in ROOT.iterdir()}
    words = ["make", "wheel", f"VENV={from_a_clone.folder}", f"DIST={tmp_path / 'dist'}"]
    done = subprocess.run(
        words,
        cwd=ROOT,
        env=from_a_clone.variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "dist").iterdir()
    assert done.stdout == f"{wheel}\n"
    with zipfile.ZipFile(wheel) as archive:
        assert "queuewright/components/__init__.py" in archive.namelist()
    assert {path.name for path in ROOT.iterdir()} == before
