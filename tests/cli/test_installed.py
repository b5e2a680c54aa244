"""A new project requires the queuewright that made it."""

from __future__ import annotations

import json
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from queuewright.cli.installed import requirement
from tests.cli.conftest import Run


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "a clone"
    folder.mkdir()
    return folder


def installed(folder: Path, origin: object) -> Distribution:
    """An installation of version 1.2.3; pip has recorded `origin`, or nothing."""
    info = folder / "queuewright-1.2.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: queuewright\nVersion: 1.2.3\n")
    if origin is not None:
        (info / "direct_url.json").write_text(json.dumps(origin))
    return PathDistribution(info)


def test_from_an_index_it_is_the_version(tmp_path: Path) -> None:
    """Pip records nothing then."""
    assert requirement("deploy", installed(tmp_path, None)) == "queuewright[deploy]==1.2.3"


@pytest.mark.parametrize("is_editable", [False, True])
def test_from_a_clone_it_is_the_folder(clone: Path, tmp_path: Path, is_editable: bool) -> None:
    """Also where the clone is edited; pip takes the line as it is."""
    origin = {"url": clone.as_uri(), "dir_info": {"editable": is_editable}}
    line = requirement("deploy", installed(tmp_path, origin))
    assert line == f"queuewright[deploy] @ {clone.as_uri()}"
    assert (Requirement(line).url, Requirement(line).extras) == (clone.as_uri(), {"deploy"})


def test_from_a_wheel_it_is_the_file(tmp_path: Path) -> None:
    """As `make wheel` made it."""
    wheel = tmp_path / "queuewright-1.2.3-py3-none-any.whl"
    wheel.touch()
    origin = {"url": wheel.as_uri(), "archive_info": {"hashes": {"sha256": "0" * 64}}}
    line = requirement("deploy", installed(tmp_path, origin))
    assert line == f"queuewright[deploy] @ {wheel.as_uri()}"


def test_from_a_repository_it_is_the_commit(tmp_path: Path) -> None:
    """Not the branch, which moves; with the folder in the repository."""
    info = {"vcs": "git", "requested_revision": "main", "commit_id": "1a2b3c"}
    origin = {"url": "https://git.example/acme/tools", "vcs_info": info, "subdirectory": "qw"}
    assert requirement("deploy", installed(tmp_path, origin)) == (
        "queuewright[deploy] @ git+https://git.example/acme/tools@1a2b3c#subdirectory=qw"
    )


def test_from_a_file_that_is_gone_it_is_the_version(tmp_path: Path) -> None:
    """As in an image whose build has removed the wheel."""
    origin = {"url": (tmp_path / "gone.whl").as_uri(), "archive_info": {}}
    assert requirement("deploy", installed(tmp_path, origin)) == "queuewright[deploy]==1.2.3"


def test_init_writes_it(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the first command of its README finds what is running."""
    monkeypatch.chdir(tmp_path)
    run("init", "shop", "--project=acme-tasks")
    lines = (tmp_path / "shop" / "requirements.txt").read_text().splitlines()
    assert lines == [requirement("deploy"), "pytest"]
