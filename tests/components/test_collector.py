"""The garbage collector while a program makes its resources."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.collector import THRESHOLDS, calm_collector
from tests.components.conftest import captured


@pytest.fixture(autouse=True)
def before() -> Iterator[None]:
    """The collector as Python starts it, and afterwards as it was."""
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
    """What a program has chosen for itself stays."""
    gc.set_threshold(*set_to)
    calm_collector()
    assert gc.get_threshold() == becomes


def test_a_stack_calms_it(projects: dict[str, Path]) -> None:
    """A program of many queues spends its time on them."""
    captured(projects["dev"], "dev")
    assert gc.get_threshold() == THRESHOLDS
