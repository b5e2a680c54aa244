"""All that is looked at, in the order in which one would mend it."""

from __future__ import annotations

from pathlib import Path

from queuewright.blueprint import Blueprint
from queuewright.doctor.cloud import cloud_findings
from queuewright.doctor.finding import Finding
from queuewright.doctor.machine import Machine
from queuewright.doctor.project import project_findings
from queuewright.doctor.tools import deploy_findings, port_findings, python_findings


def examine(
    environment: str, plan: Blueprint | None, root: Path, machine: Machine, *, runs: str | None
) -> list[Finding]:
    """What is found of an environment, on a machine, and in the cloud.

    Args:
        environment: its name, which is the Pulumi stack's.
        plan: its blueprint; None where its file has problems.
        root: the project's folder.
        machine: where to look.
        runs: the environment that runs on this machine now, if one does.
    """
    return [
        *python_findings(plan, machine),
        *port_findings(machine, runs=runs),
        *deploy_findings(plan, machine),
        *project_findings(environment, plan, root, machine),
        *cloud_findings(plan, machine),
    ]
