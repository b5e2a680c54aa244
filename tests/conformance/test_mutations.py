"""Every rule that is broken makes the conformance table fail.

Without a mutation the cases pass: see `test_table`.
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
async def test_a_broken_rule_fails_its_case(
    mutation: Mutation, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With this rule broken, and nothing else, this case fails."""
    case = CASES[name]
    with broken(mutation), pytest.raises(DeviationError):
        await run(case, case.over[0])
    crashes = [record for record in caplog.records if record.name.startswith("queuewright")]
    assert not crashes, "the mutation is a rule done wrong, not a crash"


async def test_a_mutation_is_undone() -> None:
    """Also where a function with a cache has seen the broken rule."""
    for mutation in MUTATIONS:
        if "reserved-headers-replaced" in mutation.caught_by:
            case = CASES["reserved-headers-replaced"]
            with broken(mutation), pytest.raises(DeviationError):
                await run(case, "rest")
            await run(case, "rest")


def test_each_of_the_47_rules_is_broken_once() -> None:
    assert len({mutation.rule for mutation in MUTATIONS}) == len(MUTATIONS) == 47
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
