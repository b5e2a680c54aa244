"""Dead letters of a push queue on the real Pulumi engine."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from queuewright.packages import runtime_files
from tests.deploy.conftest import Start
from tests.deploy.test_edits import FUNCTION, OBJECT, QUEUE, rewrite
from tests.pulumi_double.engine import Deployment, EngineError

pytestmark = [pytest.mark.engine, pytest.mark.slow]

GRANT = "gcp:cloudtasks/queueIamMember:QueueIamMember"
DEAD, ENQUEUER = "tasks-emails-dead_letters", "tasks-emails-dead_letters-enqueuer-mailer"
STACK = """\
project: acme-dev
location: europe-west1
handlers:
  mailer:
    function: {source: handlers/mailer, entry_point: handle, runtime: python312}
queues:
  emails:
    handler: mailer
    path: /send
    retry_config: {max_attempts: 8}
    protect: true
"""
ON = "    dead_letters: true\n"


def stack(shipped: Path, text: str) -> Path:
    """The file of the stack, with this text."""
    file = shipped / "stacks" / "letters.yaml"
    file.write_text(text)
    return file


def archives(shipped: Path) -> list[set[str]]:
    """The names in each archive of the mailer, the smallest first."""
    found = (shipped / ".queuewright" / "packages").glob("mailer-*.zip")
    return sorted((set(zipfile.ZipFile(each).namelist()) for each in found), key=len)


def test_dead_letters_add_their_queue_and_one_grant(start: Start, shipped: Path) -> None:
    """The function is deployed again with our library, and its queue makes a few attempts more."""
    file = stack(shipped, STACK)
    deployment = start(shipped, "letters")
    deployment.up()
    (before,) = archives(shipped)
    rewrite(file, "    protect", f"{ON}    protect")
    assert deployment.up().steps == {
        f"{QUEUE}::{DEAD}": "create",
        f"{GRANT}::{ENQUEUER}": "create",
        f"{QUEUE}::tasks-emails-queue": "update",
        f"{OBJECT}::tasks-mailer-package": "replace",
        f"{FUNCTION}::tasks-mailer-function": "update",
    }
    assert deployment.up().steps == {}
    queues = dict(deployment.cloud.of_type(QUEUE))
    dead = queues["projects/acme-dev/locations/europe-west1/queues/emails-dead"]
    assert dead["desiredState"] == "PAUSED"
    (_, after) = archives(shipped)
    assert after - before == {str(path) for path in runtime_files()}
    assert before - after == set()


def test_dead_letters_may_not_go_while_their_queue_is_protected(
    start: Start, shipped: Path
) -> None:
    """There may be letters in it; without the protection, only these two go."""
    file = stack(shipped, STACK + ON)
    deployment = start(shipped, "letters")
    deployment.up()
    before = deployment.cloud.contents()
    rewrite(file, ON, "")
    with pytest.raises(EngineError, match="protect"):
        deployment.preview()
    assert deployment.cloud.contents() == before
    file.write_text((STACK + ON).replace("protect: true", "protect: false"))
    deployment.up()
    file.write_text(STACK)
    outcome = deployment.up()
    assert outcome.names("delete") == [DEAD, ENQUEUER]
    assert "emails-dead" not in str(deployment.cloud.contents())


def test_a_folder_gets_the_library_too(deployed: Deployment, whole: Path) -> None:
    """A service without a build; an image installs it itself."""
    (package,) = (whole / ".queuewright" / "packages").glob("shop-reports-*.zip")
    names = set(zipfile.ZipFile(package).namelist())
    assert names == {"main.py", *map(str, runtime_files())}
    rewrite(whole / "stacks" / "all.yaml", "dead_letters: {keep: 14d}, ", "")
    steps = deployed.up().steps
    assert steps.pop(f"{QUEUE}::tasks-reports-dead_letters") == "delete"
    assert steps.pop(f"{GRANT}::tasks-reports-dead_letters-enqueuer-reports") == "delete"
    assert set(steps) == {
        f"{QUEUE}::tasks-reports-queue",
        f"{OBJECT}::tasks-reports-package",
        "gcp:cloudrunv2/service:Service::tasks-reports-service",
    }
