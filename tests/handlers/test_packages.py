"""What of the shipped handlers travels to Google Cloud."""

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
        ("ledger", "book.py requirements.txt"),
    ],
)
def test_only_what_runs_travels(handler: str, files: str) -> None:
    """Neither the sample picture nor what a local run wrote, so neither causes a deployment."""
    assert sorted(map(str, source_files(HANDLERS / handler))) == files.split()


def test_every_requirement_is_pinned() -> None:
    """What runs here is what runs there, whenever it is built."""
    texts = [path.read_text() for path in HANDLERS.glob("*/requirements.txt")]
    lines = [line for text in texts for line in text.splitlines()]
    assert len(lines) == 8
    assert [line for line in lines if line.count("==") != 1] == []


def test_an_image_holds_what_travels() -> None:
    """Docker and Google Cloud leave out the same files, whatever each file's heading says."""
    folder = HANDLERS / "thumbnails"
    first, second = (
        (folder / name).read_text().splitlines()[1:] for name in (".dockerignore", ".gcloudignore")
    )
    assert first == second != []
