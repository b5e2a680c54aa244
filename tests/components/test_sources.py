"""The files of a handler that reach Google Cloud: in a package, and in an image's context."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from components import DockerfileSource, FunctionHandler, ImageRepository, PackageBucket
from components import ServiceHandler as Service
from queuewright.errors import TargetError
from queuewright.testing import capture

PLACE = {"project": "acme-dev", "location": "europe-west1"}


@pytest.fixture
def handler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A handler's folder with secrets that `.gitignore` excludes."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "handlers" / "thumbnails"
    folder.mkdir(parents=True)
    (tmp_path / "Pulumi.yaml").touch()
    (tmp_path / ".gitignore").write_text(".env\n*.pem\n.npmrc\n")
    for name in ("Dockerfile", "main.py", ".env", "server.pem", ".npmrc", "gha-creds-1.json"):
        (folder / name).touch()
    (folder / ".dockerignore").write_text("*.md\n")
    return folder


def build(source: Path, folder: Path) -> None:
    """Create a service from the folder's Dockerfile and a function from the same code."""

    def program() -> None:
        images = ImageRepository("images", repository_id="r", folder=folder, **PLACE)
        packages = PackageBucket("packages", bucket_name="b-1", folder=folder, **PLACE)
        Service("thumbnails", source=DockerfileSource(source, images), **PLACE)
        function = {"entry_point": "handle", "runtime": "python312", "packages": packages}
        FunctionHandler("mailer", source=source, **function, **PLACE)

    capture(program)


def test_what_git_ignores_is_in_neither(handler: Path, tmp_path: Path) -> None:
    """Secrets beside the code stay on this machine; Docker applies its own ignore file."""
    build(handler.relative_to(tmp_path), tmp_path / "out")
    expected = {".dockerignore", "Dockerfile", "main.py"}
    (package,) = (tmp_path / "out").glob("mailer-*.zip")
    with zipfile.ZipFile(package) as archive:
        assert set(archive.namelist()) == expected
    (context,) = (each for each in (tmp_path / "out").iterdir() if each.is_dir())
    assert {path.name for path in context.iterdir()} == expected


def test_a_link_out_of_the_project_is_in_neither(handler: Path, tmp_path: Path) -> None:
    """Nothing is built."""
    (handler / "etc").symlink_to("/etc")
    with pytest.raises(TargetError, match="leads out of the project"):
        build(handler.relative_to(tmp_path), tmp_path / "out")
    assert not (tmp_path / "out").exists()
