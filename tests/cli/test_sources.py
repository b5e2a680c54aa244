"""`check`, `plan` and `up` look into the handlers' folders: what can't or shouldn't be deployed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Run

SOURCE = "stacks/dev.yaml:5:16: handlers.mailer.function.source"
RIGHT = "dev: 2 queues, 2 handlers, no problems\n"


def test_a_secret_is_warned_of_with_the_line_that_leaves_it_out(run: Run, project: Path) -> None:
    """At the line of `source`; the file is right all the same, and the hint works when pasted."""
    (project / "handlers" / "mailer" / ".env").write_text("TOKEN=1\n")
    outcome = run("check")
    assert (outcome.code, outcome.out) == (0, RIGHT)
    command = "echo /.env >> handlers/mailer/.gitignore"
    assert outcome.err == (
        f"warning: {SOURCE}: `handlers/mailer/.env` looks like a file of secrets, "
        "and would be deployed\n"
        f"  hint: {command}\n"
        "  if `.env` is meant to be deployed: echo '!/.env' >> handlers/mailer/.gitignore\n"
    )
    subprocess.run(["sh", "-c", command], check=True)
    assert run("check").err == ""


def test_a_workers_folder_is_looked_into_as_well(run: Run, project: Path) -> None:
    """It becomes an image."""
    folder = project / "handlers" / "reporter"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / ".env").write_text("TOKEN=1\n")
    stack = project / "stacks" / "dev.yaml"
    worker = "handlers:\n  reporter:\n    worker: {source: handlers/reporter}\n"
    stack.write_text(stack.read_text().replace("handlers:\n", worker))
    assert "`handlers/reporter/.env` looks like a file of secrets" in run("check").err


def test_what_git_ignores_is_not_warned_of(run: Run, project: Path) -> None:
    """It isn't deployed."""
    (project / ".gitignore").write_text(".env\n")
    (project / "handlers" / "mailer" / ".env").write_text("TOKEN=1\n")
    assert run("check").err == ""


def test_many_suspects_are_counted(run: Run, project: Path) -> None:
    """Ten are named."""
    for number in range(13):
        (project / "handlers" / "mailer" / f"{number:02}.pem").touch()
    lines = run("check").err.splitlines()
    assert lines[-2] == f"warning: {SOURCE}: 3 more files of `handlers/mailer` look like this"
    assert len(lines) == 22


def test_a_file_name_cannot_write_to_the_terminal(run: Run, project: Path) -> None:
    """Its control characters are shown, and not sent."""
    (project / "handlers" / "mailer" / "a\x1b]0;gone\x07.pem").touch()
    outcome = run("check")
    assert "\x1b" not in outcome.err
    assert "a\\x1b]0;gone\\x07.pem" in outcome.err


def test_two_handlers_of_one_folder_are_warned_of_once(run: Run, project: Path) -> None:
    """Two functions may share their source."""
    stack = project / "stacks" / "dev.yaml"
    second = (
        "  second:\n    function: {source: handlers/mailer/, entry_point: g, runtime: python312}\n"
    )
    stack.write_text(stack.read_text().replace("  ledger:\n", f"{second}  ledger:\n"))
    (project / "handlers" / "mailer" / ".env").touch()
    assert run("check").err.count("warning: ") == 1


@pytest.mark.parametrize("command", ["check", "plan", "up"])
def test_a_link_out_of_the_project_is_a_problem_of_its_source(
    run: Run, project: Path, command: str
) -> None:
    """Before anything is built or started; the hint works when pasted."""
    (project / "handlers" / "mailer" / "etc").symlink_to("/etc")
    outcome = run(command)
    assert (outcome.code, outcome.out) == (1, "")
    where = project / "handlers" / "mailer" / "etc"
    assert outcome.err == (
        f"{SOURCE}: `{where}` leads out of the project, to `{Path('/etc').resolve()}`\n"
        "  hint: copy what the handler needs into the project, or leave it out: "
        "echo /etc >> handlers/mailer/.gitignore\n"
        "1 problem\n"
    )
    subprocess.run(["sh", "-c", "echo /etc >> handlers/mailer/.gitignore"], check=True)
    assert run("check").out == RIGHT


def test_a_folder_with_nothing_to_deploy_is_a_problem(run: Run, project: Path) -> None:
    """It would fail in the cloud only."""
    (project / "handlers" / "mailer" / ".gitignore").write_text("*\n")
    outcome = run("check")
    assert outcome.code == 1
    assert outcome.err.startswith(f"{SOURCE}: `{project / 'handlers' / 'mailer'}` holds no file")


@pytest.mark.parametrize("words", [("plan",), ("up", "--grpc-port=0", "--state=stacks/dev.yaml/x")])
def test_plan_and_up_warn_too(run: Run, project: Path, words: tuple[str, ...]) -> None:
    """Whatever becomes of them here."""
    (project / "handlers" / "mailer" / "service-account.json").touch()
    outcome = run(*words)
    assert f"warning: {SOURCE}: `handlers/mailer/service-account.json` looks like a service" in (
        outcome.err
    )
