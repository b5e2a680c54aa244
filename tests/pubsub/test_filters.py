"""Filters of subscriptions: what matches, and what is wrong with a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuewright.pubsub.rules.filters import FilterError, attribute_filter

REPORT = {"kind": "report", "iana.org/lang": "en", "empty": "", "1": "digit", "a-b": "dash"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("attributes:kind", True),
        ("attributes:missing", False),
        ("attributes:empty", True),
        ('attributes.kind = "report"', True),
        ('attributes.kind="Report"', False),
        ('attributes.kind != "report"', False),
        ('attributes.missing != "x"', True),
        ('attributes.missing = ""', False),
        ('hasPrefix(attributes.kind, "rep")', True),
        ('hasPrefix(attributes.kind, "por")', False),
        ('hasPrefix(attributes.missing, "")', False),
        ('attributes."iana.org/lang" = "en"', True),
        ('attributes:"iana.org/lang"', True),
        ("attributes:1 AND attributes:a-b", True),
        ("NOT attributes:missing", True),
        ("-attributes:kind", False),
        ("NOT NOT attributes:kind", True),
        ("attributes:kind AND attributes:missing", False),
        ("attributes:missing OR attributes:kind", True),
        ("attributes:missing AND (attributes:kind OR attributes:empty)", False),
        ("(attributes:missing AND attributes:empty) OR attributes:kind", True),
        ("NOT attributes:kind OR attributes:empty", True),
        (r'attributes.kind = "re\"port"', False),
    ],
)
def test_a_filter_matches(text: str, matches: bool) -> None:
    assert attribute_filter(text)(REPORT) is matches


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("kind = 1", "expected a comparison such as `attributes.kind = \"report\"`, not `kind` "
         "(at character 1)"),
        ("attributes.kind", "expected `=` or `!=`, not the end (at character 16)"),
        ("attributes.kind > 1", "unexpected '>' (at character 17)"),
        ("attributes.kind = report", "expected a quoted value, not `report` (at character 19)"),
        ('attributes.kind = "report', "a quotation mark is missing (at character 19)"),
        ("attributes:a AND attributes:b OR attributes:c",
         "`AND` and `OR` are mixed: put parentheses around one of them (at character 31)"),
        ("attributes:a and attributes:b",
         "expected the end, `AND` or `OR`, not `and` (at character 14)"),
        ("(attributes:a", "expected `)`, not the end (at character 14)"),
        ("attributes:a)", "expected the end, `AND` or `OR`, not `)` (at character 13)"),
        ("attributes:AND", "expected an attribute's key, not `AND` (at character 12)"),
        ("hasPrefix(attributes:a)", "expected `.`, not `:` (at character 21)"),
        (r'attributes.a = "\q"', r'unknown escape in "\q" (at character 16)'),
        ("attributes", "expected `.` or `:`, not the end (at character 11)"),
        ("(" * 200, "the filter is nested too deeply (at character 61)"),
        ("attributes:" + "k" * 246, "the filter is longer than 256 bytes (at character 256)"),
    ],
)  # fmt: skip
def test_a_mistake_is_placed(text: str, problem: str) -> None:
    with pytest.raises(FilterError) as caught:
        attribute_filter(text)
    assert str(caught.value) == problem


def column(text: str) -> int:
    """Where the text's mistake is; 1 if it has none."""
    try:
        assert attribute_filter(text)({"k": ""}) in (True, False)
    except FilterError as error:
        return error.column
    return 1


@given(st.text(st.sampled_from('attributes:.="kNOT ANDOR()-!,\\é'), max_size=60))
def test_any_text_is_a_filter_or_a_placed_mistake(text: str) -> None:
    assert 1 <= column(text) <= len(text) + 1
