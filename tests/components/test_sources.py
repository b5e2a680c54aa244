"""The files of a handler that reach Google Cloud: in a package, and in an image's context."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from components import (
    AppEngineHandler,
    DockerfileSource,
    FolderSource,
    FunctionHandler,
    ImageRepository,
    PackageBucket,
)
from components import ServiceHandler as Service
from queuewright.errors import SpecError, TargetError
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


PACKAGES = {"project": "acme-dev", "location": "europe-west1", "bucket_name": "b-1"}
INCLUDING = ("function", "app_engine", "folder", "dockerfile")


def archived(tmp_path: Path, kind: str, include: list[Path]) -> tuple[Path, set[str]]:
    """The archive of a handler of this kind that includes these, and the names in it."""
    out, source = tmp_path / f"out-{kind}", Path("handlers", "thumbnails")

    def program() -> None:
        packages = PackageBucket("packages", folder=out, **PACKAGES)
        match kind:
            case "function":
                FunctionHandler(
                    "h",
                    source=source,
                    entry_point="handle",
                    runtime="python312",
                    packages=packages,
                    include=include,
                    **PLACE,
                )
            case "app_engine":
                AppEngineHandler(
                    "h",
                    project="acme-dev",
                    service="h",
                    source=source,
                    runtime="python312",
                    packages=packages,
                    include=include,
                )
            case "folder":
                folder = FolderSource(source, "python312", ["python", "main.py"], packages, include)
                Service("h", source=folder, **PLACE)
            case "dockerfile":
                images = ImageRepository("images", repository_id="r", folder=out, **PLACE)
                Service("h", source=DockerfileSource(source, images, include), **PLACE)

    capture(program)
    (archive,) = out.glob("*.zip")
    with zipfile.ZipFile(archive) as opened:
        return archive, set(opened.namelist())


@pytest.mark.parametrize("kind", INCLUDING)
@pytest.mark.usefixtures("handler")
def test_what_is_included_is_beside_the_code(tmp_path: Path, kind: str) -> None:
    """Under its own name, for every kind of handler; an edit of it is another archive."""
    (tmp_path / "libs" / "shared").mkdir(parents=True)
    rules = tmp_path / "libs" / "shared" / "rules.py"
    rules.touch()
    (tmp_path / "rates.json").touch()
    include = [Path("libs/shared"), Path("rates.json")]
    before, names = archived(tmp_path, kind, include)
    own = {".dockerignore", "Dockerfile", "main.py"}
    assert names == own | {"shared/rules.py", "rates.json"}
    before.unlink()
    rules.write_text("LIMIT = 3\n")
    after, _ = archived(tmp_path, kind, include)
    assert after.name != before.name


@pytest.mark.usefixtures("handler")
def test_two_included_folders_of_one_name_are_refused(tmp_path: Path) -> None:
    """One would overwrite the other."""
    for name in ("a", "b"):
        (tmp_path / name / "shared").mkdir(parents=True)
    with pytest.raises(TargetError, match="`a/shared` and `b/shared` would both be `shared`"):
        archived(tmp_path, "function", [Path("a/shared"), Path("b/shared")])


@pytest.mark.usefixtures("handler")
def test_an_image_is_built_from_a_larger_folder(tmp_path: Path) -> None:
    """By the Dockerfile in it; a plain folder's own Dockerfile is found by Docker itself."""
    files = {}

    def program() -> None:
        images = ImageRepository("images", repository_id="r", folder=tmp_path / "out", **PLACE)
        file = "handlers/thumbnails/Dockerfile"
        Service("whole", source=DockerfileSource(Path(), images, dockerfile=file), **PLACE)
        Service("own", source=DockerfileSource(Path("handlers/thumbnails"), images), **PLACE)

    graph = capture(program)
    for name in ("whole", "own"):
        context = Path(str(graph[f"{name}-image"].input("context.location")))
        files[name] = {str(each.relative_to(context)) for each in context.rglob("*.*")}
    assert files["whole"] == {
        "Pulumi.yaml",
        "handlers/thumbnails/.dockerignore",
        "handlers/thumbnails/main.py",
    }
    assert files["own"] == {".dockerignore", "main.py"}
    built = graph["whole-image"].input("dockerfile.location")
    assert Path(str(built)).read_text() == ""
    assert str(built).endswith("/handlers/thumbnails/Dockerfile")
    assert "dockerfile" not in graph["own-image"].inputs


@pytest.mark.usefixtures("handler")
def test_a_missing_dockerfile_in_a_larger_folder_is_named() -> None:
    """Where it was looked for."""

    def program() -> None:
        images = ImageRepository("images", repository_id="r", **PLACE)
        Service("h", source=DockerfileSource(Path("x"), images, dockerfile="b/Docker"), **PLACE)

    with pytest.raises(SpecError, match="`x` has no b/Docker"):
        capture(program)
