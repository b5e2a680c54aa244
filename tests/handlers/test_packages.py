"""Which files of the shipped handlers are deployed."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuewright.packages import source_files

HANDLERS = Path(__file__).parents[2] / "handlers"


@pytest.mark.parametrize(
    ("handler", "files"),
    [
        (
            "mailer",
            "delivery.py main.py message.py requirements.txt templates/layout.html "
            "templates/plain.html templates/plain.txt templates/thumbnail.html "
            "templates/thumbnail.txt",
        ),
        ("thumbnails", "Dockerfile app.py mail.py picture.py requirements.txt"),
        ("reports", "daily.py serve.py"),
        ("reporter", "Dockerfile chart.py requirements.txt worker.py"),
        ("ledger", "book.py requirements.txt"),
    ],
)
def test_only_code_that_runs_is_deployed(handler: str, files: str) -> None:
    """The sample picture and files of a local run stay out, so they never cause a deployment."""
    assert sorted(map(str, source_files(HANDLERS / handler))) == files.split()


def test_every_requirement_is_pinned() -> None:
    """The same versions run locally and on Google Cloud, whenever they are built."""
    texts = [path.read_text() for path in HANDLERS.glob("*/requirements.txt")]
    lines = [line for text in texts for line in text.splitlines()]
    assert len(lines) == 11
    assert [line for line in lines if line.count("==") != 1] == []


@pytest.mark.parametrize("handler", ["thumbnails", "reporter"])
def test_an_image_has_the_deployed_files(handler: str) -> None:
    """`.dockerignore` and `.gcloudignore` differ only in their first line, a comment."""
    folder = HANDLERS / handler
    first, second = (
        (folder / name).read_text().splitlines()[1:] for name in (".dockerignore", ".gcloudignore")
    )
    assert first == second != []
