"""A package also has the folders and files that the handler includes."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath

import pytest

from queuewright.errors import TargetError
from queuewright.packages import Package, Trees, package, tree_files


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a handler, a shared folder and a shared file."""
    for name in ("Pulumi.yaml", "handlers/mailer/main.py", "libs/shared_lib/rules/limits.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# {name}\n")
    (tmp_path / "libs" / "settings.json").write_text("{}\n")
    return tmp_path


def made(project: Path, **trees: str) -> Package:
    """The handler's package with the trees, each at the path that is its keyword."""
    named: Trees = {PurePosixPath(name): project / path for name, path in trees.items()}
    handler = project / "handlers" / "mailer"
    return package(handler, into=project / "out", name="mailer", trees=named)


def names(archive: Package) -> list[str]:
    """The names in an archive."""
    with zipfile.ZipFile(archive.path) as opened:
        return opened.namelist()


def test_a_tree_is_beside_the_handlers_files(project: Path) -> None:
    """Folders and files, each at its path in the archive."""
    archive = made(project, shared_lib="libs/shared_lib", settings="libs/settings.json")
    assert names(archive) == ["main.py", "settings", "shared_lib/rules/limits.py"]
    with zipfile.ZipFile(archive.path) as opened:
        assert opened.read("settings") == b"{}\n"


def test_an_edit_of_a_tree_gives_another_name(project: Path) -> None:
    """It is what makes Google redeploy the handler."""
    before, without = made(project, shared_lib="libs/shared_lib"), made(project)
    (project / "libs" / "shared_lib" / "rules" / "limits.py").write_text("# new\n")
    assert made(project, shared_lib="libs/shared_lib").digest != before.digest
    assert made(project) == without


def test_its_ignore_files_apply(project: Path) -> None:
    """Those in the folder, and the project's own."""
    (project / ".gitignore").write_text("*.log\n")
    (project / "libs" / "shared_lib" / ".gitignore").write_text("data/\n")
    for name in ("trace.log", "data/rows.csv", "__pycache__/limits.pyc"):
        file = project / "libs" / "shared_lib" / name
        file.parent.mkdir(exist_ok=True)
        file.touch()
    archive = made(project, shared_lib="libs/shared_lib")
    assert names(archive) == ["main.py", "shared_lib/rules/limits.py"]


@pytest.mark.parametrize("own", ["shared_lib/__init__.py", "shared_lib"])
def test_a_tree_never_hides_the_handlers_own_file(project: Path, own: str) -> None:
    """A folder or a file of the same name is refused; nothing is archived."""
    file = project / "handlers" / "mailer" / own
    file.parent.mkdir(exist_ok=True)
    file.touch()
    with pytest.raises(TargetError, match=f"`shared_lib` would hide `.*/mailer/{own}`"):
        made(project, shared_lib="libs/shared_lib")
    assert not (project / "out").exists()


def test_a_tree_that_leaves_the_project_is_refused(project: Path) -> None:
    """A folder, a file, and a link below a folder."""
    (project / "etc").symlink_to("/etc")
    (project / "passwd").symlink_to("/etc/passwd")
    (project / "libs" / "shared_lib" / "hosts").symlink_to("/etc/hosts")
    for name in ("etc", "passwd", "libs/shared_lib"):
        with pytest.raises(TargetError, match="leads out of the project"):
            tree_files(project / name)


def test_a_missing_tree_is_named(project: Path) -> None:
    """With the way out."""
    with pytest.raises(TargetError, match=r"shared` does not exist\n  hint: create it, or remove"):
        made(project, shared="libs/shared")


def test_an_ignored_file_is_refused(project: Path) -> None:
    """It would be silently missing in the package otherwise."""
    (project / ".gitignore").write_text("settings.json\n")
    with pytest.raises(TargetError, match=r"settings\.json` is excluded by a \.gitignore"):
        tree_files(project / "libs" / "settings.json")
