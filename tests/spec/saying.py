"""What is said of a spec that is wrong, and the tables of it in `mistakes/`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from queuewright.errors import SpecError
from queuewright.spec import parse

MISTAKES = Path(__file__).parent / "mistakes"
REST = "project: acme-dev\nlocation: europe-west1\n"
"""What a file must say; put at its end, so that it moves no line."""


def said(text: str) -> str:
    """What `queuewright check` prints of a text; nothing, if nothing is wrong with it."""
    try:
        parse(text)
    except SpecError as error:
        return str(error)
    return ""


def mistakes() -> Iterator[tuple[str, str, str]]:
    """Every mistake of the tables: its name, the text, and what is to be said of it.

    An entry of a table is `== NAME`, the text, `--`, and what is said. The text is taken with
    `REST` behind it, unless it names a project.
    """
    for table in sorted(MISTAKES.glob("*.txt")):
        for entry in table.read_text("utf-8").split("== ")[1:]:
            name, _, rest = entry.partition("\n")
            text, _, saying = rest.partition("\n--\n")
            text += "\n" if "project:" in text else f"\n{REST}"
            yield f"{table.stem}: {name}", text, saying.strip("\n")
