"""The shipped stacks together deploy every kind of handler."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from queuewright.errors import SpecError
from queuewright.spec import HandlerSpec, load, parse
from queuewright.spec.handler_model import KINDS
from queuewright.spec.values import flow
from queuewright.spec.words import models_in

ROOT = Path(__file__).parents[2]
SETTINGS = {
    *("command", "context", "dockerfile", "entry_point", "entrypoint"),
    *("instance", "service", "version"),
}
"""What may differ between two handlers of a kind; any other key makes a kind of its own."""

Way = tuple[str, frozenset[str]]


def test_the_shipped_stacks_use_every_kind_of_handler() -> None:
    """A new kind fails this test until a stack uses it."""
    used = {
        way
        for stack in ("dev", "staging", "prod")
        for handler in load(stack, ROOT).handlers.values()
        for way in _ways(handler)
    }
    known = set(_known())
    assert len(known) == 9
    assert used == known


def _known() -> Iterator[Way]:
    """Every kind that the spec accepts, found by trying all keys with their examples."""
    for kind in KINDS:
        field = HandlerSpec.model_fields[kind]
        model = next(models_in(field.annotation), None)
        fields = model.model_fields if model is not None else {}
        for count in range(len(fields) + 1):
            for keys in itertools.combinations(fields, count):
                examples = {key: (fields[key].examples or [""])[0] for key in keys}
                value = examples if fields else (field.examples or [""])[0]
                text = f"{{project: acme-dev, location: europe-west1, handlers: {{a: {{{kind}: "
                try:
                    spec = parse(f"{text}{flow(value)}}}}}}}")
                except SpecError:
                    continue
                yield from _ways(spec.handlers["a"])


def _ways(handler: HandlerSpec) -> Iterator[Way]:
    """The kind of a handler, with the keys that name its code."""
    for kind in KINDS:
        value = getattr(handler, kind)
        if value is not None:
            keys = getattr(type(value), "model_fields", {})
            said = {key for key in keys if getattr(value, key)} - SETTINGS
            yield kind, frozenset(said)
