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


SHARED = "project: acme-dev\nlocation: europe-west1\n"


def test_two_environments_with_the_same_names_are_a_problem(run: Run, project: Path) -> None:
    """It is at the line of the project, and names the other file and its line."""
    (project / "stacks" / "feature.yaml").write_text("extends: dev.yaml\n")
    (project / "stacks" / "Pulumi.dev.yaml").touch()
    outcome = run("check", "feature")
    assert outcome.code == 1
    assert outcome.err == (
        "stacks/dev.yaml:1:1: project: `dev` has `acme-dev`, too (stacks/dev.yaml:1:1), so both "
        "would have the same names on Google Cloud\n"
        "  hint: another project, or `prefix: feature` in stacks/feature.yaml\n"
        "1 problem\n"
    )
    assert "`feature` has `acme-dev`, too" in run("check", "dev").err
    (project / "stacks" / "feature.yaml").write_text("extends: dev.yaml\nprefix: feature-7\n")
    assert run("check", "feature").code == 0
    (project / "stacks" / "other.yaml").write_text(f"{SHARED}prefix: feature-7\n")
    assert (
        "stacks/feature.yaml:2:1: prefix: `other` has `acme-dev` and prefix `feature-7`, too "
        "(stacks/other.yaml:3:1)" in run("check", "feature").err
    )


def test_a_file_that_is_only_extended_is_no_environment(run: Run, project: Path) -> None:
    """A base may have a project; a broken file is its own problem."""
    (project / "stacks" / "base.yaml").write_text(SHARED)
    (project / "stacks" / "dev.yaml").write_text("extends: base.yaml\n")
    (project / "stacks" / "broken.yaml").write_text(f"{SHARED}queus: {{}}\n")
    assert run("check", "dev").code == 0
    assert run("check", "base").code == 0


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("written", ["dev.yaml", "stacks/dev.yaml", "./stacks/dev.yaml"])
def test_an_environments_file_names_it(run: Run, written: str) -> None:
    """As a shell completes it."""
    assert run("check", written).out == "dev: 2 queues, 2 handlers, no problems\n"


def test_an_environments_file_names_it_from_its_folder(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And by its whole path."""
    monkeypatch.chdir(project / "stacks")
    assert run("check", "dev.yaml").code == 0
    assert run("check", str(project / "stacks" / "dev.yaml")).code == 0


def test_a_file_of_another_project_does_not_name_an_environment_of_this_one(
    run: Run, project: Path
) -> None:
    """Nothing is checked that was not meant."""
    (project / "other").mkdir()
    (project / "other" / "dev.yaml").touch()
    assert run("check", "other/dev.yaml").code == 1
