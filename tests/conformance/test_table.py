"""Compares the engine with what is known of the real service, case by case."""

from __future__ import annotations

import pytest

from tests.conformance.runner import Case, run, table

CASES = table()


@pytest.mark.parametrize(
    ("case", "over"),
    [pytest.param(case, over, id=f"{case.name}-{over}") for case in CASES for over in case.over],
)
async def test_case(case: Case, over: str) -> None:
    """Google's client sees what the case says."""
    await run(case, over)


def test_the_table_is_large_and_every_case_is_its_own() -> None:
    """There are at least 120 cases; each has a unique name, a claim and a source."""
    assert len(CASES) >= 120
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(case.claim.endswith(".") and case.source for case in CASES)
