"""What `queuewright doctor` says about pull queues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from queuewright.blueprint import Blueprint, blueprint
from queuewright.doctor import Finding, Response, examine
from queuewright.spec import parse
from tests.cli.test_doctor import DISABLED, Google, Machine

STACK = """\
project: acme-dev
location: europe-west1
handlers:
  reporter: {worker: {source: handlers/reporter}}
queues:
  reports: {pull: {}, worker: reporter, dead_letters: true}
"""
TOPIC, SUBSCRIPTION = "projects/acme-dev/topics/reports", "projects/acme-dev/subscriptions/reports"
AGENT = "serviceAccount:service-815@gcp-sa-pubsub.iam.gserviceaccount.com"
GRANT = (
    "--member serviceAccount:service-$(gcloud projects describe acme-dev "
    "--format 'value(projectNumber)')@gcp-sa-pubsub.iam.gserviceaccount.com"
)
AGAIN = "pulumi refresh --stack dev; pulumi up --stack dev"
QUEUE = "pull queue `reports`"


def policy(role: str, member: str = AGENT) -> Response:
    """The policy of a topic or subscription."""
    return Response(200, {"bindings": [{"role": role, "members": [member]}]})


@dataclass
class PubSub(Google):
    """Pub/Sub's answers, by path; those of a queue that was just deployed."""

    paths: Mapping[str, Response] = field(
        default_factory=lambda: {
            TOPIC: Response(200, {"name": TOPIC}),
            SUBSCRIPTION: Response(200, {"topic": TOPIC, "expirationPolicy": {}}),
            f"{SUBSCRIPTION}:getIamPolicy": policy("roles/pubsub.subscriber"),
            f"{TOPIC}.dead-letters:getIamPolicy": policy("roles/pubsub.publisher"),
        }
    )

    def ask(self, method: str, url: str, body: Mapping[str, object] | None = None) -> Response:
        parts = urlsplit(url)
        if parts.hostname != "pubsub.googleapis.com":
            return super().ask(method, url, body)
        assert method == "GET"
        return self.paths.get(parts.path.removeprefix("/v1/"), Response(404, {}, "not found"))

    def but(self, **changed: Response) -> PubSub:
        """The same with other answers: `topic`, `subscription`, `grant`, `dead_grant`."""
        names = {
            "topic": TOPIC,
            "subscription": SUBSCRIPTION,
            "grant": f"{SUBSCRIPTION}:getIamPolicy",
            "dead_grant": f"{TOPIC}.dead-letters:getIamPolicy",
        }
        return replace(
            self, paths={**self.paths, **{names[key]: each for key, each in changed.items()}}
        )


@pytest.fixture
def plan() -> Blueprint:
    """The blueprint of the stack above."""
    return blueprint(parse(STACK))


def said(plan: Blueprint, project: Path, google: Google) -> list[Finding]:
    """The findings about the pull queue."""
    machine = Machine(project, google=google)
    return [
        each for each in examine("dev", plan, project, machine, runs=None) if each.subject == QUEUE
    ]


def live(**changed: object) -> Response:
    """The live subscription, with changes."""
    return Response(200, {"topic": TOPIC, "expirationPolicy": {}, **changed})


@pytest.mark.parametrize(
    ("google", "state", "text", "fix"),
    [
        (PubSub(), "ok", "as `pulumi up` makes it", None),
        (PubSub(paths={}), "ok", "not there yet; `pulumi up` creates it", None),
        (
            PubSub().but(topic=Response(404)),
            "missing",
            f"`{TOPIC}` was deleted",
            AGAIN,
        ),
        (
            PubSub().but(subscription=Response(404)),
            "missing",
            f"`{SUBSCRIPTION}` was deleted",
            AGAIN,
        ),
        (
            PubSub().but(subscription=live(topic="_deleted-topic_")),
            "missing",
            f"`{SUBSCRIPTION}` has lost its topic, so no task reaches it",
            f"gcloud pubsub subscriptions delete {SUBSCRIPTION}; {AGAIN}",
        ),
        (
            PubSub().but(subscription=live(detached=True)),
            "missing",
            f"`{SUBSCRIPTION}` has lost its topic, so no task reaches it",
            f"gcloud pubsub subscriptions delete {SUBSCRIPTION}; {AGAIN}",
        ),
        (
            PubSub().but(subscription=live(topic="projects/acme-dev/topics/other")),
            "missing",
            f"`{SUBSCRIPTION}` is of another topic, `projects/acme-dev/topics/other`",
            "choose another key or a `prefix`",
        ),
        (
            PubSub().but(subscription=live(enableMessageOrdering=True)),
            "missing",
            "`ordering` differs; a change replaces the subscription, which is protected",
            "write `ordering: true`, or `protect: false` first",
        ),
        (
            PubSub().but(subscription=live(expirationPolicy={"ttl": "2678400s"})),
            "advice",
            f"Google deletes `{SUBSCRIPTION}` after 2678400s without activity",
            AGAIN,
        ),
        (
            PubSub().but(grant=policy("roles/pubsub.subscriber", "user:ada@example.com")),
            "missing",
            f"Pub/Sub lacks `roles/pubsub.subscriber` on `{SUBSCRIPTION}`, so it gives up no task "
            "and failed ones circle on",
            f"gcloud pubsub subscriptions add-iam-policy-binding {SUBSCRIPTION} "
            f"--role roles/pubsub.subscriber {GRANT}",
        ),
        (
            PubSub().but(dead_grant=Response(200, {})),
            "missing",
            f"Pub/Sub lacks `roles/pubsub.publisher` on `{TOPIC}.dead-letters`, so it gives up no "
            "task and failed ones circle on",
            f"gcloud pubsub topics add-iam-policy-binding {TOPIC}.dead-letters "
            f"--role roles/pubsub.publisher {GRANT}",
        ),
        (
            PubSub().but(topic=Response(403, {}, "Permission denied")),
            "not checked",
            "Permission denied",
            None,
        ),
        (
            PubSub().but(grant=Response(403, {}, "Permission denied")),
            "not checked",
            "Permission denied",
            None,
        ),
    ],
)
def test_a_pull_queue_is_compared_with_its_plan(
    plan: Blueprint, project: Path, google: Google, state: str, text: str, fix: str | None
) -> None:
    """With the command that repairs it."""
    assert said(plan, project, google) == [Finding("deploy", state, QUEUE, text, fix)]  # type: ignore[arg-type]


def test_pull_queues_are_not_looked_for_before_their_api_is_enabled(
    plan: Blueprint, project: Path
) -> None:
    """In an empty project there are none."""
    disabled = frozenset({"pubsub.googleapis.com"})
    assert said(plan, project, Google(disabled=disabled, answers={"pubsub": DISABLED})) == []


def test_only_dead_letters_need_the_agents_grants(project: Path) -> None:
    """Without them nothing is given up."""
    plan = blueprint(parse(STACK.replace(", dead_letters: true", "")))
    google = PubSub().but(grant=Response(200, {}), dead_grant=Response(404))
    assert [each.state for each in said(plan, project, google)] == ["ok"]


def test_a_workers_image_is_built_with_docker(plan: Blueprint, project: Path) -> None:
    """As a service's is."""
    machine = Machine(project, programs={}, google=PubSub())
    found = {each.subject: each for each in examine("dev", plan, project, machine, runs=None)}
    assert "needed to build `reporter`" in found["Docker"].text


@pytest.mark.parametrize(("settings", "asked"), [("{}", False), ("{delays: true}", True)])
def test_cloud_tasks_makes_the_tokens_of_delayed_tasks(
    tmp_path: Path, settings: str, asked: bool
) -> None:
    """So its agent needs its role, although no push queue is in the file."""
    stack = STACK.replace("pull: {}", f"pull: {settings}")
    machine = Machine(tmp_path, google=PubSub(bindings=[]))
    findings = examine("dev", blueprint(parse(stack)), tmp_path, machine, runs=None)
    found = [each.state for each in findings if each.subject == "Cloud Tasks' service agent"]
    assert found == (["missing"] if asked else [])
