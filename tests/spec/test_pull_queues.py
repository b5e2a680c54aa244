"""Pull queues and workers: what a right file means, and the checks that need a folder."""

from __future__ import annotations

from datetime import timedelta

import pytest

from queuewright.spec import DeadLetters, PullQueueSpec, PullSettings, parse
from tests.spec.conftest import Project
from tests.spec.saying import REST, said

WORKER = "project: acme-dev\nlocation: europe-west1\nhandlers:\n  reporter:\n    {worker}\n"


def test_an_empty_pull_is_a_pull_queue_with_googles_defaults() -> None:
    """And is no push queue."""
    spec = parse("queues: {reports: {pull: {}}}\n" + REST)
    assert spec.queues == {}
    assert spec.pull_queues == {"reports": PullQueueSpec(pull=PullSettings())}
    pull = spec.pull_queues["reports"].pull
    assert (pull.lease, pull.keep) == (timedelta(seconds=10), timedelta(days=7))
    assert (pull.min_backoff, pull.max_backoff) == (timedelta(seconds=10), timedelta(minutes=10))
    assert pull.max_attempts is None
    assert pull.ordering is False


def test_the_limits_themselves_are_allowed() -> None:
    """At both ends."""
    least = "{lease: 10s, max_attempts: 5, min_backoff: 0s, max_backoff: 0s, keep: 10m}"
    most = "{lease: 10m, max_attempts: 100, min_backoff: 10m, max_backoff: 10m, keep: 31d}"
    assert said(f"queues: {{a-a: {{pull: {least}}}, b-b: {{pull: {most}}}}}\n{REST}") == ""


def test_a_pull_queue_needs_no_worker_and_a_worker_no_queue() -> None:
    """Someone else may poll; a worker may have other work."""
    spec = parse(
        "handlers: {reporter: {worker: {image: i}}}\nqueues: {reports: {pull: {}}}\n" + REST
    )
    assert spec.pull_queues["reports"].worker is None


def test_each_kind_of_queue_takes_its_own_defaults() -> None:
    """The other settings are ignored, and `pull` there makes no queue a pull queue."""
    spec = parse(
        "queue_defaults:\n"
        "  pull: {lease: 30s, keep: 1d}\n"
        "  dead_letters: true\n"
        "  protect: false\n"
        "  rate_limits: {max_dispatches_per_second: 5}\n"
        "handlers: {m: {service: {image: i}}}\n"
        "queues:\n"
        "  emails: {handler: m}\n"
        "  reports: {pull: {lease: 60s}}\n" + REST
    )
    emails, reports = spec.queues["emails"], spec.pull_queues["reports"]
    assert emails.rate_limits.max_dispatches_per_second == 5
    assert (emails.protect, reports.protect) == (False, False)
    assert (reports.pull.lease, reports.pull.keep) == (timedelta(minutes=1), timedelta(days=1))
    assert emails.dead_letters == reports.dead_letters == DeadLetters()


def test_a_base_may_have_the_pull_queue_and_the_environment_its_worker(project: Project) -> None:
    """Files are merged before the kind of a queue is looked at."""
    project.stack("base.yaml", REST + "queues: {reports: {pull: {lease: 60s}}}\n")
    project.stack(
        "dev.yaml",
        "extends: base.yaml\n"
        "handlers: {reporter: {worker: {image: i}}}\n"
        "queues: {reports: {worker: reporter}}\n",
    )
    assert project.load().pull_queues["reports"].worker == "reporter"


def test_a_pull_queue_may_become_a_push_queue(project: Project) -> None:
    """`null` removes `pull` and with it the kind."""
    project.stack("base.yaml", REST + "queues: {reports: {pull: {}}}\n")
    project.stack(
        "dev.yaml",
        "extends: base.yaml\n"
        "handlers: {m: {url: 'https://a.example'}}\n"
        "queues: {reports: {pull: null, handler: m}}\n",
    )
    assert project.load().queues["reports"].handler == "m"


def test_queues_of_both_kinds_share_their_names() -> None:
    """A former key has one successor, whatever its kind."""
    text = "queues: {a-a: {pull: {}, renamed_from: b-b}, b-b: {pull: {}}}\n" + REST
    assert said(text) == (
        "spec.yaml:1:26: queues.a-a.renamed_from: queue `b-b` still exists\n"
        "  hint: remove `queues.b-b`; or remove this, which makes `a-a` a new queue"
    )


@pytest.mark.parametrize("command", ["", ", command: [python, main.py]"])
def test_a_workers_folder_needs_a_dockerfile(project: Project, command: str) -> None:
    """A command does not replace it: worker pools take images only."""
    text = WORKER.format(worker=f"worker: {{source: handlers/reporter{command}}}")
    project.stack("dev.yaml", text)
    project.write("handlers/reporter/main.py", "")
    assert project.said() == (
        "stacks/dev.yaml:5:14: handlers.reporter.worker.source: `handlers/reporter` has no "
        "Dockerfile, which a worker's image is built from\n"
        "  hint: add one that ends with a `CMD`, or give an `image`"
    )
    project.write("handlers/reporter/Dockerfile", "FROM scratch\n")
    assert project.said() == ""


def test_a_workers_folder_must_exist(project: Project) -> None:
    """As for any other handler."""
    project.stack("dev.yaml", WORKER.format(worker="worker: {source: handlers/reporter}"))
    assert project.said().startswith(
        "stacks/dev.yaml:5:14: handlers.reporter.worker.source: `handlers/reporter` does not exist"
    )
