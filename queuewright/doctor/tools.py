"""Checks what an `up` needs on this machine: Python, free ports, the Pulumi CLI, Docker."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from queuewright.blueprint import Blueprint
from queuewright.doctor.finding import Finding
from queuewright.doctor.machine import Machine

PORTS = {8123: "--grpc-port", 8124: "--http-port"}
"""The ports of `queuewright up`, with the options that change them."""

EXTRA = "pip install 'queuewright[deploy]'"
INSTALL_PULUMI = "curl -fsSL https://get.pulumi.com | sh"
LEAST_PULUMI = (3, 182)
"""The first version with resource hooks, which the components use:
https://github.com/pulumi/pulumi/releases/tag/v3.182.0."""
PULUMI_PACKAGES = {
    "pulumi": "pulumi",
    "pulumi_gcp": "pulumi-gcp",
    "pulumi_docker_build": "pulumi-docker-build",
}


def python_findings(plan: Blueprint | None, machine: Machine) -> Iterator[Finding]:
    """This Python's version, and handlers with another version in the cloud."""
    yield Finding("here", "ok", "Python", machine.python)
    ours = "python" + "".join(machine.python.split(".")[:2])
    for key, handler in plan.handlers.items() if plan else ():
        named = handler.runtime_name if handler.runtime is not None else None
        if named and named.startswith("python") and named != ours:
            wanted = re.sub(r"^python(\d)(\d+)$", r"python\1.\2", named)
            text = f"runs on `{named}` in the cloud, but on this Python here"
            fix = f"{wanted} -m venv .venv"
            yield Finding("here", "advice", f"handler `{key}`", text, fix)


def port_findings(machine: Machine, *, runs: str | None) -> Iterator[Finding]:
    """The ports of `up`; `runs` is the environment that is running now, if any."""
    for port, option in PORTS.items():
        subject = f"port {port}"
        if machine.port_is_free(port):
            yield Finding("here", "ok", subject, "free")
        elif runs is not None:
            yield Finding("here", "ok", subject, f"`{runs}` is running here")
        else:
            fix = f"queuewright up {option} 0"
            yield Finding("here", "missing", subject, "in use by another program", fix)


def deploy_findings(plan: Blueprint | None, machine: Machine) -> Iterator[Finding]:
    """The programs and packages that `pulumi up` needs."""
    yield _cli(machine)
    absent = [name for name in PULUMI_PACKAGES if not machine.has_package(name)]
    if absent:
        names = " and ".join(f"`{PULUMI_PACKAGES[name]}`" for name in absent)
        text = f"not installed with queuewright: {names}"
        yield Finding("deploy", "missing", "Pulumi for Python", text, EXTRA)
    else:
        yield Finding("deploy", "ok", "Pulumi for Python", "installed")
    images = _images(plan)
    if plan is not None and images:
        docker = _docker(machine, images)
        yield docker
        if docker.state == "ok":
            yield _registry(plan, machine)
    if _is_vendored(plan) and not machine.has_package("pip"):
        text = "not installed; it fetches the packages of handlers without an image"
        yield Finding("deploy", "missing", "pip", text, "python -m ensurepip")
    if machine.find("gcloud") is None:
        text = "not found; only the commands shown here need it"
        fix = "https://cloud.google.com/sdk/docs/install"
        yield Finding("deploy", "advice", "gcloud", text, fix)
    else:
        yield Finding("deploy", "ok", "gcloud", "found")


def _cli(machine: Machine) -> Finding:
    subject = "Pulumi CLI"
    if machine.find("pulumi") is None:
        return Finding("deploy", "missing", subject, "not on the PATH", INSTALL_PULUMI)
    version = (machine.output("pulumi", "version") or "").removeprefix("v")
    numbers = re.match(r"(\d+)\.(\d+)\.", version)
    if not numbers or not LEAST_PULUMI <= (int(numbers[1]), int(numbers[2])) < (4, 0):
        found = f"version {version}" if version else "no version"
        text = f"found {found}, needs version 3, at least {'.'.join(map(str, LEAST_PULUMI))}"
        return Finding("deploy", "missing", subject, text, INSTALL_PULUMI)
    return Finding("deploy", "ok", subject, version)


def _images(plan: Blueprint | None) -> list[str]:
    """The handlers whose image is built on this machine."""
    return [
        key for key, handler in (plan.handlers.items() if plan else ()) if handler.build is not None
    ]


def _docker(machine: Machine, images: list[str]) -> Finding:
    subject = "Docker"
    needs = f"needed to build {' and '.join(f'`{name}`' for name in images)}"
    if machine.find("docker") is None:
        fix = "https://docs.docker.com/get-docker"
        return Finding("deploy", "missing", subject, f"not on the PATH; {needs}", fix)
    version = machine.output("docker", "version", "--format", "{{.Server.Version}}")
    if not version:
        fix = "start Docker Desktop, or: sudo systemctl start docker"
        return Finding("deploy", "missing", subject, f"its daemon does not respond; {needs}", fix)
    return Finding("deploy", "ok", subject, version)


def _registry(plan: Blueprint, machine: Machine) -> Finding:
    """Whether Docker can push to the stack's repository.

    https://cloud.google.com/artifact-registry/docs/docker/authentication
    """
    host = f"{plan.location}-docker.pkg.dev"
    subject = f"login to `{host}`"
    folder = Path(machine.environ.get("DOCKER_CONFIG") or machine.home / ".docker")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        known = host in config.get("credHelpers", {}) or host in config.get("auths", {})
    except (OSError, ValueError, AttributeError, TypeError):
        known = False
    if known:
        return Finding("deploy", "ok", subject, "set up")
    text = "Docker has no login for pushing images there"
    return Finding("deploy", "missing", subject, text, f"gcloud auth configure-docker {host}")


def _is_vendored(plan: Blueprint | None) -> bool:
    """Whether this machine fetches Python packages, for a service without an image."""
    return any(
        handler.kind == "service" and (handler.runtime_name or "").startswith("python")
        for handler in (plan.handlers.values() if plan else ())
    )
