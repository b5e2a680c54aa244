"""Each mistake is reported with its place, a message and a hint."""

from __future__ import annotations

import re

import pytest

from tests.spec.saying import mistakes, said

CASES = list(mistakes())


@pytest.mark.parametrize(
    ("text", "saying"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_mistake_is_reported(text: str, saying: str) -> None:
    """The complete output, as in the tables in `mistakes/`."""
    assert said(text) == saying


def test_every_mistake_has_a_hint() -> None:
    """A problem is a line with a place and a message, and a hint below it."""
    for name, _, saying in CASES:
        lines = saying.splitlines()
        assert len(lines) % 2 == 0, name
        for problem, hint in zip(lines[::2], lines[1::2], strict=True):
            assert re.fullmatch(r"spec\.yaml:\d+:\d+: .+: .+", problem), name
            assert re.fullmatch(r"  hint: .+", hint), name
