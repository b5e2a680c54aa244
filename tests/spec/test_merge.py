"""What `extends` does to any two documents."""

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
    """A document as it would have been read."""
    if isinstance(value, dict):
        return Node(PLACE, {key: node(below) for key, below in value.items()})
    if isinstance(value, list):
        return Node(PLACE, [node(item) for item in value])
    return Node(PLACE, value)


TREES = trees(SCALARS)
TREES_WITH_NULLS = trees(SCALARS | st.none())


@given(TREES_WITH_NULLS)
def test_an_empty_file_changes_nothing(tree: dict[str, object]) -> None:
    """Neither on top nor beneath."""
    assert extend(node(tree), node({})) == node(tree)
    assert extend(node({}), node(tree)) == node(tree)


@given(TREES_WITH_NULLS)
def test_saying_it_again_changes_nothing(tree: dict[str, object]) -> None:
    """A file on top of itself is itself."""
    assert extend(node(tree), node(tree)) == node(tree)


@given(TREES, TREES, TREES)
def test_it_does_not_matter_which_two_are_merged_first(
    base: dict[str, object], middle: dict[str, object], top: dict[str, object]
) -> None:
    """Where nothing is removed, and no scalar stands in a map's place."""
    if clash(base, middle) or clash(middle, top) or clash(base, top):
        return
    by_pairs = extend(extend(node(base), node(middle)), node(top))
    at_once = extend(node(base), extend(node(middle), node(top)))
    assert by_pairs == at_once


@given(TREES_WITH_NULLS, TREES_WITH_NULLS)
def test_what_the_top_says_stands(base: dict[str, object], top: dict[str, object]) -> None:
    """Each scalar of it, and each null, is in the result."""
    merged = extend(node(base), node(top))
    for path, below in node(top).walk():
        if not isinstance(below.value, dict):
            found = merged.at(path)
            assert found is not None
            assert found.plain() == below.plain()


@given(TREES_WITH_NULLS, TREES_WITH_NULLS)
def test_no_null_is_left(base: dict[str, object], top: dict[str, object]) -> None:
    """Outside of a payload, a null and what it removes are gone."""
    result = without_nulls(extend(node(base), node(top)))
    assert [
        path for path, below in result.walk() if below.value is None and not payload(path)
    ] == []


def clash(one: object, other: object) -> bool:
    """Whether a map stands on one side where the other has something else."""
    if isinstance(one, dict) and isinstance(other, dict):
        return any(clash(one[key], other[key]) for key in one.keys() & other.keys())
    return isinstance(one, dict) != isinstance(other, dict)


def payload(path: tuple[str | int, ...]) -> bool:
    """Whether a path lies in a queue's example."""
    return path[:1] == ("queues",) and path[2:3] == ("example",)
