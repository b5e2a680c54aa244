"""The editor's schema accepts right files, rejects wrong ones, and is up to date."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml

from queuewright.errors import SpecError
from queuewright.spec import parse
from queuewright.spec.closed import Closed
from queuewright.spec.dead_letters import DeadLetters
from queuewright.spec.handler_model import (
    AppEngineTarget,
    FunctionSource,
    HandlerSpec,
    Instances,
    LocalOverride,
    SecretReference,
    ServiceSource,
    VpcAccess,
    WorkerSource,
)
from queuewright.spec.model import SpecFile
from queuewright.spec.pull_model import PullQueueSpec, PullSettings
from queuewright.spec.queue_model import LoggingConfig, QueueSpec, RateLimits, RetryConfig
from queuewright.spec.schema import json_schema, models

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "spec.schema.json"
STACKS = sorted((ROOT / "stacks").glob("[!P]*.yaml"))

SERVICE = {"service": {"image": "i"}}
FUNCTION = {"source": "s", "entry_point": "f", "runtime": "python312"}
SOURCE = {"source": "s", "runtime": "python312", "command": "run"}
HANDLERS = {
    "mailer": {"function": FUNCTION},
    "thumbnails": {"service": SOURCE},
    "reporter": {"worker": {"image": "i"}, "memory": "1Gi"},
}


def valid(document: object) -> bool:
    """Whether the schema accepts a document."""
    return jsonschema.Draft7Validator(json_schema()).is_valid(document)


def accepted(document: object) -> bool:
    """Whether `queuewright check` accepts it."""
    try:
        parse(yaml.safe_dump(document, sort_keys=False))
    except SpecError:
        return False
    return True


def test_the_schema_is_up_to_date() -> None:
    """`docs/spec.schema.json` is what the models generate."""
    fresh = json.dumps(json_schema(), indent=2) + "\n"
    assert FILE.read_text("utf-8") == fresh, (
        "the model has changed; run\n  queuewright schema > docs/spec.schema.json"
    )


def test_the_schema_is_valid() -> None:
    """By the draft that it names."""
    jsonschema.Draft7Validator.check_schema(json_schema())


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.stem)
def test_every_stack_is_valid(stack: Path) -> None:
    """Bases and extensions alike, each file alone."""
    jsonschema.validate(yaml.safe_load(stack.read_text("utf-8")), json_schema())


def test_every_model_of_the_grammar_is_in_it() -> None:
    """With every key and its description."""
    schema = json_schema()
    assert {model.__name__ for model in models()} - {"SpecFile"} == set(schema["definitions"])
    for model in models():
        part = schema if model is SpecFile else schema["definitions"][model.__name__]
        assert list(part["properties"]) == list(model.model_fields)
        assert all(entry["description"] for entry in part["properties"].values())


def around(model: type[Closed], key: str, example: object) -> dict[str, object]:
    """The smallest document with `key: example` in a map of `model`."""
    needs = {LoggingConfig: {}, FunctionSource: FUNCTION, ServiceSource: SOURCE}
    siblings = {
        (ServiceSource, "image"): {},
        (ServiceSource, "source"): {},
        (ServiceSource, "context"): {"source": "s"},
        (ServiceSource, "dockerfile"): {},
        (WorkerSource, "command"): {"image": "i"},
        (WorkerSource, "context"): {"source": "s"},
        (HandlerSpec, "include"): {"service": {"source": "s"}},
        (AppEngineTarget, "source"): {"runtime": "python312"},
        (AppEngineTarget, "runtime"): {"source": "s"},
        (AppEngineTarget, "entrypoint"): {"source": "s", "runtime": "python312"},
        (SecretReference, "version"): {"secret": "s"},
        (VpcAccess, "egress"): {"network": "n"},
        (VpcAccess, "tags"): {"network": "n"},
        (HandlerSpec, "audience"): {"url": "https://a.example"},
        (HandlerSpec, "headers"): {"url": "https://a.example"},
    }
    alone = siblings.get((model, key), needs.get(model, {}))
    entry = {**alone, key: example}
    handler = {
        FunctionSource: {"function": entry},
        ServiceSource: {"service": entry},
        WorkerSource: {"worker": entry},
        AppEngineTarget: {"app_engine": entry},
        SecretReference: {**SERVICE, "secrets": {"A": entry}},
        Instances: {**SERVICE, "instances": entry},
        VpcAccess: {**SERVICE, "vpc": entry},
        LocalOverride: {**SERVICE, "local": entry},
        HandlerSpec: entry if {"url", "app_engine", "function", "service", "worker"} & entry.keys()
        else {**SERVICE, **entry},
    }  # fmt: skip
    queue = {
        RateLimits: {"rate_limits": entry},
        RetryConfig: {"retry_config": entry},
        LoggingConfig: {"stackdriver_logging_config": entry},
        DeadLetters: {"dead_letters": entry},
        QueueSpec: entry,
    }
    document: dict[str, object] = {
        "project": "acme-dev",
        "location": "europe-west1",
        "handlers": HANDLERS,
    }
    if model is SpecFile:
        document[key] = {**HANDLERS, **example} if key == "handlers" else example  # type: ignore[dict-item]
    elif model in (PullSettings, PullQueueSpec):
        pulled = {"pull": entry} if model is PullSettings else {"pull": {}, **entry}
        document["queues"] = {"pulled": pulled}
    elif model in queue:
        document["queues"] = {"q": {"handler": "mailer", **queue[model]}}
    else:
        document["handlers"] = {**HANDLERS, "h": handler[model]}
    return document


def examples() -> Iterator[tuple[type[Closed], str, object]]:
    """Every example of the models."""
    for model in models():
        for key, info in model.model_fields.items():
            assert info.examples, f"{model.__name__}.{key} has no example"
            for example in info.examples:
                if (model, key) != (SpecFile, "extends"):
                    yield model, key, example


@pytest.mark.parametrize(
    ("model", "key", "example"),
    list(examples()),
    ids=[f"{model.__name__}.{key}: {example}" for model, key, example in examples()],
)
def test_every_example_is_right(model: type[Closed], key: str, example: object) -> None:
    """For the schema and for `check`."""
    document = around(model, key, example)
    parse(yaml.safe_dump(document, sort_keys=False))
    jsonschema.validate(document, json_schema())


WRONG = {
    "an unknown key": {"queue": {}},
    "an unknown key further down": {"queues": {"q": {"handler": "h", "path2": "/x"}}},
    "an unknown key in the defaults": {"queue_defaults": {"protected": True}},
    "a name in capitals": {"handlers": {"Mailer": SERVICE}},
    "a queue with an underscore": {"queues": {"my_queue": {"handler": "mailer"}}},
    "two kinds": {"handlers": {"h": {**SERVICE, "url": "https://a.example"}}},
    "a setting of another kind": {"handlers": {"h": {"url": "https://a.example", "cpu": 1}}},
    "a duration without its unit": {"queue_defaults": {"retry_config": {"min_backoff": 10}}},
    "a duration of nothing": {"queue_defaults": {"retry_config": {"min_backoff": "0s"}}},
    "a size in another unit": {"handler_defaults": {"memory": "512MB"}},
    "a rate over 500": {"queue_defaults": {"rate_limits": {"max_dispatches_per_second": 501}}},
    "no attempt": {"queue_defaults": {"retry_config": {"max_attempts": 0}}},
    "a choice that is none": {"queue_defaults": {"desired_state": "STOPPED"}},
    "a truth in quotes": {"queue_defaults": {"protect": "yes"}},
    "a list for a map": {"queues": []},
    "a number for text": {"labels": {"a": 7}},
    "a label in capitals": {"labels": {"Team": "a"}},
    "too many labels": {"labels": {f"l{number}": "x" for number in range(65)}},
    "a variable with a hyphen": {"handlers": {"h": {**SERVICE, "env": {"A-B": "x"}}}},
    "a worker with a timeout": {"handlers": {"h": {"worker": {"image": "i"}, "timeout": "1m"}}},
    "a pull queue with a path": {"queues": {"pulled": {"pull": {}, "path": "/x"}}},
    "a push queue with a worker": {"queues": {"q": {"handler": "mailer", "worker": "reporter"}}},
    "a lease in minutes without a unit": {"queues": {"pulled": {"pull": {"lease": 1}}}},
    "four attempts": {"queues": {"pulled": {"pull": {"max_attempts": 4}}}},
    "dead letters for a while": {"queues": {"q": {"handler": "mailer", "dead_letters": "14d"}}},
    "a path without its slash": {"queue_defaults": {"path": "send"}},
    "a secret that is a number": {"handlers": {"h": {**SERVICE, "secrets": {"A": 3}}}},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_wrong_for_both(wrong: dict[str, object]) -> None:
    """An editor underlines what `check` rejects, as far as one file shows it."""
    right = {"project": "acme-dev", "location": "europe-west1", "handlers": HANDLERS}
    assert valid(right)
    assert accepted(right)
    handlers = {**HANDLERS, **wrong.get("handlers", {})}  # type: ignore[dict-item]
    document = {**right, **wrong, "handlers": handlers}
    assert not valid(document)
    assert not accepted(document)


@pytest.mark.parametrize(
    "part",
    [
        {},
        {"extends": "base.yaml", "queues": {"emails": {"path": "/x"}}},
        {"handlers": {"mailer": {"memory": "1Gi"}}},
        {"handlers": {"mailer": {"function": None, "service": {"image": "i"}}}},
        {"handlers": {"mailer": None}},
        {"queues": None, "labels": None, "handler_defaults": None},
        {"queues": {"emails": {"retry_config": {"min_backoff": None}}}},
        {"handlers": {"mailer": {"env": {"A": None}}}},
        {"handler_defaults": {"function": {"runtime": "python312"}, "service": {"image": "i"}}},
        {"queues": {"reports": {"worker": "reporter"}}},
        {"queues": {"reports": {"pull": None, "handler": "mailer"}}},
        {"queue_defaults": {"pull": {"lease": "30s"}, "rate_limits": None, "dead_letters": True}},
        {"queues": {"emails": {"example": [None, 1, {"a": None}]}}},
    ],
)
def test_a_file_may_be_incomplete(part: dict[str, object]) -> None:
    """Missing keys may be in another file, and null removes."""
    assert valid(part)
