"""Names are derived, within Google's limits, and unique."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuewright.blueprint import AppEnginePlan, AppEngineRoute
from queuewright.blueprint.names import (
    account_email,
    account_id,
    app_engine_email,
    bucket_name,
    prefixed,
    queue_name,
    secret_id,
)
from queuewright.spec import queue_variable
from queuewright.spec.fields import HANDLER_NAME, PREFIX, QUEUE_ID, VARIABLE
from tests.blueprint.stack import derive, every_kind

# https://cloud.google.com/iam/docs/service-accounts-create
ACCOUNT_ID = r"[a-z][a-z0-9-]{4,28}[a-z0-9]"
# https://cloud.google.com/storage/docs/buckets#naming
BUCKET = r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"

QUEUES = st.from_regex(QUEUE_ID, fullmatch=True)
HANDLERS = st.from_regex(HANDLER_NAME, fullmatch=True)
PREFIXES = st.none() | st.from_regex(PREFIX, fullmatch=True)
VARIABLES = st.from_regex(VARIABLE, fullmatch=True)
ROLES = st.sampled_from(["handler", "invoker", "build"])


@given(PREFIXES, QUEUES, ROLES)
def test_an_account_id_is_one_that_google_takes(prefix: str | None, name: str, role: str) -> None:
    """Six to thirty characters, starting with a letter and not ending with a hyphen."""
    assert re.fullmatch(ACCOUNT_ID, account_id(prefixed(prefix, name), role))


@given(st.lists(st.tuples(QUEUES, ROLES), min_size=2, max_size=20, unique=True))
def test_two_accounts_never_share_an_id(names: list[tuple[str, str]]) -> None:
    """Neither two names with one role nor one name with two roles."""
    assert len({account_id(name, role) for name, role in names}) == len(names)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Emails", "emails"),
        ("a--b", "a-b"),
        ("-a", "a"),
        ("a-", "a"),
        ("1a", "q-1a"),
        ("a" * 40, "a" * 41),
        ("a" * 30 + "x", "a" * 30 + "y"),
        ("-", "--"),
    ],
)
def test_names_that_look_alike_give_two_ids(one: str, other: str) -> None:
    """The hash keeps what was removed or cut off."""
    assert account_id(one, "invoker") != account_id(other, "invoker")
    assert re.fullmatch(ACCOUNT_ID, account_id(one, "invoker"))


def test_a_plain_name_stays_readable() -> None:
    """Only a name that does not fit gets a hash."""
    assert account_id("emails", "invoker") == "emails-invoker"
    assert account_id("feature-7-emails", "invoker") == "feature-7-emails-invoker"


def test_an_id_is_stable() -> None:
    """Another id would be another account without the old one's rights."""
    assert account_id("Emails", "invoker") == "emails-invoker-b0b54019"
    assert account_id("a-queue-with-a-rather-long-name", "handler") == (
        "a-queue-with-a-rather-5d458451"
    )


@pytest.mark.parametrize(
    ("project", "email"),
    [
        ("acme-prod", "a@acme-prod.iam.gserviceaccount.com"),
        ("acme.com:prod", "a@prod.acme.com.iam.gserviceaccount.com"),
    ],
)
def test_an_address_in_a_project_of_a_domain(project: str, email: str) -> None:
    """The domain comes last."""
    assert account_email("a", project) == email


def test_the_address_of_app_engine() -> None:
    """App Engine's default account."""
    assert app_engine_email("acme-prod") == "acme-prod@appspot.gserviceaccount.com"
    assert app_engine_email("acme.com:prod") == "prod.acme.com@appspot.gserviceaccount.com"


@given(st.from_regex(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", fullmatch=True), PREFIXES)
def test_a_bucket_has_a_name_that_google_takes(project: str, prefix: str | None) -> None:
    """At most sixty-three lower-case characters."""
    assert re.fullmatch(BUCKET, bucket_name(project, prefix))


def test_buckets_of_two_stacks_differ() -> None:
    """By project and prefix, because bucket names are global."""
    names = {
        bucket_name("acme-prod", None),
        bucket_name("acme-dev", None),
        bucket_name("acme-dev", "feature-7"),
        bucket_name("acme.com:dev", None),
    }
    assert names == {
        "acme-prod-queuewright",
        "acme-dev-queuewright",
        "acme-dev-feature-7-queuewright",
        "acme-com-dev-queuewright",
    }


@given(st.lists(st.tuples(HANDLERS, VARIABLES), min_size=2, max_size=10, unique=True), PREFIXES)
def test_two_secrets_never_share_an_id(names: list[tuple[str, str]], prefix: str | None) -> None:
    """Each id is valid in Secret Manager."""
    ids = [secret_id(prefix, handler, variable) for handler, variable in names]
    assert len(set(ids)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,255}", identifier) for identifier in ids)


@given(st.lists(QUEUES, min_size=2, max_size=10, unique_by=str.lower))
def test_two_queues_never_share_a_variable(names: list[str]) -> None:
    """Each variable is valid in a shell."""
    variables = {queue_variable(name) for name in names}
    assert len(variables) == len(names)
    assert all(re.fullmatch(r"[A-Z_][A-Z0-9_]*", variable) for variable in variables)


def test_a_queue_is_called_what_the_spec_calls_it() -> None:
    """Its name is an address, so it is used unchanged."""
    assert every_kind().queues["emails"].name == queue_name("acme-prod", "europe-west1", "emails")
    assert every_kind().queues["emails"].queue_id == "emails"


def test_a_prefix_goes_before_every_name() -> None:
    """So two stacks can share a project."""
    text = """\
prefix: feature-7
handlers:
  mailer:
    function: {source: s, entry_point: f, runtime: python312}
    secrets: {A: {config: a}, B: shared}
queues:
  emails: {handler: mailer, enqueuers: [mailer]}
"""
    plan = derive(text)
    assert plan.queues["emails"].queue_id == "feature-7-emails"
    assert plan.queues["emails"].variable == "QUEUE_EMAILS"
    assert plan.handlers["mailer"].name == "feature-7-mailer"
    assert {each.account_id for each in plan.accounts.values()} == {
        "feature-7-mailer-handler",
        "feature-7-mailer-invoker",
        "feature-7-queuewright-build",
    }
    assert (plan.bucket, plan.repository) == (
        "acme-prod-feature-7-queuewright",
        "feature-7-queuewright",
    )
    secrets = {grant.resource for grant in plan.grants if grant.kind == "secret"}
    assert secrets == {"feature-7-mailer-A", "shared"}


def test_a_prefix_changes_no_key() -> None:
    """Pulumi's names are derived from keys."""
    text = "handlers: {m: {service: {image: i}}}\nqueues: {q: {handler: m}}\n"
    bare, prefixed_plan = derive(text), derive(text + "prefix: p\n")
    assert list(bare.accounts) == list(prefixed_plan.accounts)
    assert list(bare.queues) == list(prefixed_plan.queues)


def test_a_prefix_goes_before_an_app_engine_service_that_is_ours() -> None:
    """Two stacks deploy two services; a service deployed elsewhere keeps its name."""
    text = """
prefix: dev
handlers:
  ours: {app_engine: {service: ledger, source: handlers/ledger, runtime: python312}}
  theirs: {app_engine: {service: ledger}}
  first: {app_engine: {service: default, source: handlers/first, runtime: python312}}
queues: {a: {handler: ours}, b: {handler: theirs}, c: {handler: first}}
"""
    plan = derive(text)
    routed = {key: queue.route for key, queue in plan.queues.items()}
    assert routed == {
        "a": AppEngineRoute("dev-ledger"),
        "b": AppEngineRoute("ledger"),
        "c": AppEngineRoute("default"),
    }
    services = [
        handler.target.service
        for handler in plan.handlers.values()
        if isinstance(handler.target, AppEnginePlan)
    ]
    assert services == ["dev-ledger", "ledger", "default"]
