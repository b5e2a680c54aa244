"""What follows from a pull queue: names, dead letters, grants, variables and APIs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from queuewright.blueprint import Blueprint, DeadLetterPlan, GrantPlan, WorkerPlan, deployer_roles
from queuewright.blueprint.explain import explain_text
from queuewright.cloud_tasks import roles
from queuewright.spec import Instances, RetryConfig
from tests.blueprint.stack import derive

STACK = """\
prefix: feature-7
handlers:
  reporter:
    worker: {source: handlers/reporter, command: [python, main.py]}
    env: {FORMAT: pdf}
    secrets: {KEY: report-key}
  web: {service: {image: i}}
queues:
  reports:
    pull: {lease: 60s, max_attempts: 8}
    worker: reporter
    enqueuers: [web, reporter, "user:ada@acme.example"]
    dead_letters: true
"""
AGENT = "serviceAccount:service-PROJECT_NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com"


@pytest.fixture(scope="module")
def plan() -> Blueprint:
    """The blueprint of the stack above."""
    return derive(STACK)


def given(plan: Blueprint, kind: str) -> set[tuple[str, str]]:
    """Role and member of the grants on things of one kind."""
    return {(grant.role, grant.member) for grant in plan.grants if grant.kind == kind}


def worker_of(text: str) -> WorkerPlan:
    """The plan of the only handler of a stack."""
    (handler,) = derive(text).handlers.values()
    assert isinstance(handler.target, WorkerPlan)
    return handler.target


def test_a_pull_queue_has_a_topic_and_a_subscription_of_its_name(plan: Blueprint) -> None:
    """With the prefix; the project is in the full name."""
    queue = plan.pull_queues["reports"]
    assert plan.queues == {}
    assert queue.queue_id == "feature-7-reports"
    assert queue.topic == "projects/acme-prod/topics/feature-7-reports"
    assert queue.subscription == "projects/acme-prod/subscriptions/feature-7-reports"
    assert queue.regions == ("europe-west1",)
    assert (queue.lease, queue.worker) == (timedelta(minutes=1), "reporter")
    assert str(queue.reason) == "queue `reports` (spec.yaml:9:3)"


def test_dead_letters_are_kept_beside_it(plan: Blueprint) -> None:
    """Under a name that no queue can have."""
    queue = plan.pull_queues["reports"]
    name = "feature-7-reports.dead-letters"
    assert queue.dead_letters == DeadLetterPlan(name, name, 8, timedelta(days=31))
    assert queue.dead_letter_topic == f"projects/acme-prod/topics/{name}"
    assert queue.dead_letter_subscription == f"projects/acme-prod/subscriptions/{name}"


@pytest.mark.parametrize(
    ("settings", "attempts", "keeps"),
    [
        ("pull: {}", None, False),
        ("pull: {max_attempts: 7}", 7, False),
        ("pull: {}, dead_letters: true", 5, True),
        ("pull: {max_attempts: 7}, dead_letters: true", 7, True),
    ],
)
def test_a_task_is_given_up_only_if_the_spec_says_so(
    settings: str, attempts: int | None, keeps: bool
) -> None:
    """Pub/Sub counts attempts for a dead-letter topic; without a subscription, it drops them."""
    plan = derive(f"queues: {{reports: {{{settings}}}}}\n")
    queue = plan.pull_queues["reports"]
    dead = queue.dead_letters
    assert (dead.max_attempts if dead else None) == attempts
    assert (queue.dead_letter_subscription is not None) == keeps
    assert (queue.dead_letter_topic is not None) == (attempts is not None)
    assert bool(given(plan, "dead_letter_topic")) == (attempts is not None)


def test_each_account_has_the_right_it_needs_on_the_thing_it_uses(plan: Blueprint) -> None:
    """A publisher has none on the subscription, the worker none on the topic, unless it adds."""
    account = "serviceAccount:feature-7-{}-handler@acme-prod.iam.gserviceaccount.com"
    worker, web = account.format("reporter"), account.format("web")
    assert given(plan, "topic") == {
        (roles.PUBLISHER, web),
        (roles.PUBLISHER, worker),
        (roles.PUBLISHER, "user:ada@acme.example"),
    }
    assert given(plan, "subscription") == {(roles.SUBSCRIBER, worker), (roles.SUBSCRIBER, AGENT)}
    assert given(plan, "dead_letter_topic") == {(roles.PUBLISHER, AGENT)}
    assert given(plan, "queue") == given(plan, "handler") == set()


def test_each_grant_names_the_line_that_asks_for_it(plan: Blueprint) -> None:
    """The agent's grants name `dead_letters`, or `max_attempts` if that is what asks."""

    def reasons(grants: tuple[GrantPlan, ...], kind: str) -> set[str]:
        return {str(grant.reason) for grant in grants if grant.kind == kind}

    agent = "Pub/Sub moves the tasks that queue `reports` gives up (spec.yaml:13:5)"
    polls = "worker `reporter` polls queue `reports` (spec.yaml:11:5)"
    assert reasons(plan.grants, "subscription") == {agent, polls}
    assert "`web` adds to queue `reports` (spec.yaml:12:17)" in reasons(plan.grants, "topic")
    dropped = derive("queues:\n  reports: {pull: {max_attempts: 7}}\n")
    (reason,) = reasons(dropped.grants, "subscription")
    assert reason.endswith("(spec.yaml:2:20)")


def test_the_agents_grants_are_marked(plan: Blueprint) -> None:
    """Its address has the project's number, which a blueprint cannot know."""
    marked = {grant.member: grant.agent for grant in plan.grants}
    assert marked.pop(AGENT) == "pubsub.googleapis.com"
    assert set(marked.values()) == {None}


def test_names_are_in_the_variables_of_those_who_use_them(plan: Blueprint) -> None:
    """The topic's for an enqueuer, the subscription's for the worker; here it is both."""
    topic = "projects/acme-prod/topics/feature-7-reports"
    assert plan.handlers["web"].environment == {"QUEUE_REPORTS": topic}
    assert plan.handlers["reporter"].environment == {
        "FORMAT": "pdf",
        "QUEUE_REPORTS": topic,
        "SUBSCRIPTION_REPORTS": "projects/acme-prod/subscriptions/feature-7-reports",
    }


def test_a_worker_runs_as_its_own_account_and_has_no_invoker(plan: Blueprint) -> None:
    """Nothing calls it."""
    reporter = plan.handlers["reporter"]
    assert reporter.account == "reporter-handler"
    assert reporter.invoker is None
    assert reporter.member == plan.accounts["reporter-handler"].member
    assert list(reporter.secrets) == ["KEY"]
    assert (reporter.kind, reporter.noun, reporter.runtime) == ("worker", "worker", None)


@pytest.mark.parametrize(
    ("written", "instances"),
    [
        ("", Instances(min=1, max=1)),
        (", instances: {min: 3}", Instances(min=3, max=3)),
        (", instances: {max: 4}", Instances(min=1, max=4)),
        (", instances: {min: 2, max: 4}", Instances(min=2, max=4)),
    ],
)
def test_a_workers_number_of_instances_is_fixed_unless_both_ends_differ(
    written: str, instances: Instances
) -> None:
    """Every instance is billed, so a worker has 1 by default, and not up to 100."""
    text = f"handlers: {{reporter: {{worker: {{image: i}}{written}}}}}\n"
    assert worker_of(text).instances == instances


@pytest.mark.parametrize(
    ("written", "cpu"), [("", 1), (", memory: 8Gi", 2), (", memory: 2Gi, cpu: 4", 4)]
)
def test_a_worker_has_the_cpu_that_its_memory_needs(written: str, cpu: float) -> None:
    """As for a service."""
    text = f"handlers: {{reporter: {{worker: {{image: i}}{written}}}}}\n"
    assert worker_of(text).cpu == cpu


def test_only_the_apis_that_are_needed_are_enabled() -> None:
    """Cloud Tasks' own is not needed for pull queues, nor Pub/Sub's for push queues."""
    push = derive("handlers: {m: {url: 'https://a.example'}}\nqueues: {emails: {handler: m}}\n")
    pull = derive("queues: {reports: {pull: {}}}\n")
    worker = derive("handlers: {reporter: {worker: {source: s}}}\n")
    assert push.apis == ("cloudtasks.googleapis.com",)
    assert pull.apis == ("pubsub.googleapis.com",)
    assert {"run.googleapis.com", "artifactregistry.googleapis.com"} < set(worker.apis)
    assert worker.repository == "queuewright"
    assert worker.bucket is None


def test_a_renamed_pull_queue_keeps_its_names_and_changes_its_variables() -> None:
    """As a push queue does."""
    queue = derive("queues: {papers: {pull: {}, renamed_from: reports}}\n").pull_queues["papers"]
    assert queue.topic == "projects/acme-prod/topics/reports"
    assert (queue.variable, queue.subscription_variable) == (
        "QUEUE_PAPERS",
        "SUBSCRIPTION_PAPERS",
    )


def test_the_deployer_needs_the_right_to_make_them(plan: Blueprint) -> None:
    """And to grant rights on them, which Pub/Sub's editor cannot."""
    found = {(each.role, each.because) for each in deployer_roles(plan) if each.kind == "project"}
    assert (roles.PUBSUB_ADMIN, "creates pull queue `reports` and grants rights on them") in found
    assert (roles.RUN_DEVELOPER, "deploys service `web` and worker `reporter`") in found
    assert roles.QUEUE_ADMIN not in {role for role, _ in found}


def test_the_deployer_of_a_called_handler_needs_no_second_role_for_a_worker() -> None:
    """The role that lets queues call a service can deploy a worker."""
    text = STACK + "  pages: {handler: web}\n"
    found = [each for each in deployer_roles(derive(text)) if "run" in each.role]
    assert [(each.role, each.because) for each in found] == [
        (
            roles.RUN_ADMIN,
            "deploys service `web` and worker `reporter` and lets queues call handler `web`",
        )
    ]
    assert found[0].permissions == ("run.services.setIamPolicy", "run.workerpools.create")


DELAYED = STACK.replace("{lease: 60s,", "{delays: true, lease: 60s,")
PUBLISHER = "feature-7-reports-delays@acme-prod.iam.gserviceaccount.com"


def test_delays_are_kept_by_a_push_queue_that_publishes() -> None:
    """To the topic alone, with a token for Pub/Sub, and protected like the queue itself."""
    delays = derive(DELAYED).pull_queues["reports"].delays
    assert delays is not None
    assert delays.name == (
        "projects/acme-prod/locations/europe-west1/queues/feature-7-reports-delays"
    )
    assert (delays.host, delays.path) == (
        "pubsub.googleapis.com",
        "/v1/projects/acme-prod/topics/feature-7-reports:publish",
    )
    assert delays.scope == "https://www.googleapis.com/auth/pubsub"
    assert (delays.protect, delays.desired_state) == (True, "RUNNING")
    assert delays.retry_config == RetryConfig()
    assert derive(STACK).pull_queues["reports"].delays is None


def test_the_account_of_the_delays_may_publish_and_nothing_else() -> None:
    """And each enqueuer may add to both, and finds both."""
    plan = derive(DELAYED)
    assert plan.accounts["reports-delays"].email == PUBLISHER
    own = [
        (grant.role, grant.kind, grant.resource)
        for grant in plan.grants_of(f"serviceAccount:{PUBLISHER}")
    ]
    assert own == [(roles.PUBLISHER, "topic", "reports")]
    enqueuers = {member for role, member in given(plan, "topic") if PUBLISHER not in member}
    assert given(plan, "delay_queue") == {(roles.ENQUEUER, member) for member in enqueuers}
    assert plan.handlers["web"].environment == {
        "QUEUE_REPORTS": "projects/acme-prod/topics/feature-7-reports",
        "QUEUE_REPORTS_DELAYS": (
            "projects/acme-prod/locations/europe-west1/queues/feature-7-reports-delays"
        ),
    }


def test_delays_need_cloud_tasks_and_the_right_to_create_a_queue() -> None:
    """A stack with pull queues alone needs neither."""
    without, plan = derive(STACK), derive(DELAYED)
    assert set(plan.apis) - set(without.apis) == {"cloudtasks.googleapis.com"}
    asked = {role.role: role.because for role in deployer_roles(plan)}
    assert asked[roles.QUEUE_ADMIN] == "creates queue `reports-delays` and grants rights on them"
    assert roles.QUEUE_ADMIN not in {role.role for role in deployer_roles(without)}


def test_a_renamed_queue_keeps_its_delays() -> None:
    """Names on Google Cloud follow the oldest key, variables the new one."""
    renamed = DELAYED.replace("  reports:\n", "  papers:\n    renamed_from: reports\n")
    delays, before = derive(renamed).pull_queues["papers"].delays, derive(DELAYED)
    assert delays is not None
    assert delays.name == before.pull_queues["reports"].delays.name  # type: ignore[union-attr]
    assert delays.variable == "QUEUE_PAPERS_DELAYS"
    assert derive(renamed).accounts["papers-delays"].email == PUBLISHER


def test_delays_are_explained() -> None:
    """Where they are kept, and who may do what, with the line that asks for it."""
    text = explain_text(derive(DELAYED), queue="reports")
    name = "projects/acme-prod/locations/europe-west1/queues/feature-7-reports-delays"
    assert f"  delays     up to 30d, kept in {name}\n" in text
    assert "may add tasks to the delay queue of reports (roles/cloudtasks.enqueuer)" in text
    assert (
        f"  serviceAccount:{PUBLISHER}\n"
        "    may publish to the topic of queue reports (roles/pubsub.publisher)\n"
        "      because delayed tasks of queue `reports` are published when they are due "
        "(spec.yaml:10:12)\n"
    ) in text
