"""A file with very many problems is reported in little text, and in little time."""

from __future__ import annotations

from queuewright.errors import MAX_SHOWN_PROBLEMS, Location, Problem, SpecError
from queuewright.spec.words import MAX_COMPARISONS, Names

MANY = 200_000


def test_the_first_hundred_are_shown_and_the_others_counted() -> None:
    """In file order; a program can still see all of them."""
    problems = [Problem(Location("dev.yaml", n, 1), f"k{n}", "wrong") for n in range(MANY, 0, -1)]
    error = SpecError(problems)
    lines = str(error).splitlines()
    assert lines[0] == "dev.yaml:1:1: k1: wrong"
    assert lines[-2:] == ["dev.yaml:100:1: k100: wrong", "and 199,900 more"]
    assert len(lines) == MAX_SHOWN_PROBLEMS + 1
    assert len(error.problems) == MANY


def test_a_hundred_are_all_shown() -> None:
    """There is nothing to count."""
    error = SpecError([Problem(None, "k", "wrong")] * MAX_SHOWN_PROBLEMS)
    assert str(error).count("\n") == MAX_SHOWN_PROBLEMS - 1


def test_misspelt_names_are_compared_with_others_only_so_often() -> None:
    """As many mistakes as names would otherwise take the square of their number."""
    names = Names(f"handler{number}" for number in range(1_000))
    hints = [names.hint("handlr7") for _ in range(1_000)]
    assert hints[0] is not None
    assert hints[-1] is None
    assert names.comparisons <= MAX_COMPARISONS
    assert "handler7" in names
