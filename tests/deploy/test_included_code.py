"""An edit of shared code deploys exactly the handlers that include it, on the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.test_edits import FUNCTION, OBJECT, SERVICE, rewrite
from tests.pulumi_double.engine import Deployment

pytestmark = [pytest.mark.engine, pytest.mark.slow]

IMAGE = "docker-build:index:Image"
POOL = "gcp:cloudrunv2/workerPool:WorkerPool"
SOURCES = {
    "mailer": "handlers/mailer, entry_point: handle, runtime: python312}",
    "resizer": "handlers/resizer}",
    "reports": "handlers/reports, runtime: python313, command: [python, main.py]}",
    "reporter": "handlers/reporter, command: [python, main.py]}",
}


@pytest.fixture
def shared(whole: Path) -> Path:
    """A folder that four of the handlers include; the ledger does not."""
    folder = whole / "libs" / "shared_lib"
    folder.mkdir(parents=True)
    (folder / "rules.py").write_text("LIMIT = 3\n")
    (folder / ".gitignore").write_text("*.log\n")
    for source in SOURCES.values():
        stack = whole / "stacks" / "all.yaml"
        rewrite(stack, f"{source}\n", f"{source}\n    include: [libs/shared_lib]\n")
    return folder


def test_an_edit_deploys_exactly_the_handlers_that_include_it(
    deployed: Deployment, shared: Path
) -> None:
    """A function, two services and a worker, however each is built; and nothing else."""
    changes = {
        f"{OBJECT}::tasks-mailer-package": "replace",
        f"{FUNCTION}::tasks-mailer-function": "update",
        f"{IMAGE}::tasks-resizer-image": "update",
        f"{SERVICE}::tasks-resizer-service": "update",
        f"{OBJECT}::tasks-reports-package": "replace",
        f"{SERVICE}::tasks-reports-service": "update",
        f"{IMAGE}::tasks-reporter-image": "update",
        f"{POOL}::tasks-reporter-pool": "update",
    }
    assert deployed.up().steps == changes
    assert deployed.up().steps == {}
    (shared / "trace.log").write_text("ignored")
    assert deployed.up().steps == {}
    (shared / "rules.py").write_text("LIMIT = 4\n")
    assert deployed.up().steps == changes
    assert deployed.up().steps == {}
