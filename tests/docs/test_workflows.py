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
def test_every_action_is_pinned_to_a_major_version(file: Path) -> None:
    """Of GitHub's, Google's or Pulumi's own."""
    used = [step["uses"] for step in only_job(file)["steps"] if "uses" in step]
    assert used
    for name in used:
        assert re.fullmatch(r"(actions|google-github-actions|pulumi)/[a-z-]+@v\d+", name), name


@each_file
def test_every_environment_is_there(file: Path) -> None:
    """The stacks of the matrix are those that ship."""
    matrix = only_job(file)["strategy"]["matrix"]["environment"]
    assert sorted(matrix) == sorted(shipped_stacks())


def test_a_preview_is_shown_on_the_pull_request() -> None:
    """Of the environment, from the state that the guide makes."""
    given = action(FOLDER / "preview.yml", "pulumi/actions")
    assert given == {
        "command": "preview",
        "stack-name": "${{ matrix.environment }}",
        "cloud-url": STATE,
        "comment-on-pr": True,
    }


def test_an_up_is_previewed_first() -> None:
    """By the CLI itself: the action skips that, and with it the refusal of a replaced queue."""
    assert action(FOLDER / "up.yml", "pulumi/actions") == {}
    last = only_job(FOLDER / "up.yml")["steps"][-1]
    assert last["run"].splitlines() == [
        f"pulumi login {STATE}",
        "pulumi up --yes --stack ${{ matrix.environment }}",
    ]


@each_file
def test_its_commands_exist(file: Path) -> None:
    """Each `queuewright …` names a command, options that it has, and an environment."""
    runs = "\n".join(step.get("run", "") for step in only_job(file)["steps"])
    found = re.findall(r"bin/queuewright (\w+) (.*)", runs)
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
