"""Parts of a template that Cloud Run's services and worker pools share."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pulumi_gcp import cloudrunv2

from queuewright.spec import VpcAccess

from ..secret import SecretVariable

EGRESS = {"all-traffic": "ALL_TRAFFIC", "private-ranges-only": "PRIVATE_RANGES_ONLY"}


def container_variables(
    environment: Mapping[str, pulumi.Input[str]],
    secrets: Mapping[str, SecretVariable],
    project: str,
) -> list[cloudrunv2.ServiceTemplateContainerEnvArgsDict]:
    """The variables of a container that runs in `project`, by name, secrets last."""
    variables: list[cloudrunv2.ServiceTemplateContainerEnvArgsDict] = [
        {"name": name, "value": value} for name, value in sorted(environment.items())
    ]
    for name, each in sorted(secrets.items()):
        secret = each.secret.secret_id
        if each.secret.project != project:
            secret = f"projects/{each.secret.project}/secrets/{secret}"
        variables.append(
            {
                "name": name,
                "value_source": {"secret_key_ref": {"secret": secret, "version": each.pinned}},
            }
        )
    return variables


def vpc_access(vpc: VpcAccess) -> cloudrunv2.ServiceTemplateVpcAccessArgsDict:
    """Direct VPC egress."""
    network: cloudrunv2.ServiceTemplateVpcAccessNetworkInterfaceArgsDict = {}
    if vpc.network is not None:
        network["network"] = vpc.network
    if vpc.subnetwork is not None:
        network["subnetwork"] = vpc.subnetwork
    if vpc.tags:
        network["tags"] = list(vpc.tags)
    return {"network_interfaces": [network], "egress": EGRESS[vpc.egress]}


def cpu_limit(cpu: float) -> str:
    """CPUs as Kubernetes writes them: `1`, or `500m` for a half.

    >>> cpu_limit(2.0), cpu_limit(0.5)
    ('2', '500m')
    """
    return f"{cpu:g}" if cpu.is_integer() else f"{round(cpu * 1000)}m"
