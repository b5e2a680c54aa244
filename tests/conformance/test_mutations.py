"""A table is trusted once breaking a rule has made it fail.

Without the mutation each case passes: that is `test_table`.
"""

from __future__ import annotations

import pytest

from tests.conformance.mutate import Edit, Mutation, broken, mutations
from tests.conformance.runner import DeviationError, run, table

CASES = {case.name: case for case in table()}
MUTATIONS = mutations()


@pytest.mark.parametrize(
    ("mutation", "name"),
    [
        pytest.param(mutation, name, id=f"{mutation.rule}-{name}")
        for mutation in MUTATIONS
        for name in mutation.caught_by
    ],
)
async def test_the_table_catches(
    mutation: Mutation, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With this rule broken, and nothing else, this case fails."""
    case = CASES[name]
    with broken(mutation), pytest.raises(DeviationError):
        await run(case, case.over[0])
    crashes = [record for record in caplog.records if record.name.startswith("queuewright")]
    assert not crashes, "the mutation is a rule done wrong, not a crash"


def test_each_of_the_39_rules_is_broken_once() -> None:
    assert len({mutation.rule for mutation in MUTATIONS}) == len(MUTATIONS) == 39
    assert len({mutation.edits for mutation in MUTATIONS}) == len(MUTATIONS)
    assert all(mutation.caught_by for mutation in MUTATIONS)


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (Edit("cloud_tasks/retry.py", "no such text", ""), "0 times"),
        (Edit("cloud_tasks/retry.py", "policy", "policy"), "times, not once"),
        (Edit("cloud_tasks/retry.py", "UNLIMITED: Final = -1", "UNLIMITED: Final = 0"), "changes"),
    ],
)
def test_a_mutation_that_changes_nothing_is_reported(edit: Edit, problem: str) -> None:
    """A rule that has moved to another file, or another wording of it, needs a new `edits`."""
    with pytest.raises(ValueError, match=problem), broken(Mutation("rule", (edit,), ())):
        pass
