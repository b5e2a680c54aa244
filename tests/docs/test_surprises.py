"""`docs/surprises.md`: each entry is dated and names an existing file of ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "surprises.md").read_text("utf-8")
CHAPTERS = re.split(r"^## ", PAGE, flags=re.M)[1:]
ENTRIES = [entry for chapter in CHAPTERS for entry in re.split(r"^### ", chapter, flags=re.M)[1:]]
FOLDERS = ("components", "docs", "handlers", "queuewright", "tests")


def files(text: str) -> list[str]:
    """The files of this project in backticks."""
    return re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]+)`", text)


def test_every_chapter_is_dated() -> None:
    """With year and month, newest first."""
    dates = [chapter[:8] for chapter in CHAPTERS]
    assert all(re.fullmatch(r"20\d\d-\d\d:", date) for date in dates)
    assert dates == sorted(dates, reverse=True)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.splitlines()[0])
def test_every_entry_names_the_file_that_handles_it(entry: str) -> None:
    """At least one, and each exists."""
    named = files(entry)
    assert named
    assert [file for file in named if not (ROOT / file).is_file()] == []
