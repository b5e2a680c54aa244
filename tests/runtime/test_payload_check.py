"""The runtime's own check of payloads, against the whole of JSON Schema."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queuewright import spec
from queuewright_runtime.client import EnqueueError, Queue, Tasks
from queuewright_runtime.payload_check import payload_errors
from tests.runtime.servers import QUEUE

VALUES = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 1.0, 2.5, -3, "", "a", "abc"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=6,
)
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])


def schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    bound = st.integers(-2, 3)
    length = st.integers(0, 2)
    keywords: dict[str, st.SearchStrategy[Any]] = {
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=2, unique=True),
        "const": VALUES,
        "enum": st.lists(VALUES, min_size=1, max_size=3),
        "minimum": bound,
        "maximum": bound,
        "exclusiveMinimum": bound,
        "exclusiveMaximum": bound,
        "minLength": length,
        "maxLength": length,
        "minItems": length,
        "maxItems": length,
        "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
        "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
        "additionalProperties": inner,
        "items": inner,
        "allOf": st.lists(inner, min_size=1, max_size=2),
        "anyOf": st.lists(inner, min_size=1, max_size=2),
        "$ref": st.just("#"),
    }
    ignored: dict[str, st.SearchStrategy[Any]] = {
        "oneOf": st.lists(inner, min_size=1, max_size=2),
        "patternProperties": st.just({"^a": {"type": "string"}}),
        "prefixItems": st.lists(inner, min_size=1, max_size=2),
        "pattern": st.just("^a"),
        "not": inner,
        "uniqueItems": st.just(True),
    }
    return st.fixed_dictionaries({}, optional={**keywords, **ignored})


SCHEMAS = st.recursive(st.booleans() | st.just({}), schemas, max_leaves=6)
PARTLY_KNOWN = {"oneOf", "patternProperties", "prefixItems", "pattern", "not", "uniqueItems"}


def keywords_in(schema: Any) -> set[str]:
    if isinstance(schema, dict):
        return set(schema).union(*map(keywords_in, schema.values()))
    return set().union(*map(keywords_in, schema)) if isinstance(schema, list) else set()


def is_circle(schema: Any) -> bool:
    """Whether a reference leads to itself without a step into the payload."""
    if not isinstance(schema, dict):
        return False
    below = [*schema.get("allOf", []), *schema.get("anyOf", []), *schema.get("oneOf", [])]
    return "$ref" in schema or any(map(is_circle, [*below, schema.get("not")]))


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), SCHEMAS), SCHEMAS, VALUES)
def test_it_refuses_only_what_the_schema_refuses(
    start: dict[str, Any], more: Any, value: Any
) -> None:
    """And all of that, where the schema uses no keyword that it ignores."""
    schema = {"properties": start, **(more if isinstance(more, dict) else {})}
    if is_circle(schema):
        return
    ours, theirs = payload_errors(schema, value), spec.payload_errors(schema, value)
    if ours:
        assert theirs
    if not keywords_in(schema) & PARTLY_KNOWN:
        assert bool(ours) == bool(theirs)


SCHEMA = {
    "type": "object",
    "properties": {
        "to": {"$ref": "#/$defs/address"},
        "kind": {"enum": ["welcome", "bill"]},
        "copies": {"type": "integer", "minimum": 1},
        "cc": {"type": "array", "items": {"$ref": "#/$defs/address"}, "maxItems": 2},
        "body": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["to"],
    "additionalProperties": False,
    "$defs": {"address": {"type": "string", "minLength": 3}},
}


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ([], "the payload is an array, not an object"),
        ({}, "the payload has no `to`"),
        ({"to": 7}, "the payload's `to` is an integer, not a string"),
        ({"to": "a"}, "the payload's `to` is shorter than 3"),
        ({"to": "ada", "too": 1}, "the payload has `too`, which is not allowed"),
        ({"to": "ada", "kind": "spam"}, "`kind` is none of 'welcome', 'bill'"),
        ({"to": "ada", "copies": 0}, "`copies` is less than 1"),
        ({"to": "ada", "copies": True}, "`copies` is a boolean, not an integer"),
        ({"to": "ada", "cc": ["bob", None]}, "`cc[1]` is null, not a string"),
        ({"to": "ada", "cc": ["bob"] * 3}, "`cc` has more than 2"),
        ({"to": "ada", "body": 1}, "`body` fits none of the 2 forms"),
    ],
)
def test_a_queue_refuses_what_does_not_fit_its_schema(payload: Any, said: str) -> None:
    tasks = Tasks(variables={"CLOUD_TASKS_EMULATOR_URL": "http://127.0.0.1:1"})
    emails: Queue[Any] = Queue(tasks, tasks.address(QUEUE), SCHEMA)
    with pytest.raises(EnqueueError) as refused:
        emails.enqueue(payload)
    assert said in str(refused.value)
    assert not payload_errors(SCHEMA, {"to": "ada", "cc": ["bob"], "body": None, "copies": 1.0})


def test_beside_a_reference_old_drafts_ignore_everything() -> None:
    old = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$ref": "#/definitions/a",
        "type": "string",
        "definitions": {"a": {"type": "integer"}},
    }
    assert payload_errors(old, 1) == [] == spec.payload_errors(old, 1)
    assert payload_errors(old, "a")


def test_a_reference_in_a_circle_ends() -> None:
    assert payload_errors({"$ref": "#"}, 1) == []
    assert payload_errors({"$ref": "#/nothing"}, 1) == []
    assert payload_errors({"$ref": "https://a.example/"}, 1) == []
