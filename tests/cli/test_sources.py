"""`check`, `plan` and `up` look into the handlers' folders: what can't or shouldn't be deployed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Outcome, Run

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


@pytest.fixture
def shared(project: Path) -> Path:
    """A folder that the mailer includes."""
    folder = project / "libs" / "shared_lib"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    setting(project, INCLUDE)
    return folder


def setting(project: Path, line: str) -> None:
    """Give the mailer another setting."""
    stack = project / "stacks" / "dev.yaml"
    ledger = "  ledger:\n"
    stack.write_text(stack.read_text().replace(ledger, f"    {line}\n{ledger}"))


INCLUDE = "include: [libs/shared_lib]"
INCLUDED = "handlers.mailer.include[0]"


def problem(outcome: Outcome) -> str:
    """The one problem of a file, with its place and its fix."""
    assert outcome.code == 1
    line, hint, count = outcome.err.splitlines()
    assert count == "1 problem"
    place, _, message = line.partition(f": {INCLUDED}: ")
    assert place.startswith("stacks/dev.yaml:")
    return f"{message}\n{hint}"


@pytest.mark.usefixtures("shared")
def test_an_included_folder_is_right(run: Run) -> None:
    """Nothing is said about it."""
    assert (run("check").out, run("check").err) == (RIGHT, "")


def test_an_included_folder_that_is_missing_is_a_problem_of_its_line(
    run: Run, project: Path, shared: Path
) -> None:
    """It would fail in `pulumi up` only."""
    shared.rename(project / "elsewhere")
    assert problem(run("check")) == (
        f"`{shared}` does not exist\n  hint: create it, or remove it from `include`"
    )


@pytest.mark.usefixtures("shared")
def test_an_included_name_that_the_handler_has_is_a_problem(run: Run, project: Path) -> None:
    """One would hide the other in the package."""
    own = project / "handlers" / "mailer" / "shared_lib"
    own.mkdir()
    (own / "__init__.py").touch()
    assert problem(run("check")) == (
        f"`shared_lib` would hide `{own / '__init__.py'}`\n"
        "  hint: rename one of them: both have the same path in the package"
    )


def test_an_included_link_to_the_handlers_own_folder_is_a_problem(
    run: Run, project: Path, shared: Path
) -> None:
    """It contains the handler by way of a link."""
    (shared / "__init__.py").unlink()
    shared.rmdir()
    shared.symlink_to(project / "handlers")
    assert problem(run("check")).startswith(f"`{shared}` contains the handler's own folder\n")


def test_an_included_link_out_of_the_project_is_a_problem(run: Run, shared: Path) -> None:
    """As in a source."""
    (shared / "etc").symlink_to("/etc")
    assert f"`{shared / 'etc'}` leads out of the project, to `" in problem(run("check"))


def test_a_secret_in_an_included_folder_is_warned_of(run: Run, shared: Path) -> None:
    """At the line of `include`; the hint works when pasted."""
    (shared / "server.pem").touch()
    outcome = run("check")
    assert outcome.out == RIGHT
    command = "echo /server.pem >> libs/shared_lib/.gitignore"
    assert f"{INCLUDED}: `libs/shared_lib/server.pem` looks like a private key" in outcome.err
    assert f"  hint: {command}\n" in outcome.err
    subprocess.run(["sh", "-c", command], check=True)
    assert run("check").err == ""


@pytest.mark.usefixtures("shared")
def test_an_included_file_that_is_a_secret_is_warned_of(run: Run, project: Path) -> None:
    """By its name in the project."""
    (project / "credentials.json").touch()
    stack = project / "stacks" / "dev.yaml"
    stack.write_text(stack.read_text().replace(INCLUDE, "include: [credentials.json]"))
    assert f"{INCLUDED}: `credentials.json` looks like credentials" in run("check").err


def test_a_search_path_out_of_the_package_is_warned_of(run: Run, project: Path) -> None:
    """In the file, and in the code."""
    main = project / "handlers" / "mailer" / "main.py"
    main.write_text("import sys\nsys.path.insert(0, '../../shared')\n" + main.read_text())
    setting(project, "env: {PYTHONPATH: '../..:lib'}")
    outcome = run("check")
    assert outcome.out == RIGHT
    first, hint, second, again = outcome.err.splitlines()
    assert first.endswith(
        "handlers.mailer.env.PYTHONPATH: `../..` leads out of the package: there is no such "
        "folder on Google Cloud"
    )
    assert second.endswith(
        "handlers.mailer.function.source: `handlers/mailer/main.py`, line 2, adds `shared` to "
        "`sys.path`, which is not deployed"
    )
    assert hint == again
    assert hint == f"  hint: {HINT}"


HINT = "name the folder under the handler's `include`, and import from it without a path"


def worker(project: Path, settings: str) -> None:
    """Give the project a worker."""
    stack = project / "stacks" / "dev.yaml"
    handlers = f"handlers:\n  reporter:\n    worker: {settings}\n"
    stack.write_text(stack.read_text().replace("handlers:\n", handlers))


def test_a_dockerfile_that_the_build_would_not_get_is_a_problem(run: Run, project: Path) -> None:
    """It is missing, or ignored."""
    folder = project / "handlers" / "reporter"
    folder.mkdir()
    worker(project, "{context: ., dockerfile: handlers/reporter/Dockerfile}")
    where = "handlers.reporter.worker.dockerfile: `handlers/reporter/Dockerfile`"
    assert f"{where} does not exist\n" in run("check").err
    (folder / "Dockerfile").write_text("FROM scratch\n")
    assert run("check").code == 0
    (project / ".gitignore").write_text("Dockerfile\n")
    assert f"{where} is ignored, so the build would not get it\n" in run("check").err


def test_the_whole_context_is_looked_into(run: Run, project: Path) -> None:
    """It is sent to the build."""
    folder = project / "handlers" / "reporter"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    worker(project, "{source: handlers/reporter, context: .}")
    (project / "server.pem").touch()
    assert "handlers.reporter.worker.context: `./server.pem` looks like" in run("check").err
