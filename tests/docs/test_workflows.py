"""The workflows of `docs/guides/github`: least permissions, no key, and commands that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from queuewright.cli import commands
from tests.components.projects import ROOT, shipped_stacks

FOLDER = ROOT / "docs" / "guides" / "github"
GUIDE = (ROOT / "docs" / "guides" / "deploy.md").read_text("utf-8")
FILES = sorted(FOLDER.iterdir())

(STATE,) = set(re.findall(r"^pulumi login (gs://\S+)$", GUIDE, re.M))

each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def workflow(file: Path) -> dict[str, Any]:
    loaded = yaml.safe_load(file.read_text("utf-8"))
    # YAML 1.1 takes `on` for a truth value: https://yaml.org/type/bool.html
    return {"on" if key is True else key: value for key, value in loaded.items()}


def only_job(file: Path) -> dict[str, Any]:
    (job,) = workflow(file)["jobs"].values()
    return job


def action(file: Path, name: str) -> dict[str, Any]:
    """What the one step that uses an action gives to it."""
    (step,) = (
        step for step in only_job(file)["steps"] if step.get("uses", "").startswith(f"{name}@")
    )
    return step.get("with", {})


def commands_of(file: Path) -> str:
    """Every command that a workflow runs itself, each on one line."""
    runs = "\n".join(step.get("run", "") for step in only_job(file)["steps"])
    return re.sub(r"\\\n\s*", "", runs)


def texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield str(key)
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
    else:
        yield str(value)


def test_there_are_two() -> None:
    """One before the merge, one after it, and the guide links both."""
    assert [file.name for file in FILES] == ["preview.yml", "up.yml"]
    for file in FILES:
        assert f"(github/{file.name})" in GUIDE


def test_a_preview_is_of_a_pull_request_and_an_up_of_a_merge() -> None:
    """Never `pull_request_target`, which would give a fork's code the repository's token."""
    assert workflow(FOLDER / "preview.yml")["on"] == {"pull_request": None}
    assert workflow(FOLDER / "up.yml")["on"] == {"push": {"branches": ["main"]}}


def test_permissions_are_least() -> None:
    """Read the code, ask for a token; a preview also comments."""
    for file in FILES:
        assert workflow(file)["permissions"] == {"contents": "read"}
    token = {"contents": "read", "id-token": "write"}
    assert only_job(FOLDER / "up.yml")["permissions"] == token
    assert only_job(FOLDER / "preview.yml")["permissions"] == {**token, "pull-requests": "write"}


@each_file
def test_no_key_and_no_secret_is_in_it(file: Path) -> None:
    """Google is asked for a token by workload identity, and nothing is kept on GitHub."""
    assert set(action(file, "google-github-actions/auth")) == {
        "workload_identity_provider",
        "service_account",
        "export_environment_variables",
    }
    for text in texts(workflow(file)):
        assert "secrets." not in text
        assert "credentials_json" not in text
    assert action(file, "actions/checkout") == {"persist-credentials": False}


@each_file
def test_its_accounts_are_those_that_the_guide_makes(file: Path) -> None:
    """And the provider, but for the number of the project."""
    given = action(file, "google-github-actions/auth")
    pool = "/locations/global/workloadIdentityPools/github"
    assert re.fullmatch(
        rf"projects/\d+{pool}/providers/github", given["workload_identity_provider"]
    )
    assert f"{pool}\n" in GUIDE
    assert "providers create-oidc github " in GUIDE
    account = given["service_account"].replace("${{ matrix.environment }}", "$environment")
    assert f"={account}\n" in GUIDE


@each_file
def test_every_action_is_pinned_by_its_commit(file: Path) -> None:
    """Of GitHub's, Google's or Pulumi's own; a tag can be moved. The comment says which it was."""
    uses = re.findall(r"^ +(?:- )?uses: (.*)$", file.read_text("utf-8"), re.M)
    assert len(uses) == sum("uses" in step for step in only_job(file)["steps"])
    owned = r"(?:actions|google-github-actions|pulumi)/[a-z-]+"
    for use in uses:
        assert re.fullmatch(rf"{owned}@[0-9a-f]{{40}} # v\d+\.\d+\.\d+", use), use


def test_an_action_has_one_pin_everywhere() -> None:
    """In both workflows, and in the command by which one checks it."""
    told = "\n".join(file.read_text("utf-8") for file in FILES)
    pins = set(re.findall(r"uses: (\S+)@([0-9a-f]{40}) # (v\S+)", told))
    assert len({name for name, _, _ in pins}) == len(pins) == 5
    ((name, tag),) = re.findall(
        r"git ls-remote https://github.com/(\S+) 'refs/tags/(\S+)\*'", GUIDE
    )
    assert (name, tag) in {(name, tag) for name, _, tag in pins}


@each_file
def test_every_package_is_pinned_by_its_hash(file: Path) -> None:
    """And none runs code of its own while it is installed; the guide makes the file with them."""
    installs = re.findall(r"pip install (.*)", commands_of(file))
    assert installs == [
        "--require-hashes --only-binary :all: --find-links wheels --requirement requirements.lock"
    ]
    assert "uv pip compile --generate-hashes --find-links wheels " in GUIDE
    assert "--output-file requirements.lock requirements.in\n" in GUIDE
    (python,) = re.findall(r"uv pip compile .*--python-version (\S+)", GUIDE)
    assert action(file, "actions/setup-python")["python-version"] == python


@each_file
def test_the_cli_is_the_one_that_the_tests_run(file: Path) -> None:
    """Of one version, until somebody changes it."""
    (pinned,) = re.findall(r"pulumi/pkg/v3 v(\S+)$", (ROOT / "tools/go.mod").read_text(), re.M)
    assert action(file, "pulumi/actions")["pulumi-version"] == pinned


@each_file
def test_one_step_acts_as_the_account(file: Path) -> None:
    """The last one: what runs before it has no credentials in its environment."""
    assert action(file, "google-github-actions/auth")["export_environment_variables"] is False
    assert "env" not in workflow(file)
    assert "env" not in only_job(file)
    *others, login, last = only_job(file)["steps"]
    assert login["uses"].startswith("google-github-actions/auth@")
    assert login["id"] == "google"
    path = "${{ steps.google.outputs.credentials_file_path }}"
    assert last["env"]["GOOGLE_APPLICATION_CREDENTIALS"] == path
    assert set(last["env"].values()) == {path}
    assert not [step for step in others if "env" in step or "steps.google" in str(step)]


@each_file
def test_every_environment_is_there(file: Path) -> None:
    """The stacks of the matrix are those that ship."""
    matrix = only_job(file)["strategy"]["matrix"]["environment"]
    assert sorted(matrix) == sorted(shipped_stacks())


def test_a_preview_is_shown_on_the_pull_request() -> None:
    """Of the environment, from the state that the guide makes."""
    given = action(FOLDER / "preview.yml", "pulumi/actions")
    assert given == {
        "pulumi-version": given["pulumi-version"],
        "command": "preview",
        "stack-name": "${{ matrix.environment }}",
        "cloud-url": STATE,
        "comment-on-pr": True,
    }


def test_an_up_is_previewed_first() -> None:
    """By the CLI itself: the action skips that, and with it the refusal of a replaced queue."""
    assert set(action(FOLDER / "up.yml", "pulumi/actions")) == {"pulumi-version"}
    last = only_job(FOLDER / "up.yml")["steps"][-1]
    assert last["run"].splitlines() == [
        f"pulumi login {STATE}",
        "pulumi up --yes --stack ${{ matrix.environment }}",
    ]


@each_file
def test_its_commands_exist(file: Path) -> None:
    """Each `queuewright …` names a command, options that it has, and an environment."""
    found = re.findall(r"bin/queuewright (\w+) (.*)", commands_of(file))
    assert ("check", "${{ matrix.environment }}") in found
    for name, rest in found:
        command = commands.get_command(click.Context(commands), name)
        assert command is not None, name
        known = {option for each in command.params for option in each.opts}
        assert set(re.findall(r"(?<!\S)--[a-z-]+", rest)) <= known


def test_environments_go_up_in_order_and_by_their_own_rules() -> None:
    """Dev before prod, each in its GitHub environment; an `up` that runs is not interrupted."""
    job = only_job(FOLDER / "up.yml")
    assert job["environment"] == "${{ matrix.environment }}"
    assert job["strategy"] == {
        "max-parallel": 1,
        "fail-fast": True,
        "matrix": {"environment": ["dev", "staging", "prod"]},
    }
    assert job["concurrency"]["cancel-in-progress"] is False
    assert "environment" not in only_job(FOLDER / "preview.yml")


def test_docker_may_push_before_images_are_built() -> None:
    """Docker is told of the registry of the environments' region before the `up`."""
    runs = [step.get("run", "") for step in only_job(FOLDER / "up.yml")["steps"]]
    registry = "gcloud auth configure-docker europe-west1-docker.pkg.dev"
    (told,) = (at for at, run in enumerate(runs) if run.startswith(registry))
    (built,) = (at for at, run in enumerate(runs) if "pulumi up" in run)
    assert told < built
    assert f"{registry}\n" in GUIDE
