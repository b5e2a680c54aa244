"""Queues and handlers whose keys change in the YAML, on the real engine: Google's names stay."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.deploy.test_edits import QUEUE, SERVICE, rewrite
from tests.pulumi_double.engine import Deployment, EngineError

pytestmark = [pytest.mark.engine, pytest.mark.slow]

VERSION = "gcp:appengine/standardAppVersion:StandardAppVersion"
ENQUEUERS = {
    f"{SERVICE}::tasks-reports-service": "update",
    f"{VERSION}::tasks-ledger-version": "update",
}
"""Those that add to `emails`: the variable with its name is called after the key."""


def rename(whole: Path, old: str, new: str, formerly: str | None = None) -> None:
    """Change the key of queue `old`, with or without `renamed_from`."""
    line = f"    renamed_from: {formerly}\n" if formerly else ""
    rewrite(whole / "stacks" / "all.yaml", f"  {old}:\n", f"  {new}:\n{line}")


def rename_handler(whole: Path, old: str, new: str) -> None:
    """Change the key of handler `old` wherever the file uses it."""
    file = whole / "stacks" / "all.yaml"
    text = file.read_text().replace(f"  {old}:\n", f"  {new}:\n    renamed_from: {old}\n", 1)
    text = text.replace(f"handler: {old}", f"handler: {new}")
    file.write_text(re.sub(rf"(enqueuers: \[.*?)\b{old}\b", rf"\1{new}", text))


def names(deployment: Deployment) -> set[str]:
    """The names of the queues on Google Cloud."""
    return {str(queue["name"]) for _, queue in deployment.cloud.of_type(QUEUE)}


def test_a_renamed_queue_is_the_same_queue(deployed: Deployment, whole: Path) -> None:
    """Nothing is replaced, created or deleted; enqueuers get its name in a new variable."""
    before = deployed.cloud.contents()
    rename(whole, "emails", "letters", "emails")
    assert deployed.preview().steps == ENQUEUERS
    assert deployed.up().steps == ENQUEUERS
    assert deployed.cloud.contents() == before
    assert deployed.up().steps == {}
    ((_, reports),) = (
        found for found in deployed.cloud.of_type(SERVICE) if found[1]["name"] == "shop-reports"
    )
    assert "QUEUE_LETTERS" in str(reports)
    assert "QUEUE_EMAILS" not in str(reports)


def test_every_resource_of_a_renamed_queue_is_called_after_it(
    deployed: Deployment, whole: Path
) -> None:
    """The state has no old logical names, so the next rename also works."""
    rename(whole, "emails", "letters", "emails")
    deployed.up()
    state = deployed.state()
    for part in ("letters", "letters-queue", "letters-enqueuer-reports"):
        assert f'::tasks-{part}"' in state
    assert "::tasks-emails" not in state


def test_a_queue_may_be_renamed_again(deployed: Deployment, whole: Path) -> None:
    """All former keys are listed, so stacks that missed a rename lose nothing."""
    rename(whole, "emails", "letters", "emails")
    deployed.up()
    rewrite(
        whole / "stacks" / "all.yaml", "renamed_from: emails", "renamed_from: [emails, letters]"
    )
    rename(whole, "letters", "post")
    assert deployed.up().steps == ENQUEUERS
    assert "shop-emails" in names(deployed)


def test_a_stack_that_missed_a_name_follows_to_the_last(deployed: Deployment, whole: Path) -> None:
    """From `emails` to `post` in one step, although others were at `letters` in between."""
    rename(whole, "emails", "post", "[emails, letters]")
    assert deployed.up().steps == ENQUEUERS
    assert deployed.up().steps == {}


def test_a_queue_may_be_renamed_back(deployed: Deployment, whole: Path) -> None:
    """Its own key is the first of the list, because Google's name comes from it."""
    before = deployed.cloud.contents()
    rename(whole, "emails", "letters", "emails")
    deployed.up()
    rewrite(
        whole / "stacks" / "all.yaml", "renamed_from: emails", "renamed_from: [emails, letters]"
    )
    rename(whole, "letters", "emails")
    assert deployed.up().steps == ENQUEUERS
    assert deployed.cloud.contents() == before


def test_a_renamed_queue_without_its_old_name_is_refused(deployed: Deployment, whole: Path) -> None:
    """Without `renamed_from` the old queue would be deleted, and it is protected."""
    before = deployed.cloud.contents()
    rename(whole, "emails", "letters")
    with pytest.raises(EngineError, match=r"(?s)tasks-emails-queue.*protect"):
        deployed.preview()
    assert deployed.cloud.contents() == before


def test_the_old_name_must_stay_in_the_file(deployed: Deployment, whole: Path) -> None:
    """Without it Google's name would follow the key and be another queue's."""
    rename(whole, "emails", "letters", "emails")
    deployed.up()
    before = deployed.cloud.contents()
    rewrite(whole / "stacks" / "all.yaml", "    renamed_from: emails\n", "")
    with pytest.raises(EngineError, match=r"(?s)tasks-letters-queue.*protect"):
        deployed.preview()
    assert deployed.cloud.contents() == before


def test_a_renamed_queue_is_protected_as_before(deployed: Deployment, whole: Path) -> None:
    """Removing it later is refused under its new name."""
    rename(whole, "emails", "letters", "emails")
    deployed.up()
    file = whole / "stacks" / "all.yaml"
    text = file.read_text()
    file.write_text(text[: text.index("  letters:\n")] + text[text.index("  images: {") :])
    with pytest.raises(EngineError, match=r"(?s)tasks-letters-queue.*protect"):
        deployed.preview()


@pytest.mark.parametrize("handler", ["mailer", "resizer", "reports", "ready", "ledger", "partner"])
def test_a_renamed_handler_is_the_same_handler(
    deployed: Deployment, whole: Path, handler: str
) -> None:
    """Its code, accounts, secrets and grants stay: the preview has no changes."""
    rename_handler(whole, handler, "other")
    assert deployed.preview().steps == {}
    assert deployed.up().steps == {}
    state = deployed.state()
    assert f'::tasks-other-{"invoker" if handler == "partner" else "account"}"' in state
    assert f'::tasks-{handler}-account"' not in state
    assert f'::tasks-{handler}-invoker"' not in state
    assert re.findall(rf'-(?:reader|enqueuer)-{handler}"', state) == []


def test_a_queue_and_its_handler_may_be_renamed_at_once(deployed: Deployment, whole: Path) -> None:
    """Grants between them had other names because of both."""
    before = deployed.cloud.contents()
    rename(whole, "emails", "letters", "emails")
    rename_handler(whole, "mailer", "postman")
    rename_handler(whole, "reports", "statistics")
    updated = {
        f"{SERVICE}::tasks-statistics-service": "update",
        f"{VERSION}::tasks-ledger-version": "update",
    }
    assert deployed.up().steps == updated
    assert deployed.cloud.contents() == before
    assert deployed.up().steps == {}
