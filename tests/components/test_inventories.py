"""Each stack on Google Cloud: every resource and every input, compared with a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.components.conftest import GraphOf, captured

INVENTORIES = Path(__file__).parent / "inventories"
STACKS = ["dev", "staging", "prod", "all"]


@pytest.mark.parametrize("stack", STACKS)
def test_the_stack_is_what_its_inventory_says(graph_of: GraphOf, stack: str) -> None:
    """No resource or input comes, goes or changes unnoticed."""
    graph_of(stack).assert_inventory(INVENTORIES / f"{stack}.yaml")


@pytest.mark.parametrize("stack", STACKS)
def test_every_input_is_one_that_the_provider_takes(
    graph_of: GraphOf, projects: dict[str, Path], stack: str
) -> None:
    """Names, types, units and ranges are right, in an update and in a preview."""
    assert graph_of(stack).input_problems() == []
    assert captured(projects[stack], stack, preview=True).input_problems() == []
