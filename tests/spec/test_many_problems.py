"""A file with very many problems is reported in little text, and in little time."""

from __future__ import annotations

import pytest

from queuewright.errors import MAX_SHOWN_PROBLEMS, Location, Problem, SpecError
from queuewright.spec.words import MAX_COMPARISONS, Names
from tests.spec.saying import REST, said

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


def test_a_number_of_thousands_of_digits_is_out_of_range() -> None:
    """The range is the way out; and a text of them is not printed whole."""
    digits = "9" * 5000
    assert said(
        f"handlers: {{m: {{url: 'https://a.example', headers: {{A: {digits}}}}}}}\n"
        f"queues: {{e: {{handler: m, retry_config: {{max_attempts: -{digits}}}}}}}\n{REST}"
    ) == (
        f"spec.yaml:1:52: handlers.m.headers.A: expected text, found `{'9' * 57}…`\n"
        f'  hint: write it in quotes: `"{"9" * 57}…"`\n'
        f"spec.yaml:2:41: queues.e.retry_config.max_attempts: `-{'9' * 56}…` is out of range\n"
        "  hint: Cloud Tasks allows at least -1 and at most 2,147,483,647"
    )


@pytest.mark.parametrize("number", ["9" * 301, "9" * 5000, "0x" + "f" * 5000])
def test_a_number_of_thousands_of_digits_in_a_payload_is_refused(number: str) -> None:
    """Few programs could read it."""
    queue = f"queues: {{e: {{handler: m, example: {{a: {number}}}}}}}"
    saying = said(f"handlers: {{m: {{url: 'https://a.example'}}}}\n{queue}\n{REST}")
    assert "queues.e.example.a: a number of more than 300 digits\n  hint: quote it" in saying
