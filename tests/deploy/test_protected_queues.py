"""The steps of `docs/guides/renaming.md` for a protected queue, on the real Pulumi engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.test_edits import QUEUE, rewrite
from tests.deploy.test_renaming import ENQUEUERS, names
from tests.pulumi_double.engine import Deployment

pytestmark = [pytest.mark.engine, pytest.mark.slow]

OLD = "  images: {handler: resizer, desired_state: PAUSED}\n"


def test_a_queue_moves_by_a_new_one_beside_it(deployed: Deployment, whole: Path) -> None:
    """The new queue is created, enqueuers move to it, and the old one is paused."""
    file = whole / "stacks" / "all.yaml"
    enqueuers = (
        '    enqueuers: [reports, ledger, "serviceAccount:web@acme-web.iam.gserviceaccount.com"]\n'
    )
    rewrite(file, enqueuers, "")
    file.write_text(
        f"{file.read_text()}  letters:\n    handler: mailer\n    path: /send\n{enqueuers}"
    )
    outcome = deployed.up()
    assert {"tasks-letters", "tasks-letters-queue"} <= set(outcome.names("create"))
    assert outcome.names("update") == sorted(each.split("::")[1] for each in ENQUEUERS)
    assert all(name.startswith("tasks-emails-enqueuer-") for name in outcome.names("delete"))
    rewrite(file, "  emails:\n", "  emails:\n    desired_state: PAUSED\n")
    assert deployed.up().steps == {f"{QUEUE}::tasks-emails-queue": "update"}
    assert {"shop-emails", "shop-letters"} <= names(deployed)


def test_a_queue_goes_in_two_steps(deployed: Deployment, whole: Path) -> None:
    """First only the protection is removed, then the queue."""
    file = whole / "stacks" / "all.yaml"
    rewrite(file, OLD, OLD.replace("PAUSED", "PAUSED, protect: false"))
    assert set(deployed.up().steps.values()) <= {"update"}
    rewrite(file, OLD.replace("PAUSED", "PAUSED, protect: false"), "")
    outcome = deployed.up()
    assert set(outcome.steps.values()) == {"delete"}
    # No other queue dispatches to its handler, so the handler's invoker goes, too.
    assert outcome.names("delete") == [
        "tasks-images",
        "tasks-images-queue",
        "tasks-resizer-invoker",
        "tasks-resizer-invoker-queues",
    ]
    assert "shop-images" not in names(deployed)
