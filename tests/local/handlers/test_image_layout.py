"""Where the files of an image are here follows from what its Dockerfile copies."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuewright.local.handlers.dockerfile import container_process
from queuewright.local.handlers.image_layout import ImageLayout

MAIN = ("python", "main.py")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a handler that has its code in a folder, and shared code beside it."""
    for name in (
        "b/main.py",
        "b/src/app.py",
        "b/web/x",
        "b/c/x",
        "libs/shared/__init__.py",
        "k.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def layout(project: Path, text: str, *, context: str = ".") -> ImageLayout:
    """The layout of the handler in `b`, for an image that is built from the project."""
    return ImageLayout(container_process(f"FROM x\n{text}"), project / context, project / "b")


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("WORKDIR /app\nCOPY . .", "b"),
        ("WORKDIR /app\nCOPY . ./", "b"),
        ("COPY . /app\nWORKDIR /app/src", "b/src"),
        ("WORKDIR /srv\nWORKDIR app\nCOPY --chown=nobody . .\nWORKDIR ../app/web", "b/web"),
        ("WORKDIR /app\nCOPY main.py .", "b"),
        ("WORKDIR /app\nCOPY . /elsewhere", "b"),
        ('COPY [".", "/a b"]\nWORKDIR "/a b/c"', "b/c"),
        ("WORKDIR /app\nCOPY . .\nCOPY web ./", "b"),
        ("WORKDIR /app\nCOPY web src ./", "b/web"),
        ("WORKDIR /app\nCOPY ../b https://a.example/b ./", "b"),
    ],
)
def test_the_working_folder_follows_the_copied_one(project: Path, text: str, folder: str) -> None:
    """`WORKDIR` within what `COPY` copied is that folder here."""
    assert layout(project, text, context="b").working_folder(()) == project / folder


@pytest.mark.parametrize(
    ("text", "argv", "folder"),
    [
        ("WORKDIR /app\nCOPY . .", MAIN, "."),
        ("WORKDIR /app\nCOPY . .\nWORKDIR b", MAIN, "b"),
        ("WORKDIR /app\nCOPY b/ ./\nCOPY libs ./", MAIN, "b"),
        ("WORKDIR /app\nCOPY libs ./\nCOPY b/src ./", ("gunicorn", "app:application"), "b/src"),
        ("WORKDIR /app\nCOPY b/*.py ./", MAIN, "b"),
        ("WORKDIR /app\nCOPY libs /libs", MAIN, "b"),
        ("WORKDIR /app\nCOPY b ./b\nCOPY libs ./libs", ("python", "b/main.py"), "."),
        ("WORKDIR /app\nCOPY b/ b\nCOPY libs/shared ./shared\nWORKDIR b", MAIN, "b"),
    ],
)
def test_it_is_found_in_a_larger_context(
    project: Path, text: str, argv: tuple[str, ...], folder: str
) -> None:
    """If folders are put together, it is the one with the program."""
    assert layout(project, text).working_folder(argv) == project / folder


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("WORKDIR /app\nCOPY b ./\nCOPY libs/shared ./shared", {"shared": "libs/shared"}),
        ("WORKDIR /app\nCOPY b ./\nCOPY libs ./", {"shared": "libs/shared"}),
        ("WORKDIR /app\nCOPY b k.py ./", {"k.py": "k.py"}),
        ("WORKDIR /app\nCOPY b ./\nCOPY libs/shared ./src", {}),
        ("WORKDIR /app\nCOPY b ./\nCOPY libs/shared /opt/shared", {}),
        ("WORKDIR /app\nCOPY b ./\nCOPY --from=x shared ./shared", {}),
    ],
)
def test_what_is_copied_beside_the_code_is_known(
    project: Path, text: str, names: dict[str, str]
) -> None:
    """It can be imported in the image; what the handler has itself is not hidden."""
    found = layout(project, text).beside(project / "b")
    assert found == {name: project / path for name, path in names.items()}


def test_a_search_path_of_the_image_is_found_here(project: Path) -> None:
    """Entries that were not copied stay as they are."""
    here = layout(project, "WORKDIR /app\nCOPY . .")
    assert here.search_path("/app:/app/libs:/usr/lib:vendor") == (
        f"{project}:{project / 'libs'}:/usr/lib:vendor"
    )
