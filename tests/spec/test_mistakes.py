"""Each mistake is told at its place, in words, with a way out."""

from __future__ import annotations

import re

import pytest

from tests.spec.saying import mistakes, said

CASES = list(mistakes())


@pytest.mark.parametrize(
    ("text", "saying"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_mistake_is_told(text: str, saying: str) -> None:
    """The whole of what is printed, as the tables in `mistakes/` have it."""
    assert said(text) == saying


def test_every_mistake_has_a_way_out() -> None:
    """A problem is a place and a message, and a hint below it."""
    for name, _, saying in CASES:
        lines = saying.splitlines()
        assert len(lines) % 2 == 0, name
        for problem, hint in zip(lines[::2], lines[1::2], strict=True):
            assert re.fullmatch(r"spec\.yaml:\d+:\d+: .+: .+", problem), name
            assert re.fullmatch(r"  hint: .+", hint), name
