"""The wait until Google knows new grants, on the real Pulumi engine."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from components import TaskStack
from queuewright.blueprint import blueprint
from queuewright.spec import parse
from tests.pulumi_double.engine import Deployment, EngineError
from tests.pulumi_double.fixtures import Deploy

pytestmark = [pytest.mark.engine, pytest.mark.slow]

FUNCTION = "function: {source: mailer, entry_point: handle, runtime: python312}"
STACK = f"""\
project: acme-dev
location: europe-west1
handlers:
  mailer: {{{FUNCTION}}}
  letters: {{{FUNCTION}}}
  web: {{service: {{image: web:1}}}}
queues:
  emails: {{handler: mailer, protect: false}}
  pages: {{handler: web, protect: false}}
"""
WITH_A_SECRET = STACK.replace("image: web:1}", "image: web:1}, secrets: {API_KEY: api-key}")
WITH_AN_ENQUEUER = STACK.replace("pages: {", 'pages: {enqueuers: ["user:ada@example.com"], ')
NEW_CODE = "def handle(request): return 'new'\n"

Program = Callable[[], TaskStack]


class Clock:
    """A clock whose sleeps take no time."""

    def __init__(self) -> None:
        self.time = 0.0
        self.sleeps: list[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.time += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def program(clock: Clock, tmp_path: Path) -> Callable[[str], Program]:
    """`program(text)`: the stack of a text, waiting 60 seconds by the test's clock."""
    (tmp_path / "mailer").mkdir()
    (tmp_path / "mailer" / "main.py").write_text("def handle(request): return ''\n")

    def made(text: str) -> Program:
        def run() -> TaskStack:
            # Packages are written where the engine runs.
            with contextlib.chdir(tmp_path / "deployment-0" / "work"):
                return TaskStack(
                    "tasks",
                    blueprint(parse(text)),
                    root=tmp_path,
                    grant_wait=timedelta(seconds=60),
                    clock=clock,
                )

        return run

    return made


@pytest.fixture
def first(deploy: Deploy, program: Callable[[str], Program]) -> Deployment:
    """The stack after its first update."""
    deployment = deploy(program(STACK))
    deployment.preview()
    return deployment


def test_the_first_update_waits_once_and_the_second_does_nothing(
    first: Deployment, clock: Clock
) -> None:
    """The preview does not wait; both functions need the same grants, and wait together."""
    assert clock.sleeps == []
    outcome = first.up()
    assert clock.sleeps == [60]
    assert "waiting 1m until Google knows 4 new grants everywhere" in outcome.text
    created = [call.name for call in first.gcp.calls if call.method == "Create"]
    assert created.count("tasks-mailer-function") == 2  # in the preview, and for real
    again = first.up()
    assert (again.steps, clock.sleeps) == ({}, [60])


def test_only_code_that_needs_a_new_grant_waits(
    first: Deployment, clock: Clock, program: Callable[[str], Program], tmp_path: Path
) -> None:
    """Not new code, and not an enqueuer; a secret of a service does, once."""
    first.up()
    (tmp_path / "mailer" / "main.py").write_text(NEW_CODE)
    first.use(program(WITH_AN_ENQUEUER))
    outcome = first.up()
    assert outcome.names("create") == ["tasks-pages-enqueuer-user:ada@example.com"]
    assert "tasks-mailer-function" in outcome.names("update")
    assert clock.sleeps == [60]
    clock.time += 1000
    first.use(program(WITH_A_SECRET))
    outcome = first.up()
    assert "tasks-secret-api-key-reader-web" in outcome.names("create")
    assert outcome.names("update") == ["tasks-web-service"]
    assert "waiting 1m until Google knows 1 new grant everywhere" in outcome.text
    assert clock.sleeps == [60, 60]
    assert first.up().steps == {}
    assert clock.sleeps == [60, 60]


def test_a_worker_waits_until_it_may_poll(
    first: Deployment, clock: Clock, program: Callable[[str], Program]
) -> None:
    """It polls as soon as it starts. A new enqueuer of its queue makes nothing wait."""
    first.up()
    clock.time += 1000
    worker = STACK.replace("  web:", "  reporter: {worker: {image: i}}\n  web:")
    first.use(program(f"{worker}  reports: {{pull: {{}}, worker: reporter}}\n"))
    outcome = first.up()
    assert "tasks-reporter-pool" in outcome.names("create")
    assert "waiting 1m until Google knows 1 new grant everywhere" in outcome.text
    assert clock.sleeps == [60, 60]
    clock.time += 1000
    enqueuer = 'enqueuers: ["user:ada@example.com"]'
    first.use(program(f"{worker}  reports: {{pull: {{}}, worker: reporter, {enqueuer}}}\n"))
    assert first.up().names("create") == ["tasks-reports-publisher-user:ada@example.com"]
    assert clock.sleeps == [60, 60]


def test_a_stack_that_waited_can_be_destroyed(first: Deployment, clock: Clock) -> None:
    """Pulumi destroys without the program, so nothing may need its hooks."""
    first.up()
    first.destroy()
    assert clock.sleeps == [60]
    assert not [each for each in first.cloud.contents() if "projects/service" not in each]


def test_a_wrong_wait_is_refused(deploy: Deploy, tmp_path: Path) -> None:
    """The setting is a duration with a unit."""
    (tmp_path / "mailer").mkdir()
    (tmp_path / "mailer" / "main.py").touch()
    plan = blueprint(parse(STACK))
    deployment = deploy(lambda: TaskStack("tasks", plan, root=tmp_path))
    deployment.configure("queuewright:grantWait", "60")
    with pytest.raises(EngineError, match="queuewright:grantWait: '60' is not a duration"):
        deployment.preview()
