"""`queuewright plan`: the tree of a small project, and what it says about protected queues."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from queuewright.blueprint import blueprint
from queuewright.cli.resources import words
from queuewright.spec import load
from queuewright.testing import capture
from tests.cli.conftest import Run

PROGRAM = """\
import pulumi
from components import TaskStack
from queuewright.blueprint import blueprint
from queuewright.spec import load

print("planning")
TaskStack("tasks", blueprint(load(pulumi.get_stack())))
"""
STACK = """\
project: acme-dev
location: europe-west1
handlers:
  mailer:
    function: {source: handlers/mailer, entry_point: handle, runtime: python312}
    secrets: {SMTP_PASSWORD: {config: smtpPassword}}
  thumbnails:
    service: {image: europe-docker.pkg.dev/acme/app/thumbnails:1}
  partner: {url: "https://partner.example:8443/hooks"}
  ledger: {app_engine: {service: ledger, version: v2}}
queues:
  emails: {handler: mailer, path: /send, enqueuers: [thumbnails, "user:ada@example.com"]}
  photos: {handler: thumbnails, protect: false, desired_state: PAUSED}
  orders: {handler: partner, retry_config: {max_attempts: -1, max_retry_duration: 1h}}
  entries: {handler: ledger, rate_limits: {max_dispatches_per_second: 0.5}}
"""
OTHERS = 31
"""Resources besides the APIs."""
TREE = """\
dev: project `acme-dev`, `europe-west1`, COUNT resources
Google Cloud, project `acme-dev`

tasks (TaskStack)

  tasks-emails (TaskQueue)
    queue `emails` → `mailer` at `/send`: 500/s, 1000 at once, 100 attempts, protected
    `roles/cloudtasks.enqueuer` on queue `emails` for `thumbnails-handler`
    `roles/cloudtasks.enqueuer` on queue `emails` for `user:ada@example.com`

  tasks-entries (TaskQueue)
    queue `entries` → App Engine `ledger/v2`: 0.5/s, 1000 at once, 100 attempts, protected

  tasks-orders (TaskQueue)
    queue `orders` → `https://partner.example:8443/hooks`: 500/s, 1000 at once, attempts without \
limit, protected

  tasks-photos (TaskQueue)
    queue `photos` → `thumbnails`: 500/s, 1000 at once, 100 attempts, paused

  tasks-mailer (FunctionHandler)
    function `mailer`: python312, `handle`, 256Mi, at most 100 instances
    package `mailer-HASH.zip`
    service account `mailer-handler`: queuewright dev: handler mailer runs as it
    service account `mailer-invoker`: queuewright dev: tasks call mailer with its token
    `roles/run.invoker` on service `mailer` for `mailer-invoker`

  tasks-thumbnails (ServiceHandler)
    service `thumbnails`: image `europe-docker.pkg.dev/acme/app/thumbnails:1`, 512Mi, at most 100 \
instances
    service account `thumbnails-handler`: queuewright dev: handler thumbnails runs as it
    service account `thumbnails-invoker`: queuewright dev: tasks call thumbnails with its token
    `roles/run.invoker` on service `thumbnails` for `thumbnails-invoker`

  tasks-build (BuildAccount)
    service account `queuewright-build`: queuewright dev: functions are built by it
    `roles/logging.logWriter` on project `acme-dev` for `queuewright-build`
    `roles/storage.objectViewer` on project `acme-dev` for `queuewright-build`, \
function-sources only

  tasks-secret-mailer-SMTP_PASSWORD (HandlerSecret)
    secret `mailer-SMTP_PASSWORD`
    its value
    `roles/secretmanager.secretAccessor` on secret `mailer-SMTP_PASSWORD` for `mailer-handler`

  tasks-images (ImageRepository)
    image repository `queuewright`
    `roles/artifactregistry.writer` on repository `queuewright` for `queuewright-build`

  tasks-packages (PackageBucket)
    bucket `acme-dev-queuewright`
    `roles/storage.objectViewer` on bucket `acme-dev-queuewright` for `queuewright-build`

  tasks-project (ProjectServices)
APIS
    Google's own account for `artifactregistry.googleapis.com`
    Google's own account for `cloudbuild.googleapis.com`
    Google's own account for `cloudfunctions.googleapis.com`
    Google's own account for `cloudtasks.googleapis.com`
    Google's own account for `run.googleapis.com`

protected: `emails`, `entries`, `orders`
  the preview refuses an edit that would delete or replace a queue: another project, location, \
prefix or key, or removing it
  why: the name of a deleted queue cannot be used again for days
  to rename: write `renamed_from: OLD` under the new key; on Google Cloud it keeps its name
  to move: add the new queue beside the old one, send tasks to the new one, and keep the old one, \
once it is empty, with `desired_state: PAUSED`
  to remove: write `protect: false` under it, run `pulumi up`, then delete it from the file
"""


@pytest.fixture
def program(project: Path) -> Path:
    """A project with every kind of handler, and the program of all projects."""
    (project / "stacks" / "dev.yaml").write_text(STACK, encoding="utf-8")
    (project / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    (project / "Pulumi.yaml").write_text("name: jobs\nruntime: python\n", encoding="utf-8")
    return project


def test_what_a_handler_includes_is_shown(run: Run, program: Path) -> None:
    """Below its name, because no resource says it; for programs, too."""
    (program / "shared_lib").mkdir()
    (program / "shared_lib" / "money.py").touch()
    stack = program / "stacks" / "dev.yaml"
    mailer = "runtime: python312}\n"
    assert mailer in STACK
    stack.write_text(STACK.replace(mailer, f"{mailer}    include: [shared_lib]\n", 1))
    shown = "  tasks-mailer (FunctionHandler)\n    includes `shared_lib`\n    function `mailer`"
    assert shown in run("plan").out
    resources = json.loads(run("plan", "--json").out)["resources"]
    said = {each["name"]: each["words"] for each in resources}
    assert said["tasks-mailer"] == "includes `shared_lib`"
    assert said["tasks-thumbnails"] is None


@pytest.mark.usefixtures("program")
def test_the_tree_is_shown_in_words(run: Run) -> None:
    """The program's own output goes to stderr, and no secret is needed."""
    outcome = run("plan")
    assert (outcome.code, outcome.err) == (0, "planning\n")
    apis = blueprint(load("dev")).apis
    listed = "\n".join(f"    API `{api}`" for api in apis)
    expected = TREE.replace("COUNT", str(OTHERS + len(apis))).replace("APIS", listed)
    assert re.sub(r"mailer-[0-9a-f]{16}", "mailer-HASH", outcome.out) == expected


def test_a_renamed_resource_is_shown_with_its_old_names(run: Run, program: Path) -> None:
    """Logical names follow the file, and names on Google Cloud stay."""
    text = STACK.replace("emails: {", "letters: {renamed_from: [emails, mails], ")
    (program / "stacks" / "dev.yaml").write_text(text, encoding="utf-8")
    assert (
        "  tasks-letters (TaskQueue), formerly tasks-emails, tasks-mails\n"
        "    queue `emails` → `mailer` at `/send`: 500/s, 1000 at once, 100 attempts, protected\n"
    ) in run("plan").out


@pytest.mark.usefixtures("program")
def test_json_has_the_inputs(run: Run) -> None:
    """Null if only the cloud knows a value, and no secrets."""
    data = json.loads(run("plan", "--json").out)
    assert (data["environment"], data["project"], data["location"]) == (
        "dev",
        "acme-dev",
        "europe-west1",
    )
    assert data["protected"]["queues"] == ["emails", "entries", "orders"]
    found = {each["name"]: each for each in data["resources"]}
    emails = found["tasks-emails-queue"]
    assert emails["protect"] is True
    assert emails["inputs"]["rateLimits"] == {
        "maxConcurrentDispatches": 1000,
        "maxDispatchesPerSecond": 500,
    }
    assert emails["inputs"]["httpTarget"]["oidcToken"]["serviceAccountEmail"] is None
    assert found["tasks-photos-queue"]["protect"] is False
    assert found["tasks-mailer-package"]["inputs"]["source"].endswith(".zip")
    assert found["tasks-secret-mailer-SMTP_PASSWORD-version"]["inputs"]["secretData"] == "(secret)"


def test_the_configuration_reaches_the_program(run: Run, program: Path) -> None:
    """Plain values unchanged; an encrypted one cannot be read, and is not needed."""
    (program / "Pulumi.dev.yaml").write_text(
        "config:\n  jobs:smtpPassword: {secure: v1:abc}\n  jobs:greeting: hello\n"
    )
    (program / "__main__.py").write_text(
        f"{PROGRAM}\nprint(pulumi.Config().require('greeting'), pulumi.Config('x').get('y'))\n"
    )
    outcome = run("plan")
    assert (outcome.code, outcome.err) == (0, "planning\nhello None\n")


def test_without_a_program_it_is_an_error(run: Run, project: Path) -> None:
    """A project may have stacks and run on a laptop only."""
    outcome = run("plan")
    assert outcome.code == 1
    assert outcome.err == (
        f"error: no Pulumi program (`__main__.py`) in `{project}`\n"
        "  hint: write one that creates a `TaskStack`; "
        "`queuewright explain` needs no program\n"
    )


@pytest.mark.usefixtures("program")
def test_without_pulumi_the_error_names_the_extra(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pulumi comes with `queuewright[deploy]` only."""
    monkeypatch.setitem(sys.modules, "pulumi", None)
    outcome = run("plan")
    assert outcome.code == 1
    assert outcome.err.endswith("\n  hint: pip install 'queuewright[deploy]'\n")


def test_a_mistake_in_the_file_comes_first(run: Run, program: Path) -> None:
    """With its place, as in `check`."""
    (program / "stacks" / "dev.yaml").write_text("project: acme-dev\n", encoding="utf-8")
    outcome = run("plan")
    assert outcome.code == 1
    assert "stacks/dev.yaml:1:1: location: missing" in outcome.err


def test_other_resources_are_named_too() -> None:
    """A program may create resources that queuewright does not know."""

    def program() -> None:
        from pulumi_gcp import cloudtasks, pubsub

        topic = pubsub.Topic("news", name="acme-news")
        pubsub.TopicIAMMember(
            "reader", topic=topic.name, role="roles/pubsub.viewer", member="user:ada@example.com"
        )
        cloudtasks.Queue("bare", location="europe-west1")

    graph = capture(program, preview=True)
    said = {each.name: words(graph, each) for each in graph if each.type.startswith("gcp:")}
    assert said == {
        "news": "topic `acme-news`",
        "reader": "`roles/pubsub.viewer` on topic `acme-news` for `user:ada@example.com`",
        "bare": "queue `bare` → each task's own URL",
    }


def test_a_pull_queue_and_its_worker_are_shown(run: Run, program: Path) -> None:
    """With the lease, the attempts, and who may do what."""
    (program / "stacks" / "dev.yaml").write_text(
        "project: acme-dev\n"
        "location: europe-west1\n"
        "handlers:\n"
        "  reporter: {worker: {image: i}, instances: {min: 1, max: 3}}\n"
        "  printer: {worker: {image: i}}\n"
        "queues:\n"
        "  reports:\n"
        "    {pull: {lease: 60s, ordering: true}, worker: reporter, dead_letters: true}\n"
        "  drafts: {pull: {}, protect: false}\n",
        encoding="utf-8",
    )
    outcome = run("plan")
    assert outcome.code == 0
    lines = [line.strip() for line in outcome.out.splitlines()]
    for line in (
        "tasks-reports (PullQueue)",
        "topic `reports`, protected",
        "subscription `reports` to topic `reports`: lease 60s, 5 attempts, in order, protected",
        "topic `reports.dead-letters`, protected",
        "subscription `drafts` to topic `drafts`: lease 10s",
        "`roles/pubsub.subscriber` on subscription `reports` for `reporter-handler`",
        "worker pool `reporter`: 512Mi, 1 to 3 instances",
        "worker pool `printer`: 512Mi, 1 instance",
    ):
        assert line in lines, outcome.out
