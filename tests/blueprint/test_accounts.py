"""Who exists and who may do what: the least that works, each right because of a line of YAML."""

from __future__ import annotations

import pytest

from queuewright.blueprint import Grant
from tests.blueprint.stack import EVERY_KIND, derive, every_kind

INVOKER, ENQUEUER = "roles/run.invoker", "roles/cloudtasks.enqueuer"
SECRET = "roles/secretmanager.secretAccessor"

# Role, member, what it is granted on, and the path of the reason.
GRANTS = [
    ("roles/storage.objectViewer", "queuewright-build", "bucket acme-prod-queuewright",
     "handlers.mailer.function"),
    (INVOKER, "calls-invoker", "handler api", "queues.calls.handler"),
    (INVOKER, "emails-invoker", "handler mailer", "queues.emails.handler"),
    (INVOKER, "thumbs-invoker", "handler web", "queues.thumbs.handler"),
    (INVOKER, "chunks-invoker", "handler zipped", "queues.chunks.handler"),
    ("roles/logging.logWriter", "queuewright-build", "project acme-prod",
     "handlers.mailer.function"),
    ("roles/storage.objectViewer", "queuewright-build", "project acme-prod",
     "handlers.mailer.function"),
    (ENQUEUER, "acme-prod@appspot.gserviceaccount.com", "queue calls", "queues.calls.enqueuers[0]"),
    (ENQUEUER, "mailer-handler", "queue emails", "queues.emails.enqueuers[1]"),
    (ENQUEUER, "web-handler", "queue emails", "queues.emails.enqueuers[0]"),
    (ENQUEUER, "user:ada@acme.example", "queue emails", "queues.emails.enqueuers[2]"),
    (ENQUEUER, "acme-prod@appspot.gserviceaccount.com", "queue entries",
     "queues.entries.enqueuers[1]"),
    (ENQUEUER, "reports-handler", "queue entries", "queues.entries.enqueuers[0]"),
    ("roles/artifactregistry.writer", "queuewright-build", "repository queuewright",
     "handlers.mailer.function"),
    (SECRET, "mailer-handler", "secret mailer-API_KEY", "handlers.mailer.secrets.API_KEY"),
    (SECRET, "mailer-handler", "secret smtp-password", "handlers.mailer.secrets.SMTP_PASSWORD"),
]  # fmt: skip


def short(member: str) -> str:
    """A member without what all of the stack's have in common."""
    return member.removeprefix("serviceAccount:").removesuffix("@acme-prod.iam.gserviceaccount.com")


def row(grant: Grant) -> tuple[str, str, str, str]:
    """A grant as a row of the table."""
    what = f"{grant.kind} {grant.resource}"
    return grant.role, short(grant.member), what, grant.reason.path


def test_the_grants_of_a_stack_with_every_kind() -> None:
    """These, and no other."""
    assert [row(grant) for grant in every_kind().grants] == GRANTS


def test_every_grant_has_a_line_of_yaml() -> None:
    """That says what it is granted for."""
    lines = EVERY_KIND.splitlines()
    for grant in every_kind().grants:
        assert grant.reason.location.file == "spec.yaml"
        key = grant.reason.path.rpartition(".")[2].partition("[")[0]
        assert key in lines[grant.reason.location.line - 1], grant


def test_only_the_builder_has_a_right_on_the_project() -> None:
    """No handler and no invoker: each has its rights on single things."""
    on_project = [grant for grant in every_kind().grants if grant.kind == "project"]
    assert {grant.account for grant in on_project} == {"build"}
    conditions = {grant.role: grant.condition for grant in on_project}
    assert conditions == {
        "roles/logging.logWriter": None,
        "roles/storage.objectViewer": (
            'resource.name.startsWith("projects/_/buckets/gcf-v2-sources-")'
        ),
    }


def test_nobody_is_everybody() -> None:
    """Neither all users nor all that have an account."""
    members = {grant.member for grant in every_kind().grants}
    assert not {member for member in members if member.startswith("all")}


def test_an_invoker_may_call_its_handler_and_nothing_else() -> None:
    """One queue, one account, one right."""
    plan = every_kind()
    for queue in plan.queues.values():
        if queue.invoker is None:
            continue
        rights = plan.grants_of(plan.accounts[queue.invoker].member)
        expected = [] if queue.key == "hooks" else [(INVOKER, "handler", queue.handler)]
        assert [(right.role, right.kind, right.resource) for right in rights] == expected


def test_each_right_is_granted_once() -> None:
    """Two App Engine handlers run as one account; a second equal grant would fight the first."""
    plan = derive(
        "handlers: {a: {app_engine: {service: a}}, b: {app_engine: {service: b}}}\n"
        "queues: {q: {handler: a, enqueuers: [a, b]}}\n"
    )
    assert [row(grant)[:3] for grant in plan.grants] == [
        (ENQUEUER, "acme-prod@appspot.gserviceaccount.com", "queue q")
    ]


def test_the_accounts_of_a_stack_with_every_kind() -> None:
    """One for each handler that is deployed and each queue that sends a token, and a builder."""
    plan = every_kind()
    assert {key: account.account_id for key, account in plan.accounts.items()} == {
        "mailer-handler": "mailer-handler",
        "web-handler": "web-handler",
        "api-handler": "api-handler",
        "zipped-handler": "zipped-handler",
        "reports-handler": "reports-handler",
        "emails-invoker": "emails-invoker",
        "thumbs-invoker": "thumbs-invoker",
        "calls-invoker": "calls-invoker",
        "chunks-invoker": "chunks-invoker",
        "hooks-invoker": "hooks-invoker",
        "build": "queuewright-build",
    }
    assert plan.build_account == "build"
    assert all(len(account.display_name) <= 100 for account in plan.accounts.values())
    assert plan.accounts["emails-invoker"].display_name == (
        "queuewright dev: queue emails calls mailer as it"
    )


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        ("url: https://a.example", []),
        ("app_engine: {}", []),
        ("app_engine: {source: s, runtime: python312}", ["h-handler"]),
        ("url: https://a.example, audience: a", ["q-invoker"]),
        ("service: {image: i}", ["h-handler", "q-invoker"]),
        (
            "function: {source: s, entry_point: f, runtime: python312}",
            ["h-handler", "q-invoker", "build"],
        ),
    ],
)
def test_no_account_is_made_for_nothing(handler: str, expected: list[str]) -> None:
    """Somebody else's endpoint and an app that is deployed elsewhere need none."""
    plan = derive(f"handlers: {{h: {{{handler}}}}}\nqueues: {{q: {{handler: h}}}}\n")
    assert list(plan.accounts) == expected


def test_a_secret_is_granted_to_its_reader_only() -> None:
    """Two handlers, one secret each, and one that both read."""
    plan = derive(
        """\
handlers:
  a: {service: {image: i}, secrets: {A: mine, S: shared}}
  b: {service: {image: i}, secrets: {B: yours, S: shared}}
"""
    )
    assert {(short(grant.member), grant.resource) for grant in plan.grants} == {
        ("a-handler", "mine"),
        ("a-handler", "shared"),
        ("b-handler", "yours"),
        ("b-handler", "shared"),
    }


def test_a_queue_that_nobody_may_add_to_has_no_such_grant() -> None:
    """The handler of a queue may not add to it unless the spec says so."""
    plan = derive("handlers: {h: {service: {image: i}}}\nqueues: {q: {handler: h}}\n")
    assert [grant.role for grant in plan.grants] == [INVOKER]
