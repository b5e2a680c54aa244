"""A stack on the real Pulumi engine, with the provider double."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from pulumi import automation
from pulumi.automation._stack import StackInitMode

from queuewright.graph.program import Program, project_name, runnable
from tests.pulumi_double.cloud import Cloud
from tests.pulumi_double.language import clean_programs
from tests.pulumi_double.provider import ProviderDouble, serving

TOOLS = Path(__file__).parents[2] / ".tools"
PASSPHRASE = "correct horse battery staple"


@dataclass(frozen=True)
class Outcome:
    """The result of one `preview`, `up` or `destroy`.

    Attributes:
        steps: the step of each changed resource (`type::name`): `"create"`, `"update"`,
            `"replace"` or `"delete"`.
        same: the number of unchanged resources.
        differences: the paths that differ, by resource.
        text: the output of the CLI.
    """

    steps: Mapping[str, str]
    same: int
    differences: Mapping[str, tuple[str, ...]]
    text: str

    def names(self, step: str) -> list[str]:
        """The logical names of the resources with this step."""
        return sorted(each.split("::")[1] for each, what in self.steps.items() if what == step)


class EngineError(Exception):
    """The engine's error, with its output."""


class Deployment:
    """One stack of a program: its state, its cloud and its provider."""

    def __init__(
        self, stack: automation.Stack, folder: Path, gcp: ProviderDouble, images: ProviderDouble
    ) -> None:
        self.stack = stack
        self.folder = folder
        self.gcp = gcp
        self.images = images
        self.cloud = gcp.cloud

    def configure(self, key: str, value: str, *, secret: bool = False) -> None:
        """`pulumi config set`."""
        self.stack.set_config(key, automation.ConfigValue(value, secret=secret))

    def preview(self) -> Outcome:
        """`pulumi preview`."""
        return _outcome(lambda **options: self.stack.preview(**options))

    def up(self) -> Outcome:
        """`pulumi up`."""
        return _outcome(lambda **options: self.stack.up(**options))

    def refresh(self) -> Outcome:
        """`pulumi refresh`."""
        return _outcome(lambda **options: self.stack.refresh(**options))

    def destroy(self) -> Outcome:
        """`pulumi destroy`, after a preview."""
        _outcome(lambda **options: self.stack.preview_destroy(**options))
        return _outcome(lambda **options: self.stack.destroy(**options))

    def outputs(self) -> dict[str, object]:
        """`pulumi stack output --show-secrets`."""
        found = automation.Stack.outputs(self.stack)
        return {key: each.value for key, each in found.items()}

    def use(self, program: Program) -> None:
        """Switch to another version of the program."""
        self.stack.workspace.program = runnable(program)

    def state(self) -> str:
        """The stored state of the stack, with encrypted secrets."""
        (file,) = (self.folder / "backend" / ".pulumi" / "stacks").rglob("*.json")
        return file.read_text(encoding="utf-8")


class _Stack(automation.Stack):
    """A stack that does not read its outputs and its history after each update."""

    def outputs(self) -> automation.OutputMap:
        return {}

    def info(self, show_secrets: bool | None = False) -> automation.UpdateSummary:  # noqa: ARG002
        return automation.UpdateSummary("update", datetime.min, "", {}, {}, "succeeded")


@contextlib.contextmanager
def deployment(program: Program, folder: Path, *, stack: str = "dev") -> Iterator[Deployment]:
    """A stack of `program`, new or existing, with its state and its cloud in `folder`."""
    require_engine()
    for name in ("backend", "home", "work"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    # The CLI runs in the project's folder, where it finds files and configuration.
    work = folder / "work" if callable(program) else Path(program)
    _wait_for_no_grants(work, stack)
    cloud = Cloud(folder / "cloud")
    gcp, images = ProviderDouble(cloud), ProviderDouble(cloud)
    with clean_programs(), serving(gcp) as gcp_port, serving(images) as images_port:
        workspace = automation.LocalWorkspace(
            work_dir=str(work),
            pulumi_home=str(folder / "home"),
            pulumi_command=automation.PulumiCommand(root=str(TOOLS)),
            project_settings=automation.ProjectSettings(project_name(program), "python")
            if callable(program)
            else None,
            program=runnable(program),
            env_vars={
                "PULUMI_BACKEND_URL": f"file://{folder / 'backend'}",
                "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
                "PULUMI_SKIP_UPDATE_CHECK": "true",
                "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
                "PULUMI_DEBUG_PROVIDERS": f"gcp:{gcp_port},docker-build:{images_port}",
            },
        )
        engine = _Stack(stack, workspace, StackInitMode.CREATE_OR_SELECT)
        yield Deployment(engine, folder, gcp, images)


def _wait_for_no_grants(work: Path, stack: str) -> None:
    """Configure a new stack so that an update with new grants takes no longer than others."""
    project = work / "Pulumi.yaml"
    text = project.read_text(encoding="utf-8") if project.exists() else ""
    folder = re.search(r"^stackConfigDir: (\S+)$", text, re.M)
    file = work / (folder[1] if folder else "") / f"Pulumi.{stack}.yaml"
    if not file.exists():
        file.write_text("config:\n  queuewright:grantWait: 0s\n", encoding="utf-8")


def require_engine() -> None:
    """Skip the test if the CLI is not built; on CI, fail it."""
    if (TOOLS / "bin" / "pulumi").exists():
        return
    reason = "the Pulumi engine is missing: run `make pulumi`"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _diagnostics(text: str) -> str:
    """The CLI's text about an error, without the list of earlier steps."""
    return text.partition("Diagnostics:")[2]


def _outcome(run: Callable[..., object]) -> Outcome:
    steps: dict[str, str] = {}
    found: dict[str, tuple[str, ...]] = {}
    same = 0
    printed: list[str] = []

    def on_event(event: automation.events.EngineEvent) -> None:
        nonlocal same
        if not event.resource_pre_event:
            return
        metadata = event.resource_pre_event.metadata
        resource = "::".join(metadata.urn.split("::")[2:]).split("$")[-1]
        step = str(getattr(metadata.op, "value", metadata.op))
        if step == "same":
            same += 1
        elif step in ("create", "update", "replace", "delete", "read", "import"):
            steps[resource] = step
            found[resource] = tuple(sorted(metadata.detailed_diff or metadata.diffs or ()))

    try:
        run(on_event=on_event, on_output=printed.append, color="never")
    except automation.errors.CommandError as error:
        raise EngineError(_diagnostics("\n".join(printed)) or str(error)) from None
    return Outcome(steps, same, found, "\n".join(printed))
