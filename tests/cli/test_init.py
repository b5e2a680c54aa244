"""`queuewright init`: what it makes and what it leaves alone. `tests/wheel` uses what it made."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from queuewright.cli import commands
from queuewright.packages import source_files
from queuewright.spec import load
from queuewright.spec.schema import json_schema
from tests.cli.conftest import Run
from tests.docs.test_pages import COMMAND, fences

FILES = """\
.gitignore
Pulumi.yaml
README.md
__main__.py
handlers/greeter/main.py
handlers/greeter/requirements.txt
pytest.ini
requirements.txt
spec.schema.json
stacks/base.yaml
stacks/dev.yaml
stacks/prod.yaml
tests/test_greeter.py
tests/test_outputs.py
tests/test_stacks.py
tests/test_tasks.py
"""
NEXT = """\
created a project in `shop`; next:
  cd shop
  queuewright up                               # runs it here
  queuewright enqueue greetings --example      # in a second terminal: a task
README.md explains the tests and how to deploy to Google Cloud
before you deploy, replace `my-project` in stacks/*.yaml with your project
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(folder: Path) -> str:
    """The files in a folder, a line each."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return "".join(f"{name}\n" for name in sorted(str(file.relative_to(folder)) for file in files))


def test_it_creates_a_project_and_shows_the_next_steps(here: Path, run: Run) -> None:
    """Without asking; the files are those of a complete Pulumi project."""
    outcome = run("init", "shop")
    assert (outcome.code, outcome.out, outcome.err) == (0, NEXT, "")
    assert made(here / "shop") == FILES
    assert (here / "shop" / "Pulumi.yaml").read_text().startswith("name: shop\n")
    assert json.loads((here / "shop" / "spec.schema.json").read_text()) == json_schema()


def test_its_environments_are_right(here: Path, run: Run) -> None:
    """They name the project and the region that were asked for, and their names do not clash."""
    run("init", "shop", "--project=acme-tasks", "--location=us-east1")
    dev, prod = (load(name, here / "shop") for name in ("dev", "prod"))
    assert {(each.project, each.location) for each in (dev, prod)} == {("acme-tasks", "us-east1")}
    assert dev.prefix != prod.prefix


def test_other_files_in_the_folder_stay(here: Path, run: Run) -> None:
    """The folder may hold a virtual environment, for example."""
    (here / ".venv").mkdir()
    outcome = run("init", ".", "--project=acme-tasks")
    assert outcome.code == 0
    assert "cd " not in outcome.out
    assert "before that" not in outcome.out
    assert made(here) == FILES


def test_nothing_is_overwritten(here: Path, run: Run) -> None:
    """Files that are in the way are named, and nothing is written."""
    (here / "README.md").write_text("mine")
    outcome = run("init", ".")
    assert outcome.code == 1
    assert outcome.err == (
        "error: `.` already has `README.md`\n  hint: choose another folder, or move these files\n"
    )
    assert made(here) == "README.md\n"
    run("init", "shop")
    refused = run("init", "shop").err
    assert "error: `shop` already has `" in refused
    assert "`Pulumi.yaml`, `README.md` and 13 more\n" in refused


def test_a_failed_init_leaves_no_files(here: Path, run: Run) -> None:
    """A file is in the way of a folder: the files that were already written are deleted."""
    (here / "tests").write_text("mine")
    outcome = run("init", ".")
    assert outcome.code == 1
    assert outcome.err.startswith("error: `tests` cannot be written: ")
    assert made(here) == "tests\n"


def test_a_name_that_no_folder_can_have_is_an_error(run: Run) -> None:
    """In one line, without a traceback."""
    outcome = run("init", "x" * 300)
    assert outcome.code == 1
    assert "cannot be used: " in outcome.err


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("--project=Acme", "`Acme` is not a Google Cloud project id, such as `acme-prod`"),
        ("--location=Europe", "`Europe` is not a Google Cloud region, such as `europe-west1`"),
    ],
)
def test_a_wrong_option_is_refused(here: Path, run: Run, option: str, problem: str) -> None:
    """With an example of a right one, before anything is written."""
    outcome = run("init", "shop", option)
    assert outcome.code == 2
    assert problem in outcome.err
    assert made(here) == ""


def test_the_project_passes_its_own_checks(here: Path, run: Run) -> None:
    """Its Python passes ruff, and each command of its README exists."""
    run("init", "shop")
    for check in (["format", "--check"], ["check", "--select=E,F,I,UP,B"]):
        subprocess.run(
            [sys.executable, "-m", "ruff", *check, "--isolated", "--line-length=100", "shop"],
            check=True,
        )
    readme = here / "shop" / "README.md"
    names = {words.split()[0] for words in COMMAND.findall(readme.read_text())}
    assert names == {"up", "enqueue", "doctor", "plan", "schema"}
    assert all(commands.get_command(click.Context(commands), name) for name in names)
    assert all(language for language, _ in fences(readme))


def test_a_secret_beside_its_handler_is_not_deployed(here: Path, run: Run) -> None:
    """Its `.gitignore` names what secrets are usually called, and decides for the handler, too."""
    run("init", "shop", "--project=acme-tasks")
    greeter = here / "shop" / "handlers" / "greeter"
    before = source_files(greeter)
    for name in (".env", ".env.local", "key.pem", "service-account.json", "gha-creds-1.json"):
        (greeter / name).touch()
    assert source_files(greeter) == before
