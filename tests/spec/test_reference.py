"""The reference page tells every key of the grammar, and is never stale."""

from __future__ import annotations

from pathlib import Path

from queuewright.spec.reference import reference
from queuewright.spec.schema import models

FILE = Path(__file__).parents[2] / "docs" / "reference" / "spec.md"


def test_the_page_is_fresh() -> None:
    """`docs/reference/spec.md` is what the model says now."""
    assert FILE.read_text("utf-8") == reference(), (
        "the model has changed; run\n  queuewright schema --reference > docs/reference/spec.md"
    )


def test_every_key_has_a_row() -> None:
    """With its description, an example, and that it is required if it is."""
    rows = [line.split(" | ") for line in reference().splitlines() if line.startswith("| `")]
    for model in models():
        for key, info in model.model_fields.items():
            found = [row for row in rows if row[0] == f"| `{key}`" and len(row) == 6]
            assert any((info.description or "?") in row[5] for row in found), key
            assert any((row[2] == "required") == info.is_required() for row in found), key


def test_a_range_is_told_as_in_an_error() -> None:
    """The same words for the same limit."""
    page = reference()
    assert "more than 0 and at most 500" in page
    assert "at least `128Mi` and at most `32Gi`" in page
    assert "`1h`" in page


def test_no_line_ends_in_a_blank() -> None:
    """So that a formatter leaves the page as it is."""
    assert [line for line in reference().splitlines() if line != line.rstrip()] == []
