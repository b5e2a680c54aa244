"""A blueprint follows from its spec and from nothing else."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from queuewright.blueprint import SecretPlan, ServicePlan, blueprint
from queuewright.blueprint.model import AppEnginePlan, FunctionPlan
from queuewright.spec import load, parse
from tests.blueprint.stack import EVERY_KIND, REST, derive, every_kind

ROOT = Path(__file__).parents[2]
_Value = TypeVar("_Value")


def shuffled(entries: Mapping[str, _Value], seed: int) -> dict[str, _Value]:
    """The same entries in another order."""
    keys = list(entries)
    random.Random(seed).shuffle(keys)
    return {key: entries[key] for key in keys}


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_a_file_does_not_matter(seed: int) -> None:
    """The same entries in any order give the same blueprint."""
    spec = parse(EVERY_KIND)
    other = replace(
        spec, handlers=shuffled(spec.handlers, seed), queues=shuffled(spec.queues, seed)
    )
    assert blueprint(other) == blueprint(spec)
    assert blueprint(other).grants == blueprint(spec).grants


def test_the_order_of_functions_does_not_matter() -> None:
    """The build account's reason is the first function by name."""
    code = "{function: {source: s, entry_point: f, runtime: python312}}"
    spec = parse(f"handlers:\n  b: {code}\n  a: {code}\n{REST}")
    other = replace(spec, handlers=dict(reversed(spec.handlers.items())))
    assert blueprint(other) == blueprint(spec)
    assert blueprint(spec).accounts["build"].reason.path == "handlers.a.function"


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_the_shipped_stacks_have_a_blueprint(environment: str) -> None:
    """Deriving it twice gives the same result."""
    spec = load(environment, ROOT)
    assert blueprint(spec) == blueprint(load(environment, ROOT))
    assert blueprint(spec).environment == environment


def test_a_handler_that_may_add_tasks_knows_the_queue() -> None:
    """Its full name, how long an attempt may take, and whether it is App Engine that does it."""
    plan = every_kind()
    emails = {
        "QUEUE_EMAILS": "projects/acme-prod/locations/europe-west1/queues/emails",
        "DEADLINE_EMAILS": "60s",
    }
    entries = {
        "QUEUE_ENTRIES": "projects/acme-prod/locations/europe-west1/queues/entries",
        "APP_ENGINE_ENTRIES": "ledger",
    }
    variables = {}
    for key, handler in plan.handlers.items():
        if isinstance(handler.target, FunctionPlan | ServicePlan):
            variables[key] = dict(handler.target.runtime.environment)
        elif isinstance(handler.target, AppEnginePlan):
            variables[key] = dict(handler.target.environment)
    assert variables == {
        "mailer": {"SMTP_HOST": "smtp.internal", **emails},
        "web": emails,
        "api": {},
        "zipped": {},
        "ledger": {
            "QUEUE_CALLS": "projects/acme-prod/locations/europe-west1/queues/calls",
            "DEADLINE_CALLS": "300s",
            **entries,
        },
        "reports": entries,
    }


@pytest.mark.parametrize(("timeout", "deadline"), [("5s", "15s"), ("60s", "60s"), ("40m", "1800s")])
def test_a_deadline_is_the_handlers_timeout_as_far_as_google_allows(
    timeout: str, deadline: str
) -> None:
    """15 seconds to 30 minutes: `Task.dispatch_deadline` in task.proto."""
    text = EVERY_KIND.replace("  mailer:\n", f"  mailer:\n    timeout: {timeout}\n", 1)
    queue = derive(text).queues["emails"]
    assert queue.producer_variables["DEADLINE_EMAILS"] == deadline


def test_secrets_that_exist_and_secrets_that_are_made() -> None:
    """A configuration value becomes a secret of the stack."""
    target = every_kind().handlers["mailer"].target
    assert isinstance(target, FunctionPlan)
    assert target.runtime.secrets == {
        "SMTP_PASSWORD": SecretPlan("smtp-password", "latest", None),
        "SMTP_TOKEN": SecretPlan("smtp-password", "3", None),
        "API_KEY": SecretPlan("mailer-API_KEY", "latest", "apiKey"),
    }


ALWAYS = ["cloudtasks"]


@pytest.mark.parametrize(
    ("handler", "apis"),
    [
        ("url: https://a.example", []),
        ("url: https://a.example, audience: a", ["iam"]),
        ("app_engine: {}", ["appengine"]),
        (
            "app_engine: {source: s, runtime: python312}",
            ["appengine", "artifactregistry", "cloudbuild", "cloudresourcemanager", "iam",
             "storage"],
        ),
        ("service: {image: i}", ["iam", "run"]),
        ("service: {source: s}", ["artifactregistry", "iam", "run"]),
        ("service: {source: s, runtime: python312, command: c}", ["iam", "run", "storage"]),
        (
            "function: {source: s, entry_point: f, runtime: python312}",
            ["artifactregistry", "cloudbuild", "cloudfunctions", "cloudresourcemanager", "iam",
             "run", "storage"],
        ),
        ("service: {image: i}, secrets: {A: a}", ["iam", "run", "secretmanager"]),
        ("service: {image: i}, vpc: {network: n}", ["compute", "iam", "run"]),
    ],
)  # fmt: skip
def test_the_apis_of_each_kind(handler: str, apis: list[str]) -> None:
    """Only the APIs that are needed."""
    plan = derive(f"handlers: {{h: {{{handler}}}}}\nqueues: {{q: {{handler: h}}}}\n")
    assert list(plan.apis) == sorted(f"{api}.googleapis.com" for api in [*ALWAYS, *apis])


@pytest.mark.parametrize(
    ("handler", "bucket", "repository"),
    [
        ("url: https://a.example", False, False),
        ("app_engine: {}", False, False),
        ("service: {image: i}", False, False),
        ("service: {source: s}", False, True),
        ("service: {source: s, runtime: python312, command: c}", True, False),
        ("app_engine: {source: s, runtime: python312}", True, False),
        ("function: {source: s, entry_point: f, runtime: python312}", True, True),
    ],
)
def test_a_bucket_and_a_repository_only_where_needed(
    handler: str, bucket: bool, repository: bool
) -> None:
    """The bucket is for archives, the repository for images."""
    plan = derive(f"handlers: {{h: {{{handler}}}}}\n")
    assert (plan.bucket is not None, plan.repository is not None) == (bucket, repository)


def test_every_part_knows_its_line() -> None:
    """Queues, handlers and accounts have a reason with a place."""
    plan = every_kind()
    parts = [*plan.queues.values(), *plan.handlers.values(), *plan.accounts.values()]
    for part in parts:
        assert part.reason.location.file == "spec.yaml"
        assert part.key.rpartition("-")[0] in str(part.reason) or part.key in str(part.reason)


def test_local_settings_are_kept() -> None:
    """The command, URL and variables for this machine."""
    plan = derive(
        """\
handlers:
  a: {service: {image: i}, local: {command: run me, env: {A: b}}}
  b: {url: https://a.example, local: {url: http://127.0.0.1:8080}}
"""
    )
    assert plan.handlers["a"].local.command == ("/bin/sh", "-c", "run me")
    assert plan.handlers["a"].local.environment == {"A": "b"}
    assert plan.handlers["b"].local.url == "http://127.0.0.1:8080"
