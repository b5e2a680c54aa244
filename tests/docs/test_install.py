"""The first command of every guide works: nothing is looked for on an index that isn't there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.docs.test_pages import PAGES, ROOT, each_page

INSTALL = re.compile(r"pip install ([^\n`#|]+)")
CLONE = re.compile(r"\.\./queuewright(\[(deploy|pubsub)\])?")


@each_page
def test_queuewright_is_installed_from_a_clone(page: Path) -> None:
    """By its path; an index does not know the name."""
    for words in INSTALL.findall(page.read_text("utf-8")):
        for word in shlex.split(words):
            if "queuewright" in word:
                assert CLONE.fullmatch(word), f"{page.name}: pip install {words}"


@pytest.mark.parametrize(
    "name", ["README.md", "docs/tutorial.md", "docs/guides/deploy.md", "docs/guides/testing.md"]
)
def test_the_pages_that_people_begin_with_say_how(name: str) -> None:
    """And that there is a second way."""
    text = (ROOT / name).read_text("utf-8")
    assert "pip install" in text
    assert "../queuewright" in text
    assert "wheel" in text
    assert ROOT / name in PAGES


def test_the_wheel_has_the_name_that_the_pages_tell() -> None:
    """Until the next version."""
    (version,) = re.findall(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.M)
    told = [re.findall(r"queuewright-(\S+?)-py3-none-any", page.read_text()) for page in PAGES]
    assert {each for found in told for each in found} == {version}
