"""Checks on every page of the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from queuewright.cli import commands
from queuewright.spec import parse, parse_emulator

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if not page.name.startswith(".")
)
FENCE = re.compile(
    r"^( *)```(?P<language>\S*).*?\n(?P<text>.*?)^\1```\s*$", re.DOTALL | re.MULTILINE
)
LINK = re.compile(r"\[[^\]]+\]\((?P<target>[^)#\s]+)?(?:#(?P<anchor>[^)\s]+))?\)")
COMMAND = re.compile(r"(?:^|`|\$ |bin/)(?:queuewright|qw) (?P<words>[a-z][^\n`|#]*)", re.MULTILINE)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def fences(page: Path) -> list[tuple[str, str]]:
    """Language and text of each fenced block."""
    return [(match["language"], match["text"]) for match in FENCE.finditer(page.read_text("utf-8"))]


@each_page
def test_every_fence_has_a_language(page: Path) -> None:
    """For highlighting, and for tests that run it."""
    assert [text for language, text in fences(page) if not language] == []


@each_page
def test_every_link_works(page: Path) -> None:
    """It leads to an existing file and heading."""
    text = FENCE.sub("", page.read_text("utf-8"))
    for link in LINK.finditer(text):
        target = link["target"] or ""
        if re.match(r"[a-z]+:", target):
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{page.name}: no file {target}"
        if link["anchor"] and file.suffix == ".md":
            assert link["anchor"] in anchors(file), f"{page.name}: no heading #{link['anchor']}"


@each_page
def test_every_spec_in_it_is_right(page: Path) -> None:
    """A YAML block with queues or handlers passes `queuewright check`, or is an emulator's file."""
    for language, text in fences(page):
        if language == "yaml" and text.startswith("# emulator.yaml"):
            parse_emulator(text, file=page.name)
            continue
        if language != "yaml" or not re.search(r"^(queues|handlers|queue_defaults):", text, re.M):
            continue
        if not re.search(r"^project:", text, re.M):
            text += "\nproject: acme-dev\nlocation: europe-west1\n"
        if re.search(r"^extends:", text, re.M) and not re.search(r"^handlers:", text, re.M):
            continue  # a change to another file; it means nothing alone
        parse(re.sub(r"^extends:.*$", "", text, flags=re.M), file=page.name)


@each_page
def test_every_command_in_it_exists(page: Path) -> None:
    """Each `queuewright …` uses an existing command and its options."""
    for words in COMMAND.findall(page.read_text("utf-8")):
        name, *rest = words.split()
        command = commands.get_command(click.Context(commands), name)
        assert command is not None, f"{page.name}: no command `queuewright {name}`"
        if isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
            name = f"{name} {rest[0]}"
            for each in rest[0].split("\\|"):  # `list|show` in a table
                command = command.get_command(click.Context(command), each)
                assert command is not None, f"{page.name}: no command `queuewright {name}`"
        known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
        for option in re.findall(r"(?<!\S)--[a-z][a-z-]*", " ".join(rest)):
            assert option in {*known, "--help"}, f"{page.name}: {name} has no {option}"


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
