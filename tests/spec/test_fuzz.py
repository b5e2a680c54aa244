"""Any text is either a spec or refused with problems that have a place."""

from __future__ import annotations

import re

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from queuewright.errors import Location, Problem, SpecError
from queuewright.spec import Spec, parse

STACK: dict[str, object] = {
    "project": "acme-dev",
    "location": "europe-west1",
    "prefix": "p",
    "labels": {"team": "growth"},
    "handler_defaults": {"memory": "1Gi", "instances": {"max": 10}},
    "queue_defaults": {"protect": False, "retry_config": {"min_backoff": "1s"}},
    "handlers": {
        "mailer": {
            "function": {"source": "m", "entry_point": "handle", "runtime": "python312"},
            "env": {"A": "b"},
            "secrets": {"B": "b", "C": {"secret": "c", "version": "3"}, "D": {"config": "d"}},
            "timeout": "90s",
            "cpu": 0.5,
            "concurrency": 1,
            "ingress": "internal",
            "vpc": {"network": "default", "tags": ["t"]},
            "local": {"command": ["run"], "env": {"X": "y"}},
        },
        "web": {"service": {"source": "w", "runtime": "python312", "command": "run"}},
        "ledger": {"app_engine": {"service": "ledger", "version": "v2"}},
        "reporter": {"worker": {"image": "i", "command": ["run"]}, "instances": {"min": 2}},
        "hook": {"url": "https://a.example/x", "audience": "a", "headers": {"X-A": "b"}},
    },
    "queues": {
        "emails": {
            "handler": "mailer",
            "path": "/send",
            "rate_limits": {"max_dispatches_per_second": 5, "max_concurrent_dispatches": 2},
            "retry_config": {"max_attempts": 8, "max_backoff": "5m", "max_doublings": 3},
            "stackdriver_logging_config": {"sampling_ratio": 0.5},
            "enqueuers": ["web", "user:a@b.example"],
            "dead_letters": {"keep": "14d"},
            "example": {"to": ["x", 1, None]},
            "desired_state": "PAUSED",
        },
        "hooks": {"handler": "hook"},
        "reports": {
            "pull": {"lease": "1m", "max_attempts": 5, "min_backoff": "1s", "keep": "1d"},
            "worker": "reporter",
            "enqueuers": ["web"],
            "dead_letters": True,
        },
    },
}

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.dates(),
    st.sampled_from(["10s", "1Gi", "mailer", "acme-dev", "allUsers", "https://a", "0s", "", "~"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below),
    max_leaves=5,
)


@st.composite
def mutated(draw: st.DrawFn) -> object:
    """The spec above, with a few parts replaced, removed, renamed or added."""
    stack = copy(STACK)
    for _ in range(draw(st.integers(1, 4))):
        place = stack
        while True:
            keys = sorted(place, key=str)
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            below = place[key]
            if not isinstance(below, dict) or not below or draw(st.booleans()):
                change(draw, place, key)
                break
            place = below
    return stack


def change(draw: st.DrawFn, place: dict[object, object], key: object) -> None:
    """One change to one entry of a map."""
    how = draw(st.sampled_from(["replace", "remove", "rename", "add"]))
    if how == "remove":
        del place[key]
    elif how == "rename":
        place[draw(SCALARS)] = place.pop(key)
    elif how == "add":
        place[draw(st.sampled_from(["source", "url", "memory", "handler", "env"]))] = draw(VALUES)
    else:
        place[key] = draw(VALUES)


def copy(value: object) -> dict[object, object]:
    """Maps that may be changed."""
    assert isinstance(value, dict)
    return {key: copy(item) if isinstance(item, dict) else item for key, item in value.items()}


def test_the_original_spec_is_right() -> None:
    """Otherwise the mutations would prove nothing."""
    assert isinstance(parse(yaml.safe_dump(STACK, sort_keys=False)), Spec)


@settings(max_examples=400, deadline=None)
@given(mutated(), st.booleans())
def test_any_tree_is_a_spec_or_is_refused(tree: object, is_flow: bool) -> None:
    """No other exception is raised, and every problem has a place in the text."""
    refused_or_read(yaml.safe_dump(tree, sort_keys=False, default_flow_style=is_flow))


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(codec="utf-8")) | st.text(" \t\n\r:-[]{}&*!|>'\"%@`#,?ab0."))
def test_any_text_is_a_spec_or_is_refused(text: str) -> None:
    """YAML or not."""
    refused_or_read(text)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_typo_is_a_spec_or_is_refused(data: st.DataObject) -> None:
    """A right spec with some characters added, removed or replaced."""
    text = yaml.safe_dump(STACK, sort_keys=False)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        put = data.draw(st.text("\t\n :-[]{}&*!|'\"\x00\ufeffaé", max_size=3))
        text = text[:at] + put + text[at + data.draw(st.integers(0, 3)) :]
    refused_or_read(text)


def refused_or_read(text: str) -> None:
    """Read it; if it is refused, check each problem against the text."""
    lines = re.split("\r\n|[\n\r\x85\u2028\u2029]", text)
    for problem in problems(text):
        place = problem.location
        assert place.file == "x.yaml"
        assert 1 <= place.line <= len(lines)
        assert 1 <= place.column <= len(lines[place.line - 1]) + 1
        assert problem.message
        assert problem.hint
        assert str(problem).count("\n") == 1
        assert str(problem).replace("\n", "").isprintable()


def problems(text: str) -> tuple[Problem, ...]:
    """The problems of a refused text; at least one."""
    try:
        spec = parse(text, file="x.yaml")
    except SpecError as error:
        return error.problems or (Problem(Location("x.yaml", 0, 0), "$", "refused for nothing"),)
    return () if isinstance(spec, Spec) else (Problem(Location("x.yaml", 0, 0), "$", "no spec"),)
