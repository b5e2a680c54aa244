"""A stack on the real Pulumi engine, with the double for a provider."""

from __future__ import annotations

import contextlib
import os
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
    """What one `preview`, `up` or `destroy` did, or would do.

    Attributes:
        steps: by resource (`type::name`), what became of it: `"create"`, `"update"`,
            `"replace"`, `"delete"`; what stayed the same is not in it.
        same: how many resources stayed the same.
        differences: by resource, the paths that made the difference.
        text: what the CLI printed.
    """

    steps: Mapping[str, str]
    same: int
    differences: Mapping[str, tuple[str, ...]]
    text: str

    def names(self, step: str) -> list[str]:
        """The logical names of what `step` befell."""
        return sorted(each.split("::")[1] for each, what in self.steps.items() if what == step)


class EngineError(Exception):
    """The engine ended with an error; the text is what it printed."""


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

    def destroy(self) -> Outcome:
        """`pulumi destroy`, which looks at what it would do before it does any of it."""
        _outcome(lambda **options: self.stack.preview_destroy(**options))
        return _outcome(lambda **options: self.stack.destroy(**options))

    def outputs(self) -> dict[str, object]:
        """`pulumi stack output --show-secrets`."""
        found = automation.Stack.outputs(self.stack)
        return {key: each.value for key, each in found.items()}

    def use(self, program: Program) -> None:
        """From now on, another version of the program."""
        self.stack.workspace.program = runnable(program)

    def state(self) -> str:
        """The stack's state as it is stored, its secrets encrypted."""
        (file,) = (self.folder / "backend" / ".pulumi" / "stacks").rglob("*.json")
        return file.read_text(encoding="utf-8")


class _Stack(automation.Stack):
    """A stack that is not asked for its outputs and its history after each update."""

    def outputs(self) -> automation.OutputMap:
        return {}

    def info(self, show_secrets: bool | None = False) -> automation.UpdateSummary:  # noqa: ARG002
        return automation.UpdateSummary("update", datetime.min, "", {}, {}, "succeeded")


@contextlib.contextmanager
def deployment(program: Program, folder: Path, *, stack: str = "dev") -> Iterator[Deployment]:
    """A stack of `program`, its state and its cloud in `folder`: a new one, or what is there."""
    require_engine()
    for name in ("backend", "home", "work"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    # The CLI runs in the project's folder, and finds its files and its configuration from there.
    work = folder / "work" if callable(program) else Path(program)
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


def require_engine() -> None:
    """Skip the test where the CLI is not built; fail it in CI, which must not skip it."""
    if (TOOLS / "bin" / "pulumi").exists():
        return
    reason = "the Pulumi engine is not there: run `make pulumi`"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _diagnostics(text: str) -> str:
    """What the CLI tells of an error, without the list of what it did before."""
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
