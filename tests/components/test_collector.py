"""The garbage collector while a program creates its resources."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.collector import THRESHOLDS, calm_collector
from tests.components.conftest import captured


@pytest.fixture(autouse=True)
def before() -> Iterator[None]:
    """The collector's defaults, restored afterwards."""
    found = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*found)


@pytest.mark.parametrize(
    ("set_to", "becomes"),
    [
        ((700, 10, 10), THRESHOLDS),
        ((0, 10, 10), (0, 10, 10)),
        ((90_000, 10, 10), (90_000, 10, 10)),
    ],
    ids=["as Python starts", "off", "calmer still"],
)
def test_only_a_collector_that_looks_often_is_calmed(
    set_to: tuple[int, int, int], becomes: tuple[int, int, int]
) -> None:
    """The program's own choice is kept."""
    gc.set_threshold(*set_to)
    calm_collector()
    assert gc.get_threshold() == becomes


def test_a_stack_calms_it(projects: dict[str, Path]) -> None:
    """So that a program with many queues does not spend its time collecting."""
    captured(projects["dev"], "dev")
    assert gc.get_threshold() == THRESHOLDS
