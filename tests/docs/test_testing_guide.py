"""Runs the test files of `docs/guides/testing.md` in a copy of the shipped project."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from queuewright.engine import Engine
from queuewright.graph.inventory import REGENERATE
from queuewright.testing import Answer, InProcessEnvironment, capture
from tests.components.projects import ROOT, this_project

PAGE = (ROOT / "docs" / "guides" / "testing.md").read_text("utf-8")
FENCES = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.M | re.S)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project with the page's test files."""
    folder = this_project(tmp_path / "project")
    (folder / "tests").mkdir()
    for language, text in FENCES:
        if language == "python":
            name = text.splitlines()[0].removeprefix("# ")
            (folder / name).write_text(text, encoding="utf-8")
    return folder


def run(project: Path, command: str, **environ: str) -> tuple[int, str]:
    """Run a `pytest` command of the page; return its exit code and output."""
    variables, _, words = command.rpartition("pytest")
    given = dict(each.split("=") for each in variables.split())
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    # The reader has pytest and no plugin of ours.
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    options = ["-q", "-W", "error", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *words.split()],
        cwd=project,
        env={**environment, **given, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def said() -> list[str]:
    """The lines of pytest's output that the page shows."""
    printed = [text for _, text in FENCES if text.startswith("AssertionError")]
    return [line for text in printed for line in text.splitlines()]


def test_the_claims_about_environments_run_as_written(project: Path) -> None:
    """The page's command writes the inventories; a change then fails as shown on the page."""
    (regenerate,) = (text for language, text in FENCES if text.startswith(REGENERATE))
    code, printed = run(project, regenerate)
    assert (code, "13 passed" in printed) == (0, True), printed

    prod = project / "stacks" / "prod.yaml"
    text = prod.read_text().replace(
        "max_dispatches_per_second: 200", "max_dispatches_per_second: 300"
    )
    prod.write_text(text)
    code, printed = run(project, "pytest tests/test_environments.py")
    assert (code, "1 failed, 12 passed" in printed) == (1, True), printed
    plain = printed.replace(f"{project}/", "")
    for line in said():
        if not line.startswith("AssertionError: assert <no:"):
            assert line in plain, line


def test_the_claims_about_tasks_run_as_written(project: Path) -> None:
    """One letter survives, one is lost, and one waits."""
    code, printed = run(project, "pytest tests/test_outage.py", CI="true")
    assert (code, "3 passed" in printed) == (0, True), printed


def test_the_environment_in_the_test_runs_as_written(project: Path) -> None:
    """The fixture of the plugin, with the shipped handlers."""
    code, printed = run(project, "pytest -p queuewright.testing.plugin tests/test_mails.py")
    assert (code, "6 passed" in printed) == (0, True), printed


def test_the_mocks_run_as_written(project: Path) -> None:
    """Pulumi's own way."""
    code, printed = run(project, "pytest tests/test_components.py")
    assert (code, "1 passed" in printed) == (0, True), printed


def test_every_call_of_the_second_table_exists() -> None:
    """With the arguments that are shown."""
    calls = re.findall(r"^\| `env\.(\w+)(?:\((.*)\))?` \|", PAGE, re.M)
    assert len(calls) == 18
    for name, arguments in calls:
        attribute = getattr(InProcessEnvironment, name)
        if arguments:
            given = eval(
                f"dict_of({arguments.replace('{...}', '{}').replace('function', 'int')})",
                {"dict_of": _given},
            )
            inspect.signature(attribute).bind(None, *given[0], **given[1])


def _given(*positional: object, **named: object) -> tuple[tuple[object, ...], dict[str, object]]:
    return positional, named


def test_the_timeline_looks_as_on_the_page() -> None:
    """Word for word."""
    (shown,) = (text for language, text in FENCES if text.startswith("emails\n"))
    with InProcessEnvironment.started("dev", ROOT) as env:
        env.replace("mailer", lambda _: 200)
        env.fail("mailer")
        env.enqueue("emails", {}, name="t1")
        env.drain()
        assert env.timeline() == shown.rstrip()


def test_a_no_is_worded_as_on_the_page() -> None:
    """Word for word."""
    (shown,) = (line for line in said() if line.startswith("AssertionError: assert <no:"))
    answer = capture(ROOT, stack="dev").may_enqueue("mailer", "emails")
    assert shown == f"AssertionError: assert {answer!r}"


def test_every_question_of_the_table_has_an_answer() -> None:
    """Each question in the first column, asked of dev."""
    questions = re.findall(r"^\| `(graph[^`]+)` \|", PAGE, re.M)
    graph = capture(ROOT, stack="dev")
    names = {"graph": graph, "before": capture(ROOT, stack="staging")}
    answers = {question: eval(question, names) for question in questions}
    assert len(answers) == 8
    yes = [
        question for question, answer in answers.items() if isinstance(answer, Answer) and answer
    ]
    assert len(yes) == 3
    assert answers["graph.public_resources()"] == answers["graph.input_problems()"] == []
    assert answers['graph["tasks-emails-queue"].input("retryConfig.maxAttempts")'] == 18
    assert answers["graph.grants()"]
    assert answers["graph.changes_since(before)"]


def test_the_engine_has_the_methods_on_the_page() -> None:
    """Both methods that move the clock."""
    for name in ("drain", "advance"):
        assert f"`{name}(" in PAGE
        assert callable(getattr(Engine, name))
