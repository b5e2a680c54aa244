"""Is on this machine what an `up` runs: Python, free ports, the Pulumi CLI, Docker."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from queuewright.blueprint import Blueprint, FunctionPlan, ServicePlan
from queuewright.doctor.finding import Finding
from queuewright.doctor.machine import Machine

PORTS = {8123: "--grpc-port", 8124: "--http-port"}
"""The ports of `queuewright up`, each with the option that chooses another."""

EXTRA = "pip install 'queuewright[deploy]'"
INSTALL_PULUMI = "curl -fsSL https://get.pulumi.com | sh"
PULUMI_PACKAGES = {
    "pulumi": "pulumi",
    "pulumi_gcp": "pulumi-gcp",
    "pulumi_docker_build": "pulumi-docker-build",
}


def python_findings(plan: Blueprint | None, machine: Machine) -> Iterator[Finding]:
    """This Python, and whether it is the one that handlers get in the cloud."""
    yield Finding("here", "ok", "Python", machine.python)
    ours = "python" + "".join(machine.python.split(".")[:2])
    for key, handler in plan.handlers.items() if plan else ():
        target = handler.target
        named = target.runtime_name if isinstance(target, FunctionPlan | ServicePlan) else None
        if named and named.startswith("python") and named != ours:
            wanted = re.sub(r"^python(\d)(\d+)$", r"python\1.\2", named)
            text = f"runs on `{named}` in the cloud, and here on this Python"
            fix = f"{wanted} -m venv .venv"
            yield Finding("here", "advice", f"handler `{key}`", text, fix)


def port_findings(machine: Machine, *, runs: str | None) -> Iterator[Finding]:
    """The ports that `up` listens on; `runs` names the environment that has them now."""
    for port, option in PORTS.items():
        subject = f"port {port}"
        if machine.port_is_free(port):
            yield Finding("here", "ok", subject, "free")
        elif runs is not None:
            yield Finding("here", "ok", subject, f"`{runs}` runs here already")
        else:
            fix = f"queuewright up {option} 0"
            yield Finding("here", "missing", subject, "another program listens on it", fix)


def deploy_findings(plan: Blueprint | None, machine: Machine) -> Iterator[Finding]:
    """What `pulumi up` runs."""
    yield _cli(machine)
    absent = [name for name in PULUMI_PACKAGES if not machine.has_package(name)]
    if absent:
        names = " and ".join(f"`{PULUMI_PACKAGES[name]}`" for name in absent)
        text = f"not installed beside queuewright: {names}"
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
        text = "not installed; it fetches the packages that handlers without an image need"
        yield Finding("deploy", "missing", "pip", text, "python -m ensurepip")
    if machine.find("gcloud") is None:
        text = "not found; nothing needs it but the commands that are shown here"
        fix = "https://cloud.google.com/sdk/docs/install"
        yield Finding("deploy", "advice", "gcloud", text, fix)
    else:
        yield Finding("deploy", "ok", "gcloud", "found")


def _cli(machine: Machine) -> Finding:
    subject = "Pulumi CLI"
    if machine.find("pulumi") is None:
        return Finding("deploy", "missing", subject, "not on the PATH", INSTALL_PULUMI)
    version = (machine.output("pulumi", "version") or "").removeprefix("v")
    if not version.startswith("3."):
        found = f"version {version}" if version else "a program that tells no version"
        return Finding("deploy", "missing", subject, f"found {found}, not 3", INSTALL_PULUMI)
    return Finding("deploy", "ok", subject, version)


def _images(plan: Blueprint | None) -> list[str]:
    """The handlers whose image is built here."""
    return [
        key
        for key, handler in (plan.handlers.items() if plan else ())
        if isinstance(handler.target, ServicePlan)
        and handler.target.source is not None
        and handler.target.runtime_name is None
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
        return Finding("deploy", "missing", subject, f"its daemon does not answer; {needs}", fix)
    return Finding("deploy", "ok", subject, version)


def _registry(plan: Blueprint, machine: Machine) -> Finding:
    """Whether Docker may push to the stack's repository.

    https://cloud.google.com/artifact-registry/docs/docker/authentication
    """
    host = f"{plan.location}-docker.pkg.dev"
    subject = f"login to `{host}`"
    folder = Path(machine.environ.get("DOCKER_CONFIG") or machine.home / ".docker")
    try:
        told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        known = host in told.get("credHelpers", {}) or host in told.get("auths", {})
    except (OSError, ValueError, AttributeError, TypeError):
        known = False
    if known:
        return Finding("deploy", "ok", subject, "set up")
    text = "Docker does not know how to push the images there"
    return Finding("deploy", "missing", subject, text, f"gcloud auth configure-docker {host}")


def _is_vendored(plan: Blueprint | None) -> bool:
    """Whether Python packages are fetched here, for a service that has no image of its own."""
    targets = [handler.target for handler in plan.handlers.values()] if plan else []
    return any(
        isinstance(target, ServicePlan) and (target.runtime_name or "").startswith("python")
        for target in targets
    )
