"""The reference page has every key of the grammar, and is up to date."""

from __future__ import annotations

from pathlib import Path

from queuewright.spec.reference import reference
from queuewright.spec.schema import models

FILE = Path(__file__).parents[2] / "docs" / "reference" / "spec.md"


def test_the_page_is_up_to_date() -> None:
    """`docs/reference/spec.md` is what the models generate."""
    assert FILE.read_text("utf-8") == reference(), (
        "the model has changed; run\n  queuewright schema --reference > docs/reference/spec.md"
    )


def test_every_key_has_a_row() -> None:
    """With its description, an example, and whether it is required."""
    rows = [line.split(" | ") for line in reference().splitlines() if line.startswith("| `")]
    for model in models():
        for key, info in model.model_fields.items():
            found = [row for row in rows if row[0] == f"| `{key}`" and len(row) == 6]
            assert any((info.description or "?") in row[5] for row in found), key
            assert any((row[2] == "required") == info.is_required() for row in found), key


def test_a_range_is_worded_as_in_an_error() -> None:
    """The same limit has the same words."""
    page = reference()
    assert "more than 0 and at most 500" in page
    assert "at least `128Mi` and at most `32Gi`" in page
    assert "`1h`" in page


def test_no_line_ends_in_whitespace() -> None:
    """A formatter would change the page otherwise."""
    assert [line for line in reference().splitlines() if line != line.rstrip()] == []
