"""Ids of unnamed tasks: a number, scrambled, and back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queuewright.engine.state.task_ids import TaskIds


@settings(deadline=None)
@given(key=st.integers(0, 2**64 - 1), number=st.integers(0, 2**64 - 1))
def test_an_unnamed_tasks_id_can_be_converted_back_to_its_number(key: int, number: int) -> None:
    text = TaskIds(key).text(number)
    assert len(text) == 20
    assert TaskIds(key).number(text) == number


@pytest.mark.parametrize("text", ["", "1", "x" * 20, "99999999999999999999", "²" * 20])
def test_other_texts_are_not_ids(text: str) -> None:
    assert TaskIds(1).number(text) is None
