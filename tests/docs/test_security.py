"""`docs/security.md`: each promise names tests that exist."""

from __future__ import annotations

import ast
import re

from tests.components.projects import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
NAMED = re.findall(r"`(tests/\S+\.py)::(\w+)`", PAGE)


def names_in(file: str) -> set[str]:
    """The names of a file's tests."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return {
        each.name
        for each in ast.walk(tree)
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_every_test_that_it_names_exists() -> None:
    """Under the name that it gives."""
    assert len(NAMED) >= 20
    for file, name in NAMED:
        assert name in names_in(file), f"{file} has no {name}"


def test_every_promise_names_a_test() -> None:
    """No row of a table is without one."""
    rows = [row for row in re.findall(r"^\| (.*) \|$", PAGE, re.M) if not row.startswith("promise")]
    assert rows
    for row in rows:
        assert re.search(r"\| `tests/\S+::\w+`", row), row


def test_it_says_what_is_not_a_boundary() -> None:
    """So that nobody relies on it."""
    told = PAGE.split("## What is not a boundary\n")[1]
    for claim in ("One local user against another", "One handler against another"):
        assert f"**{claim}.**" in told
