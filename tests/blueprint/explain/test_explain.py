"""The output of `queuewright explain`: everything, one identity, one queue."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from queuewright.blueprint.explain import explain_data, explain_text
from queuewright.errors import TargetError
from tests.blueprint.stack import derive

WHOLE = Path(__file__).parent / "whole.txt"
"""The explanation of all of the stack below."""
STACK = """\
project: acme-prod
location: europe-west1
prefix: p
labels: {team: growth}
handlers:
  mailer:
    function: {source: handlers/mailer, entry_point: handle, runtime: python312}
    env: {SMTP_HOST: smtp.internal}
    secrets: {SMTP_PASSWORD: {secret: smtp-password, version: "3"}, API_KEY: {config: apiKey}}
    local: {env: {OUTBOX: out/mail}}
  web:
    service: {source: handlers/web}
    memory: 1Gi
    concurrency: 4
    instances: {min: 1, max: 10}
    vpc: {network: default}
  zipped:
    service: {source: handlers/zipped, runtime: python312, command: [python, main.py]}
    local: {command: make serve}
  api:
    service: {image: europe-docker.pkg.dev/acme/app/api}
    ingress: internal
  ledger:
    app_engine: {service: ledger, version: v2}
    local: {url: http://127.0.0.1:8080}
  partner:
    url: https://partner.example:8443/hooks?key=1
    audience: https://partner.example
    headers: {X-Api-Version: "2"}
queues:
  emails:
    handler: mailer
    path: /send
    rate_limits: {max_dispatches_per_second: 0.5, max_concurrent_dispatches: 2}
    retry_config: {max_attempts: 8, min_backoff: 10s, max_backoff: 5m, max_doublings: 3}
    enqueuers: [web, "user:ada@acme.example"]
    protect: false
  thumbs:
    handler: web
    retry_config: {max_attempts: -1}
    stackdriver_logging_config: {sampling_ratio: 0.1}
  chunks: {handler: zipped, retry_config: {max_attempts: 1}}
  calls: {handler: api, desired_state: PAUSED}
  entries: {handler: ledger, enqueuers: [ledger]}
  hooks: {handler: partner, path: /orders}
"""

PLAN = derive(STACK)
PROJECT = "acme-prod.iam.gserviceaccount.com"


def test_everything() -> None:
    """Every queue, handler, account and grant, with its line."""
    assert explain_text(PLAN) == WHOLE.read_text("utf-8")


def test_one_queue() -> None:
    """With its handler, its enqueuers and its invoker."""
    assert (
        explain_text(PLAN, queue="emails")
        == """\
dev: project acme-prod, europe-west1, prefix p
labels: team=growth

queue emails
  name       projects/acme-prod/locations/europe-west1/queues/p-emails
  state      RUNNING, not protected
  rate       0.5 a second, 2 at once
  retries    gives up after 8 attempts, ~14 min
  waits      10s, 20s, 40s, 1m20s, 2m40s … at most 5m
  sends      every task to handler mailer, at `/send`
  token      of p-mailer-invoker@acme-prod.iam.gserviceaccount.com, for the root URL of mailer
  logs       nothing
  from       spec.yaml:31:3

handler mailer (function)
  name       p-mailer
  code       handlers/mailer, handle in python312
  instance   256Mi of memory, 0.167 CPU
  instances  0 to 100, 1 request each: 100 at once
  timeout    1m
  ingress    all
  env        SMTP_HOST=smtp.internal
  secret     SMTP_PASSWORD = secret smtp-password, version 3
  secret     API_KEY = config apiKey, stored as p-mailer-API_KEY, version latest
  runs as    p-mailer-handler@acme-prod.iam.gserviceaccount.com
  locally    OUTBOX=out/mail
  from       spec.yaml:6:3

service accounts
  p-mailer-handler@acme-prod.iam.gserviceaccount.com
    handler `mailer` runs as this account (spec.yaml:6:3)
  p-web-handler@acme-prod.iam.gserviceaccount.com
    handler `web` runs as this account (spec.yaml:11:3)
  p-mailer-invoker@acme-prod.iam.gserviceaccount.com
    tasks of queue `emails` call `mailer` with its token (spec.yaml:32:5)

grants
  serviceAccount:p-mailer-invoker@acme-prod.iam.gserviceaccount.com
    may call handler mailer (roles/run.invoker)
      because tasks of queue `emails` go to `mailer` (spec.yaml:32:5)
  serviceAccount:p-web-handler@acme-prod.iam.gserviceaccount.com
    may add tasks to queue emails (roles/cloudtasks.enqueuer)
      because `web` adds to queue `emails` (spec.yaml:36:17)
  user:ada@acme.example
    may add tasks to queue emails (roles/cloudtasks.enqueuer)
      because `user:ada@acme.example` adds to queue `emails` (spec.yaml:36:22)
"""
    )


WEB = """\
serviceAccount:p-web-handler@acme-prod.iam.gserviceaccount.com
  handler `web` runs as this account (spec.yaml:11:3)
  may add tasks to queue emails (roles/cloudtasks.enqueuer)
    because `web` adds to queue `emails` (spec.yaml:36:17)
  may do nothing else here
"""
ADA = """\
user:ada@acme.example
  not an account of this stack
  may add tasks to queue emails (roles/cloudtasks.enqueuer)
    because `user:ada@acme.example` adds to queue `emails` (spec.yaml:36:22)
  may do nothing else here
"""
EMAILS = """\
serviceAccount:p-mailer-invoker@acme-prod.iam.gserviceaccount.com
  tasks of queue `emails` call `mailer` with its token (spec.yaml:32:5)
  may call handler mailer (roles/run.invoker)
    because tasks of queue `emails` go to `mailer` (spec.yaml:32:5)
  may do nothing else here
"""
MAILER = """\
serviceAccount:p-mailer-handler@acme-prod.iam.gserviceaccount.com
  handler `mailer` runs as this account (spec.yaml:6:3)
  may read secret p-mailer-API_KEY (roles/secretmanager.secretAccessor)
    because handler `mailer` reads it as API_KEY (spec.yaml:9:69)
  may read secret smtp-password (roles/secretmanager.secretAccessor)
    because handler `mailer` reads it as SMTP_PASSWORD (spec.yaml:9:15)
  may do nothing else here
"""
HOOKS = """\
serviceAccount:p-partner-invoker@acme-prod.iam.gserviceaccount.com
  tasks of queue `hooks` call `partner` with its token (spec.yaml:45:11)
  may do nothing here
"""
LEDGER = """\
serviceAccount:acme-prod@appspot.gserviceaccount.com
  not an account of this stack
  may add tasks to queue entries (roles/cloudtasks.enqueuer)
    because `ledger` adds to queue `entries` (spec.yaml:44:42)
  may do nothing else here
"""


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("web", WEB),
        ("web-handler", WEB),
        ("p-web-handler", WEB),
        (f"p-web-handler@{PROJECT}", WEB),
        (f"serviceAccount:p-web-handler@{PROJECT}", WEB),
        ("emails", EMAILS),
        ("mailer", MAILER),
        ("hooks", HOOKS),
        (f"p-partner-invoker@{PROJECT}", HOOKS),
        ("ledger", LEDGER),
        ("acme-prod@appspot.gserviceaccount.com", LEDGER),
        ("user:ada@acme.example", ADA),
        ("ada@acme.example", ADA),
    ],
)
def test_what_may_this_account_do(name: str, answer: str) -> None:
    """And which line of YAML allows it, whichever name is given."""
    assert explain_text(PLAN, identity=name) == answer


def test_a_handler_and_a_queue_of_one_name() -> None:
    """Both are explained."""
    plan = derive("handlers: {a: {service: {image: i}}}\nqueues: {a: {handler: a}}\n")
    assert (
        explain_text(plan, identity="a")
        == """\
serviceAccount:a-handler@acme-prod.iam.gserviceaccount.com
  handler `a` runs as this account (spec.yaml:1:12)
  may do nothing here

serviceAccount:a-invoker@acme-prod.iam.gserviceaccount.com
  tasks of queue `a` call `a` with its token (spec.yaml:2:14)
  may call handler a (roles/run.invoker)
    because tasks of queue `a` go to `a` (spec.yaml:2:14)
  may do nothing else here
"""
    )


def test_an_identity_and_a_queue() -> None:
    """Only its rights on that queue."""
    assert explain_text(PLAN, identity="web", queue="emails") == (
        WEB.replace("else here", "else with queue emails")
    )
    assert explain_text(PLAN, identity="web", queue="calls") == (
        f"serviceAccount:p-web-handler@{PROJECT}\n"
        "  handler `web` runs as this account (spec.yaml:11:3)\n"
        "  may do nothing with queue calls\n"
    )


@pytest.mark.parametrize(
    ("asked", "saying"),
    [
        (
            {"identity": "wbe"},
            "no identity `wbe` in dev\n  hint: did you mean `web`?",
        ),
        (
            {"identity": f"p-web-hander@{PROJECT}"},
            f"no identity `p-web-hander@{PROJECT}` in dev\n"
            f"  hint: did you mean `p-web-handler@{PROJECT}`?",
        ),
        (
            {"identity": "zzzzzzzz"},
            "no identity `zzzzzzzz` in dev\n  hint: `queuewright explain dev` lists every account",
        ),
        (
            {"identity": "partner"},
            "handler `partner` is an external endpoint without an account\n"
            "  hint: `queuewright explain dev` lists every account",
        ),
        (
            {"identity": "entries"},
            "tasks of queue `entries` carry no token\n"
            "  hint: `queuewright explain dev` lists every account",
        ),
        ({"queue": "email"}, "no queue `email` in dev\n  hint: did you mean `emails`?"),
    ],
)
def test_an_unknown_name(asked: dict[str, str], saying: str) -> None:
    """The error suggests a name, for people and for programs."""
    for explain in (explain_text, explain_data):
        with pytest.raises(TargetError) as error:
            explain(PLAN, **asked)
        assert str(error.value) == saying


def test_a_stack_without_queues() -> None:
    """Only the project and its APIs."""
    with pytest.raises(TargetError, match="add one under `queues:`"):
        explain_text(derive("labels: {}\n"), queue="q")
    assert explain_text(derive("labels: {}\n")) == (
        "dev: project acme-prod, europe-west1\n\nAPIs\n  cloudtasks.googleapis.com\n"
    )


def test_a_program_gets_everything() -> None:
    """As JSON, with durations and sizes written as in a spec."""
    data = json.loads(json.dumps(explain_data(PLAN)))
    assert list(data) == [
        "environment",
        "project",
        "location",
        "prefix",
        "labels",
        "queues",
        "pull_queues",
        "handlers",
        "accounts",
        "grants",
        "apis",
        "bucket",
        "repository",
    ]
    assert data["queues"]["emails"] == {
        "name": "projects/acme-prod/locations/europe-west1/queues/p-emails",
        "renamed_from": [],
        "handler": "mailer",
        "path": "/send",
        "rate_limits": {"max_dispatches_per_second": 0.5, "max_concurrent_dispatches": 2},
        "retry_config": {
            "max_attempts": 8,
            "max_retry_duration": "0s",
            "min_backoff": "10s",
            "max_backoff": "5m",
            "max_doublings": 3,
        },
        "patience": {"attempts": 8, "elapsed": "14m10s", "outlives_retention": False},
        "sampling_ratio": 0.0,
        "desired_state": "RUNNING",
        "protect": False,
        "dead_letters": None,
        "route": {"kind": "handler", "handler": "mailer", "path": "/send"},
        "invoker": "mailer-invoker",
        "variable": "QUEUE_EMAILS",
        "payload": None,
        "example": None,
        "reason": reason("queue `emails`", "queues.emails", 31, 3),
    }
    assert data["handlers"]["web"] == {
        "name": "p-web",
        "renamed_from": [],
        "kind": "service",
        "source": "handlers/web",
        "include": [],
        "build": {"context": "handlers/web", "dockerfile": "handlers/web/Dockerfile"},
        "image": None,
        "runtime": None,
        "command": [],
        "env": {
            "QUEUE_EMAILS": "projects/acme-prod/locations/europe-west1/queues/p-emails",
            "DEADLINE_EMAILS": "60s",
        },
        "secrets": {},
        "memory": "1Gi",
        "cpu": 1.0,
        "timeout": "5m",
        "concurrency": 4,
        "instances": {"min": 1, "max": 10},
        "ingress": "all",
        "vpc": {
            "network": "default",
            "subnetwork": None,
            "tags": [],
            "egress": "private-ranges-only",
        },
        "account": "web-handler",
        "invoker": "web-invoker",
        "local": {"command": [], "url": None, "environment": {}},
        "reason": reason("handler `web`", "handlers.web", 11, 3),
    }
    assert data["queues"]["hooks"]["route"]["kind"] == "url"
    assert data["queues"]["entries"]["route"]["kind"] == "app_engine"
    kinds = {key: handler["kind"] for key, handler in data["handlers"].items()}
    assert kinds == {
        "mailer": "function",
        "web": "service",
        "zipped": "service",
        "api": "service",
        "ledger": "app_engine",
        "partner": "url",
    }
    assert len(data["grants"]) == len(PLAN.grants)
    assert list(data["accounts"]) == list(PLAN.accounts)


def test_a_program_gets_an_answer_about_one_identity() -> None:
    """The same content as the text."""
    data = json.loads(json.dumps(explain_data(PLAN, identity="web")))
    assert data == {
        "environment": "dev",
        "project": "acme-prod",
        "identities": [
            {
                "member": f"serviceAccount:p-web-handler@{PROJECT}",
                "reason": reason("handler `web` runs as this account", "handlers.web", 11, 3),
                "grants": [
                    {
                        "role": "roles/cloudtasks.enqueuer",
                        "member": f"serviceAccount:p-web-handler@{PROJECT}",
                        "account": "web-handler",
                        "kind": "queue",
                        "resource": "emails",
                        "condition": None,
                        "reason": reason(
                            "`web` adds to queue `emails`", "queues.emails.enqueuers[0]", 36, 17
                        ),
                    }
                ],
            }
        ],
    }


def reason(text: str, path: str, line: int, column: int) -> dict[str, object]:
    """A reason, as a program gets it."""
    return {"text": text, "path": path, "file": "spec.yaml", "line": line, "column": column}
