"""What all handlers of an environment share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from queuewright.engine import Engine, Signer
from queuewright.local.console.console import Console
from queuewright.local.handlers.virtual_environments import VirtualEnvironments
from queuewright.local.processes.background import BackgroundTasks
from queuewright.local.processes.groups import ProcessGroups
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
    console: Console
    held: HeldQueues
    shell: Mapping[str, str]
    """The variables of this process."""
    patience_s: float
    """How long the others wait for a handler's process to serve."""
    allowed_hosts: Collection[str] = ()
    """Names of this machine: see `RequestFilter`."""
