"""`queuewright check`, as it is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.mark.usefixtures("project")
def test_a_right_file_is_counted(run: Run) -> None:
    """One line to stdout."""
    outcome = run("check")
    assert (outcome.code, outcome.out, outcome.err) == (
        0,
        "dev: 2 queues, 2 handlers, no problems\n",
        "",
    )


def test_problems_go_to_stderr_with_exit_code_1(run: Run, project: Path) -> None:
    """Each with its place and a hint, and how many there are."""
    (project / "stacks" / "dev.yaml").write_text(
        "project: acme-dev\nlocation: europe-west1\nqueus: {}\n"
        "handlers:\n  a: {url: 'http://a.example'}\n"
        "queues:\n  emails: {handler: b, path: send}\n"
    )
    outcome = run("check")
    assert outcome.code == 1
    assert outcome.out == ""
    assert outcome.err == (
        "stacks/dev.yaml:3:1: queus: unknown key\n"
        "  hint: did you mean `queues`?\n"
        "stacks/dev.yaml:7:12: queues.emails.handler: no handler `b`\n"
        "  hint: choose one of `a`\n"
        "stacks/dev.yaml:7:24: queues.emails.path: "
        "`send` is not a path (`/` first; no spaces, `?` or `#`)\n"
        "  hint: such as `/send`\n"
        "3 problems\n"
    )


@pytest.mark.usefixtures("project")
def test_an_unknown_environment_is_a_problem(run: Run) -> None:
    """It names the file that was looked for."""
    outcome = run("check", "prd")
    assert outcome.code == 1
    assert outcome.err.startswith("stacks/prd.yaml:1:1: $: no such file\n  hint: ")


def test_it_works_from_a_folder_below_the_project(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The project is found upwards."""
    monkeypatch.chdir(project / "handlers" / "mailer")
    assert run("check").code == 0


def test_outside_a_project_it_is_an_error(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hint says how to create one."""
    monkeypatch.chdir(tmp_path)
    outcome = run("check")
    assert outcome.code == 1
    assert "queuewright init" in outcome.err


@pytest.mark.usefixtures("project")
def test_a_wrong_option_is_wrong_usage(run: Run) -> None:
    """Exit code 2, as everywhere."""
    assert run("check", "--fiel", "x").code == 2


@pytest.mark.parametrize(("handlers", "warned"), [(45, False), (46, True)])
def test_many_accounts_are_a_warning(run: Run, project: Path, handlers: int, warned: bool) -> None:
    """A project has 100 by default, and others may need some; the file is right all the same."""
    keys = [f"h{number}" for number in range(handlers)]
    (project / "stacks" / "dev.yaml").write_text(
        "project: acme-dev\nlocation: europe-west1\nhandlers:\n"
        + "".join(f"  {key}: {{service: {{image: i}}}}\n" for key in keys)
        + "queues:\n"
        + "".join(f"  q{key}: {{handler: {key}}}\n" for key in keys)
    )
    outcome = run("check")
    assert (outcome.code, outcome.out) == (
        0,
        f"dev: {handlers} queues, {handlers} handlers, no problems\n",
    )
    warning = (
        "warning: stacks/dev.yaml:3:1: handlers: need 92 service accounts, "
        "and `acme-dev` may have 100 unless its quota was raised\n"
        "  hint: request a higher quota: https://cloud.google.com/iam/quotas\n"
    )
    assert outcome.err == (warning if warned else "")
