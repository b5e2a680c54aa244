"""`Tasks(environment="dev")`: the queues of a project's file, wherever they are."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from queuewright import client
from queuewright.client.environment import environment_variables
from queuewright.errors import TargetError
from queuewright.local.state_folder import StateFolder
from queuewright_runtime import client as runtime
from queuewright_runtime.client import Tasks
from tests.runtime.servers import QUEUE, EngineThread

STACK = """\
project: acme-dev
location: europe-west1
handlers:
  mailer: {service: {image: i}, timeout: 5m}
  ledger: {app_engine: {service: books}}
queues:
  emails: {handler: mailer}
  letters: {handler: mailer, renamed_from: post}
  entries: {handler: ledger}
  reports: {pull: {}}
  charts: {pull: {delays: true}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "dev.yaml").write_text(STACK)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_is_the_same_module_under_both_names() -> None:
    assert client.Tasks is runtime.Tasks
    assert set(runtime.__all__) < set(client.__all__)


@pytest.mark.usefixtures("project")
def test_the_queues_are_those_of_the_file_on_google_cloud() -> None:
    tasks = Tasks(environment="dev", variables={})
    emails = tasks.address("emails")
    assert (emails.name, emails.deadline) == (QUEUE, timedelta(minutes=5))
    assert tasks.address("letters").name.endswith("/queues/post")
    assert tasks.address("entries").is_app_engine
    assert tasks.address("reports").name == "projects/acme-dev/topics/reports"
    assert tasks.address("reports").delays is None
    assert tasks.address("charts").delays == QUEUE.replace("emails", "charts-delays")
    assert environment_variables("dev", {}).keys() == {
        "QUEUE_EMAILS",
        "DEADLINE_EMAILS",
        "QUEUE_LETTERS",
        "DEADLINE_LETTERS",
        "QUEUE_ENTRIES",
        "APP_ENGINE_ENTRIES",
        "QUEUE_REPORTS",
        "QUEUE_CHARTS",
        "QUEUE_CHARTS_DELAYS",
    }


def test_the_environment_that_runs_here_comes_before_google_cloud(
    project: Path, engine: EngineThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLOUD_TASKS_EMULATOR_URL")
    with StateFolder.locked(project / ".queuewright") as folder:
        folder.announce("dev", engine.address, f"127.0.0.1:{engine.rest_port}", "127.0.0.1:8085")
        with Tasks("dev") as tasks:
            tasks.queue("emails").enqueue({"to": "ada@example.com"})
        assert environment_variables("dev", {})["PUBSUB_EMULATOR_HOST"] == "127.0.0.1:8085"
        folder.announce("prod", engine.address, "127.0.0.1:1")
        assert "CLOUD_TASKS_EMULATOR_URL" not in environment_variables("dev", {})
    (task,) = engine.tasks()
    assert task.dispatch_deadline.seconds == 300


@pytest.mark.usefixtures("project")
def test_an_engine_in_the_variables_comes_first() -> None:
    found = environment_variables("dev", {"CLOUD_TASKS_EMULATOR_HOST": "127.0.0.1:9"})
    assert found["CLOUD_TASKS_EMULATOR_HOST"] == "127.0.0.1:9"
    assert "CLOUD_TASKS_EMULATOR_URL" not in found


def test_outside_of_a_project_the_error_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TargetError, match="no `stacks` folder"):
        Tasks(environment="dev")


def test_without_queuewright_the_error_says_what_else_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "queuewright.client.environment", raising=False)
    monkeypatch.setitem(sys.modules, "queuewright.client.environment", None)
    with pytest.raises(ImportError, match="needs queuewright; without it, set"):
        Tasks(environment="dev")
