"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.testing.conftest import STACK, project

TESTS = """
from datetime import UTC, datetime

import pytest


def test_dev_is_the_default(queuewright_env):
    assert queuewright_env.blueprint.environment == "dev"
    queuewright_env.enqueue("emails", {})
    queuewright_env.drain()
    queuewright_env.assert_delivered("emails", attempts=1)


@pytest.mark.queuewright("prod", start=datetime(2030, 1, 1, tzinfo=UTC))
def test_a_marker_names_another(queuewright_env):
    assert queuewright_env.blueprint.environment == "prod"
    assert queuewright_env.now.year == 2030


def test_statuses_differ(queuewright_env):
    queuewright_env.fail("mailer", times=1)
    queuewright_env.enqueue("emails", {}, name="t1")
    queuewright_env.drain()
    assert queuewright_env.attempts("emails").statuses == [200]


def test_something_else_fails(queuewright_env):
    queuewright_env.enqueue("emails", {}, name="t2")
    queuewright_env.advance("1s")
    assert 1 == 2


@pytest.mark.queuewright("prod", starts=1)
def test_a_wrong_marker(queuewright_env):
    pass


@pytest.mark.queuewright(start="2030")
def test_a_wrong_start(queuewright_env):
    pass


def test_without_the_fixture():
    assert 1 == 2
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest prints about the tests above."""
    root = project(tmp_path_factory.mktemp("plugin") / "project")
    (root / "stacks" / "prod.yaml").write_text(STACK, encoding="utf-8")
    (root / "tests").mkdir()
    (root / "tests" / "test_mails.py").write_text(TESTS, encoding="utf-8")
    options = ["-q", "-W", "error", "--strict-markers", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "queuewright.testing.plugin", *options, "tests"],
        cwd=root,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_the_fixture_runs_the_environment_that_the_marker_names(printed: str) -> None:
    """In the project around the test's file; markers are registered."""
    assert "3 failed, 2 passed, 2 errors" in printed, printed


def test_a_failed_test_shows_what_happened(printed: str) -> None:
    """Whatever its claim was about, and only where the fixture is used."""
    assert printed.count("queuewright: what happened") == 2, printed
    assert "task t2, attempt 1 of 5: 200, done" in printed


def test_a_comparison_of_statuses_shows_the_attempts(printed: str) -> None:
    """In the explanation of the assertion."""
    assert "E       assert [503, 200] == [200]" in printed, printed
    explained = [line.split(maxsplit=1)[1] for line in printed.splitlines() if line[:2] == "E "]
    assert (
        "+0s   task t1, attempt 1 of 5: 503, again in 10s: the test lets it fail: 503" in explained
    )
    assert "+10s  task t1, attempt 2 of 5: 200, done" in explained


def test_a_wrong_marker_names_its_arguments(printed: str) -> None:
    """And the test that has it."""
    wrong = "test_a_wrong_marker: the marker `queuewright` got an unexpected keyword argument"
    assert f"{wrong} 'starts': it takes `" in printed, printed
    assert "got `start='2030'`, which is no `datetime` with a time zone: it takes `" in printed


def test_a_run_that_does_not_use_it_imports_nothing_for_it() -> None:
    """Neither the engine, nor YAML, gRPC, Flask or Pulumi."""
    heavy = ("yaml", "grpc", "google", "flask", "pulumi", "pydantic", "asyncio")
    program = f"""
import sys, pytest
before = set(sys.modules)
import queuewright.testing.plugin
new = set(sys.modules) - before
assert not new & set({heavy!r}), new
print(sorted(name for name in new if not name.startswith("queuewright.testing")))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "['queuewright']\n"
