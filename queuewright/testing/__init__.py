"""What tests import: a Pulumi program's resources as a graph, and claims about them.

The fixture `queuewright_env` needs no import; `InProcessEnvironment` is its type. Importing this
module is cheap, because pytest does it in every run; each name is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from queuewright.graph import (
        UNKNOWN,
        Answer,
        Asset,
        GoogleMocks,
        Grant,
        Graph,
        Resource,
        capture,
    )
    from queuewright.testing.attempts import Attempt, Attempts
    from queuewright.testing.dead_letters import DeadTask
    from queuewright.testing.environment import InProcessEnvironment
    from queuewright.testing.tasks import Task, TaskRequest

__all__ = [
    "UNKNOWN",
    "Answer",
    "Asset",
    "Attempt",
    "Attempts",
    "DeadTask",
    "GoogleMocks",
    "Grant",
    "Graph",
    "InProcessEnvironment",
    "Resource",
    "Task",
    "TaskRequest",
    "capture",
]

_HOMES: Final = {
    "Attempt": "queuewright.testing.attempts",
    "Attempts": "queuewright.testing.attempts",
    "DeadTask": "queuewright.testing.dead_letters",
    "InProcessEnvironment": "queuewright.testing.environment",
    "Task": "queuewright.testing.tasks",
    "TaskRequest": "queuewright.testing.tasks",
}
"""The modules of the names that are not the graph's."""


def __getattr__(name: str) -> object:
    """Import a name when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(_HOMES.get(name, "queuewright.graph")), name)
    globals()[name] = value
    return value
