"""What all handlers of an environment share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from queuewright.blueprint import HandlerPlan
from queuewright.engine import Engine, Signer
from queuewright.local.console.console import Console
from queuewright.local.handlers.in_progress import RequestsInProgress
from queuewright.local.handlers.included import IncludedCode
from queuewright.local.handlers.story import HandlerStory
from queuewright.local.handlers.variables import unset_secrets
from queuewright.local.handlers.virtual_environments import VirtualEnvironments
from queuewright.local.processes.background import BackgroundTasks
from queuewright.local.processes.groups import ProcessGroups
from queuewright.local.pull_queues.pull_queues import PullQueues
from queuewright.local.queues.held import HeldQueues


@dataclass(frozen=True)
class HandlerContext:
    """What all handlers of an environment share."""

    root: Path
    """The project's folder."""
    engine: Engine
    signer: Signer
    groups: ProcessGroups
    background: BackgroundTasks
    virtual_environments: VirtualEnvironments
    included: IncludedCode
    console: Console
    held: HeldQueues
    in_progress: RequestsInProgress
    pull_queues: PullQueues
    shell: Mapping[str, str]
    """The variables of this process."""
    patience_s: float
    """How long the others wait for a handler's process to serve."""
    allowed_hosts: Collection[str] = ()
    """Names of this machine: see `RequestFilter`."""

    def story(self) -> HandlerStory:
        """Return the story of a new place."""
        return HandlerStory(self.engine.clock.now_us)

    def warn_of_secrets(self, plan: HandlerPlan) -> None:
        """Say which secrets of a handler have no value on this machine."""
        for name, secret in unset_secrets(plan, self.shell).items():
            self.console.say(
                plan.key,
                f"{name} is not set here (the secret `{secret.secret}`)\n"
                f"  hint: set {name} in this shell, or in `handlers.{plan.key}.local.env`",
                "warning",
            )
