"""Service accounts and their grants: as few rights as possible, each from a line of YAML."""

from __future__ import annotations

import pytest

from queuewright.blueprint import Condition, GrantPlan
from queuewright.cloud_tasks import roles
from tests.blueprint.stack import EVERY_KIND, derive, every_kind

INVOKER, ENQUEUER, SECRET = roles.INVOKER, roles.ENQUEUER, roles.SECRET_ACCESSOR

# Role, member, what it is granted on, and the path of the reason.
BUILT = "handlers.reports.app_engine.source"

GRANTS = [
    ("roles/storage.objectViewer", "queuewright-build", "bucket acme-prod-queuewright",
     "handlers.mailer.function"),
    ("roles/storage.objectViewer", "reports-handler", "bucket acme-prod-queuewright", BUILT),
    (INVOKER, "api-invoker", "handler api", "queues.calls.handler"),
    (INVOKER, "mailer-invoker", "handler mailer", "queues.emails.handler"),
    (INVOKER, "web-invoker", "handler web", "queues.thumbs.handler"),
    (INVOKER, "zipped-invoker", "handler zipped", "queues.chunks.handler"),
    ("roles/artifactregistry.createOnPushWriter", "reports-handler", "project acme-prod", BUILT),
    ("roles/logging.logWriter", "queuewright-build", "project acme-prod",
     "handlers.mailer.function"),
    ("roles/logging.logWriter", "reports-handler", "project acme-prod", BUILT),
    ("roles/storage.bucketViewer", "reports-handler", "project acme-prod", BUILT),
    ("roles/storage.objectUser", "reports-handler", "project acme-prod", BUILT),
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
    """A member without the domain of the stack's accounts."""
    return member.removeprefix("serviceAccount:").removesuffix("@acme-prod.iam.gserviceaccount.com")


def row(grant: GrantPlan) -> tuple[str, str, str, str]:
    """A grant as a row of the table."""
    what = f"{grant.kind} {grant.resource}"
    return grant.role, short(grant.member), what, grant.reason.path


def test_the_grants_of_a_stack_with_every_kind() -> None:
    """These and no others."""
    assert [row(grant) for grant in every_kind().grants] == GRANTS


def test_every_grant_has_a_line_of_yaml() -> None:
    """The line that asks for it."""
    lines = EVERY_KIND.splitlines()
    for grant in every_kind().grants:
        assert grant.reason.location.file == "spec.yaml"
        key = grant.reason.path.rpartition(".")[2].partition("[")[0]
        assert key in lines[grant.reason.location.line - 1], grant


def test_only_builders_have_a_right_on_the_project() -> None:
    """Other handlers and invokers have rights on single resources only."""
    on_project = [grant for grant in every_kind().grants if grant.kind == "project"]
    assert {grant.account for grant in on_project} == {"build", "reports-handler"}
    conditions = {
        account: {grant.role: grant.condition for grant in on_project if grant.account == account}
        for account in ("build", "reports-handler")
    }
    on_staging = Condition(
        "app-engine-staging", 'resource.name.startsWith("projects/_/buckets/staging.acme-prod.")'
    )
    assert conditions["reports-handler"] == {
        roles.LOG_WRITER: None,
        roles.IMAGE_CREATOR: None,
        roles.BUCKET_VIEWER: on_staging,
        roles.OBJECT_USER: on_staging,
    }
    assert conditions["build"] == {
        roles.LOG_WRITER: None,
        roles.OBJECT_VIEWER: Condition(
            "function-sources", 'resource.name.startsWith("projects/_/buckets/gcf-v2-sources-")'
        ),
    }


def test_no_grant_is_for_everyone() -> None:
    """No grant is for all users or for all Google accounts."""
    members = {grant.member for grant in every_kind().grants}
    assert not {member for member in members if member.startswith("all")}


def test_an_invoker_may_call_its_handler_and_nothing_else() -> None:
    """One handler, one account, one right."""
    plan = every_kind()
    for handler in plan.handlers.values():
        if handler.invoker is None:
            continue
        rights = plan.grants_of(plan.accounts[handler.invoker].member)
        expected = [] if handler.kind == "url" else [(INVOKER, "handler", handler.key)]
        assert [(right.role, right.kind, right.resource) for right in rights] == expected


def test_each_right_is_granted_once() -> None:
    """Two App Engine handlers run as the same account; a duplicate grant would conflict."""
    plan = derive(
        "handlers: {a: {app_engine: {service: a}}, b: {app_engine: {service: b}}}\n"
        "queues: {q: {handler: a, enqueuers: [a, b]}}\n"
    )
    assert [row(grant)[:3] for grant in plan.grants] == [
        (ENQUEUER, "acme-prod@appspot.gserviceaccount.com", "queue q")
    ]


def test_the_accounts_of_a_stack_with_every_kind() -> None:
    """One for each deployed handler, one for each handler that takes a token, and a builder."""
    plan = every_kind()
    assert {key: account.account_id for key, account in plan.accounts.items()} == {
        "mailer-handler": "mailer-handler",
        "web-handler": "web-handler",
        "api-handler": "api-handler",
        "zipped-handler": "zipped-handler",
        "reports-handler": "reports-handler",
        "mailer-invoker": "mailer-invoker",
        "web-invoker": "web-invoker",
        "api-invoker": "api-invoker",
        "zipped-invoker": "zipped-invoker",
        "partner-invoker": "partner-invoker",
        "build": "queuewright-build",
    }
    assert plan.build_account == "build"
    assert all(len(account.display_name) <= 100 for account in plan.accounts.values())
    assert plan.accounts["mailer-invoker"].display_name == (
        "queuewright dev: tasks call mailer with its token"
    )


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        ("url: https://a.example", []),
        ("app_engine: {}", []),
        ("app_engine: {source: s, runtime: python312}", ["h-handler"]),
        ("url: https://a.example, audience: a", ["h-invoker"]),
        ("service: {image: i}", ["h-handler", "h-invoker"]),
        (
            "function: {source: s, entry_point: f, runtime: python312}",
            ["h-handler", "h-invoker", "build"],
        ),
    ],
)
def test_no_account_is_created_without_need(handler: str, expected: list[str]) -> None:
    """External endpoints and apps deployed elsewhere need no account."""
    plan = derive(f"handlers: {{h: {{{handler}}}}}\nqueues: {{q: {{handler: h}}}}\n")
    assert list(plan.accounts) == expected


def test_queues_of_one_handler_share_its_invoker() -> None:
    """A project has 100 accounts by default, and the right is the same."""
    plan = derive(
        """\
handlers:
  h: {service: {image: i}}
  u: {url: https://a.example, audience: a}
queues:
  a: {handler: h}
  b: {handler: h}
  c: {handler: u}
  d: {handler: u}
"""
    )
    assert {key: queue.invoker for key, queue in plan.queues.items()} == {
        "a": "h-invoker",
        "b": "h-invoker",
        "c": "u-invoker",
        "d": "u-invoker",
    }
    assert list(plan.accounts) == ["h-handler", "h-invoker", "u-invoker"]
    assert [row(grant)[:3] for grant in plan.grants] == [(INVOKER, "h-invoker", "handler h")]
    assert str(plan.grants[0].reason) == "tasks of queues `a` and `b` go to `h` (spec.yaml:5:7)"


def test_a_handler_without_queues_has_no_invoker() -> None:
    """Nothing calls it."""
    plan = derive("handlers: {h: {service: {image: i}}}\n")
    assert plan.handlers["h"].invoker is None
    assert list(plan.accounts) == ["h-handler"]


def test_another_queue_does_not_change_the_accounts() -> None:
    """Not even the text that describes them on Google Cloud."""
    text = "handlers: {h: {service: {image: i}}}\nqueues: {a: {handler: h}"
    one, two = derive(f"{text}}}\n"), derive(f"{text}, b: {{handler: h}}}}\n")
    assert [(each.account_id, each.display_name) for each in one.accounts.values()] == [
        (each.account_id, each.display_name) for each in two.accounts.values()
    ]


def test_a_secret_is_granted_to_its_reader_only() -> None:
    """Two handlers with one secret each and one that they share."""
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
    """A queue's own handler may not add to it unless the spec says so."""
    plan = derive("handlers: {h: {service: {image: i}}}\nqueues: {q: {handler: h}}\n")
    assert [grant.role for grant in plan.grants] == [INVOKER]
