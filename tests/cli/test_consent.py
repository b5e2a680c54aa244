"""`queuewright up` of a real project asks before its handlers act with one's own credentials."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import click
import pytest

from queuewright.cli.consent import ask_to_act, credentials
from tests.cli.conftest import STACK, Run

PROD = STACK.replace("acme-dev", "acme-prod")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials in a file, and nobody to ask."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    monkeypatch.setattr(sys, "stdin", io.StringIO())


def test_up_prod_without_a_terminal_is_wrong_usage(project: Path, run: Run) -> None:
    """It names the project and the credentials, and how to agree. Nothing is started."""
    (project / "stacks" / "prod.yaml").write_text(PROD, encoding="utf-8")
    done = run("up", "prod", "--memory")
    assert done.code == 2
    words = " ".join(done.err.split())
    assert "real project `acme-prod` with your own Google credentials" in words
    assert "$GOOGLE_APPLICATION_CREDENTIALS" in words
    assert "hint: agree with `--yes`" in words
    assert not (project / ".queuewright").exists()


@pytest.mark.parametrize(("environment", "yes"), [("dev", False), ("prod", True)])
def test_dev_and_yes_ask_nothing(environment: str, yes: bool) -> None:
    """Dev is what a laptop is for."""
    ask_to_act(environment, "acme", yes=yes)


def test_without_credentials_nothing_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The handlers could not act."""
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    ask_to_act("prod", "acme", yes=False)


@pytest.mark.parametrize("answer", ["y", "n"])
def test_a_terminal_is_asked(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """Only a yes starts it."""
    monkeypatch.setattr(sys, "stdin", Terminal(f"{answer}\n"))
    if answer == "y":
        ask_to_act("prod", "acme", yes=False)
        return
    with pytest.raises(click.Abort):
        ask_to_act("prod", "acme", yes=False)


def test_credentials_are_where_googles_libraries_look(tmp_path: Path) -> None:
    """The variable, the folder of gcloud's settings, and its default."""
    home, settings = tmp_path / "home", tmp_path / "settings"
    for folder in (home / ".config" / "gcloud", settings):
        folder.mkdir(parents=True)
        (folder / "application_default_credentials.json").touch()
    assert credentials({"GOOGLE_APPLICATION_CREDENTIALS": "k", "HOME": "/nowhere"}) is not None
    assert str(home) in (credentials({"HOME": str(home)}) or "")
    assert str(settings) in (
        credentials({"HOME": "/nowhere", "CLOUDSDK_CONFIG": str(settings)}) or ""
    )
    assert credentials({"HOME": "/nowhere"}) is None
