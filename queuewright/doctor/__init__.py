"""Finds what is missing before an `up` can work: on this machine, in the project, in the cloud."""

from queuewright.doctor.examine import examine
from queuewright.doctor.finding import Finding
from queuewright.doctor.machine import Credentials, Machine, Response, ThisMachine
from queuewright.doctor.project import config_keys
from queuewright.doctor.pulumi_files import full_key, pulumi_project, stack_config

__all__ = [
    "Credentials",
    "Finding",
    "Machine",
    "Response",
    "ThisMachine",
    "config_keys",
    "examine",
    "full_key",
    "pulumi_project",
    "stack_config",
]
