"""When a handler's package is uploaded and deleted, on the real Pulumi engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.test_edits import OBJECT, rewrite
from tests.pulumi_double.engine import Deployment, EngineError

pytestmark = [pytest.mark.engine, pytest.mark.slow]

PACKAGE, SERVICE = "tasks-reports-package", "tasks-reports-service"


def packages(deployed: Deployment) -> list[str]:
    """The names of the reports handler's packages in the bucket."""
    names = [str(each["name"]) for _, each in deployed.cloud.of_type(OBJECT)]
    return sorted(name for name in names if name.startswith("shop-reports-"))


def test_the_old_package_is_deleted_when_its_handler_runs_from_the_next(
    deployed: Deployment, whole: Path
) -> None:
    """The new package is uploaded, the service is updated, and then the old package is deleted."""
    before, already = packages(deployed), len(deployed.gcp.calls)
    rewrite(whole / "handlers" / "reports" / "main.py", "reports", "REPORTS")
    deployed.up()
    done = [
        (call.method, call.name)
        for call in deployed.gcp.calls[already:]
        if call.method in ("Create", "Update", "Delete") and not call.preview
    ]
    assert done == [("Create", PACKAGE), ("Update", SERVICE), ("Delete", PACKAGE)]
    assert len(packages(deployed)) == len(before) == 1
    assert packages(deployed) != before


def test_the_old_package_stays_when_the_service_cannot_change(
    deployed: Deployment, whole: Path
) -> None:
    """A failed update deletes nothing that is still running; the next update cleans up."""
    before = packages(deployed)
    rewrite(whole / "handlers" / "reports" / "main.py", "reports", "REPORTS")
    deployed.gcp.failures[SERVICE] = "Error 503: try again"
    with pytest.raises(EngineError, match="Error 503"):
        deployed.up()
    assert set(before) < set(packages(deployed))
    deployed.up()
    assert len(packages(deployed)) == 1
    assert packages(deployed) != before
    assert deployed.up().steps == {}
