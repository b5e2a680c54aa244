"""Properties of `extends`, for any two documents."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from queuewright.errors import Location
from queuewright.spec import Node
from queuewright.spec.merge import extend, without_nulls

KEYS = st.sampled_from(["queues", "handlers", "a", "b", "example", "env"])
SCALARS = st.one_of(st.integers(0, 3), st.text("xyz", max_size=2), st.booleans())
PLACE = Location("x.yaml", 1, 1)


def trees(leaves: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    """Documents: maps of maps, lists and leaves."""
    values = st.recursive(
        leaves | st.lists(SCALARS, max_size=2),
        lambda below: st.dictionaries(KEYS, below, max_size=3),
        max_leaves=8,
    )
    return st.dictionaries(KEYS, values, max_size=4)


def node(value: object) -> Node:
    """A document as the reader returns it."""
    if isinstance(value, dict):
        return Node(PLACE, {key: node(below) for key, below in value.items()})
    if isinstance(value, list):
        return Node(PLACE, [node(item) for item in value])
    return Node(PLACE, value)


TREES = trees(SCALARS)
TREES_WITH_NULLS = trees(SCALARS | st.none())


@given(TREES_WITH_NULLS)
def test_merging_an_empty_file_changes_nothing(tree: dict[str, object]) -> None:
    """Neither as the base nor as the extension."""
    assert extend(node(tree), node({})) == node(tree)
    assert extend(node({}), node(tree)) == node(tree)


@given(TREES_WITH_NULLS)
def test_merging_a_file_with_itself_changes_nothing(tree: dict[str, object]) -> None:
    """The result is the file itself."""
    assert extend(node(tree), node(tree)) == node(tree)


@given(TREES, TREES, TREES)
def test_merging_is_associative(
    base: dict[str, object], middle: dict[str, object], top: dict[str, object]
) -> None:
    """If nothing is removed, and no scalar replaces a map or the reverse."""
    if clash(base, middle) or clash(middle, top) or clash(base, top):
        return
    by_pairs = extend(extend(node(base), node(middle)), node(top))
    at_once = extend(node(base), extend(node(middle), node(top)))
    assert by_pairs == at_once


@given(TREES_WITH_NULLS, TREES_WITH_NULLS)
def test_the_extension_wins(base: dict[str, object], top: dict[str, object]) -> None:
    """Each of its scalars and nulls is in the result."""
    merged = extend(node(base), node(top))
    for path, below in node(top).walk():
        if not isinstance(below.value, dict):
            found = merged.at(path)
            assert found is not None
            assert found.plain() == below.plain()


@given(TREES_WITH_NULLS, TREES_WITH_NULLS)
def test_no_null_is_left(base: dict[str, object], top: dict[str, object]) -> None:
    """Outside a payload, each null and what it removes are gone."""
    result = without_nulls(extend(node(base), node(top)))
    assert [
        path for path, below in result.walk() if below.value is None and not payload(path)
    ] == []


def clash(one: object, other: object) -> bool:
    """Whether one side has a map where the other has another value."""
    if isinstance(one, dict) and isinstance(other, dict):
        return any(clash(one[key], other[key]) for key in one.keys() & other.keys())
    return isinstance(one, dict) != isinstance(other, dict)


def payload(path: tuple[str | int, ...]) -> bool:
    """Whether a path is in a queue's example."""
    return path[:1] == ("queues",) and path[2:3] == ("example",)
