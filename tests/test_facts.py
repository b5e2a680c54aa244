"""Google's facts: each is written in one file, and everything else takes it from there."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = {
    file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8")
    for folder in ("queuewright", "components")
    for file in sorted((ROOT / folder).rglob("*.py"))
    if "starter" not in file.parts
}


def test_each_role_is_written_once() -> None:
    """In `cloud_tasks/roles.py`, and not as a word of a docstring elsewhere either."""
    places = defaultdict(set)
    for name, text in SOURCES.items():
        for role in re.findall(r"\broles/[a-zA-Z]\w*(?:\.\w+)*", text):
            places[role].add(name)
    assert places
    assert set().union(*places.values()) == {"queuewright/cloud_tasks/roles.py"}


@pytest.mark.parametrize(
    "fact",
    [
        r"\b2,?_?083\b",
        r"\b5,?_?000\b(?!\.)",
        r"\b1_?048_?5(76|69)\b",
        r"\b31 ?d(ays)?\b|days=31\b|\b720h?\b",
        r"\b80 \* 1024\b|\b81_?920\b",
        r"(?i)\bx-cloudtasks-",
        r"(?i)\bx-appengine-",
        r"(?i)\bx-google-",
        r"\b315_?576_?000_?000\b",
        r"\{1,500\}",
    ],
)
def test_each_limit_is_written_once(fact: str) -> None:
    """In a file of `cloud_tasks`."""
    places = [name for name, text in SOURCES.items() if re.search(fact, text)]
    assert len(places) == 1
    assert places[0].startswith("queuewright/cloud_tasks/")
