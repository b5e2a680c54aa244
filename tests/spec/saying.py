"""The problems of a wrong spec, and the tables of mistakes in `mistakes/`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from queuewright.errors import SpecError
from queuewright.spec import parse

MISTAKES = Path(__file__).parent / "mistakes"
REST = "project: acme-dev\nlocation: europe-west1\n"
"""Required keys; appended at the end, so that line numbers stay."""


def said(text: str) -> str:
    """The problems that `queuewright check` prints for a text; empty if there are none."""
    try:
        parse(text)
    except SpecError as error:
        return str(error)
    return ""


def mistakes() -> Iterator[tuple[str, str, str]]:
    """Every mistake in the tables: its name, the text, and the expected output.

    An entry of a table is `== NAME`, the text, `--`, and the output. The text is read with
    `REST` after it, unless it names a project.
    """
    for table in sorted(MISTAKES.glob("*.txt")):
        for entry in table.read_text("utf-8").split("== ")[1:]:
            name, _, rest = entry.partition("\n")
            text, _, saying = rest.partition("\n--\n")
            text += "\n" if "project:" in text else f"\n{REST}"
            yield f"{table.stem}: {name}", text, saying.strip("\n")
