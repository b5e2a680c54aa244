"""All checks of the doctor, in the order in which to fix what they find."""

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
    """The findings for an environment: on the machine, in the project and in the cloud.

    Args:
        environment: its name, which is also the name of the Pulumi stack.
        plan: its blueprint; None if its file has problems.
        root: the project's folder.
        machine: the machine to examine.
        runs: the environment that is running on the machine now, if any.
    """
    return [
        *python_findings(plan, machine),
        *port_findings(machine, runs=runs),
        *deploy_findings(plan, machine),
        *project_findings(environment, plan, root, machine),
        *cloud_findings(plan, machine),
    ]
