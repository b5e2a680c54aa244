"""The schema of an emulator's file agrees with the command."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from queuewright.errors import SpecError
from queuewright.spec import parse_emulator
from queuewright.spec.emulator_model import EmulatorFile
from queuewright.spec.schema import emulator_schema, models

FILE = Path(__file__).parents[2] / "docs" / "emulator.schema.json"
NAME = "projects/p/locations/l/queues/q"


def valid(document: object) -> bool:
    """Whether the schema accepts a document."""
    return jsonschema.Draft7Validator(emulator_schema()).is_valid(document)


def accepted(document: object) -> bool:
    """Whether the command accepts it."""
    try:
        parse_emulator(yaml.safe_dump(document, sort_keys=False))
    except SpecError:
        return False
    return True


def test_the_schema_is_up_to_date() -> None:
    """`docs/emulator.schema.json` is what the models generate."""
    jsonschema.Draft7Validator.check_schema(emulator_schema())
    fresh = json.dumps(emulator_schema(), indent=2) + "\n"
    assert FILE.read_text("utf-8") == fresh, (
        "the model has changed; run\n  queuewright schema --emulator > docs/emulator.schema.json"
    )


def test_every_key_is_described_and_has_an_example() -> None:
    """In every map of the file."""
    for model in models(EmulatorFile):
        for key, info in model.model_fields.items():
            assert info.description, (model, key)
            assert info.examples, (model, key)


RIGHT = {
    "nothing but a queue": {"queues": {NAME: {}}},
    "a queue that is null": {"queues": {NAME: None}},
    "a queue by its id": {"project": "p", "location": "l", "queues": {"q": {"url": "http://h"}}},
    "settings": {"settings": {"throttling": True, "task_name_reuse": "0s"}},
    "an App Engine service": {"settings": {"app_engine_url": {"default": "http://127.0.0.1:1"}}},
    "a target": {"queues": {NAME: {"http_target": {"uri_override": {"host": "h", "port": 1}}}}},
    "a burst": {"queues": {NAME: {"rate_limits": {"max_burst_size": 1}}}},
}
WRONG = {
    "an unknown key": {"queue": {}},
    "an unknown setting": {"settings": {"throttle": True}},
    "a key of a stack's queue": {"queues": {NAME: {"handler": "mailer"}}},
    "a queue's id with an underscore": {"queues": {"my_queue": {}}},
    "a name that is cut off": {"queues": {"projects/p/locations/l/queues/": {}}},
    "a duration without its unit": {"settings": {"retention": 10}},
    "a URL without a scheme": {"queues": {NAME: {"url": "localhost:80"}}},
    "a method that is none": {"queues": {NAME: {"http_target": {"http_method": "SEND"}}}},
    "a port over the last": {
        "queues": {NAME: {"http_target": {"uri_override": {"port": 65_536}}}},
    },
    "no burst": {"queues": {NAME: {"rate_limits": {"max_burst_size": 0}}}},
    "a rate over 500": {"queues": {NAME: {"rate_limits": {"max_dispatches_per_second": 501}}}},
}


@pytest.mark.parametrize("right", RIGHT.values(), ids=RIGHT)
def test_a_right_file_is_right_for_both(right: dict[str, object]) -> None:
    """An editor underlines nothing that the command accepts."""
    assert valid(right)
    assert accepted(right)


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_wrong_for_both(wrong: dict[str, object]) -> None:
    """An editor underlines what the command rejects."""
    assert not valid(wrong)
    assert not accepted(wrong)
