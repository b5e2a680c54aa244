"""The dashboard: pages over a running engine, served at the REST port. Start with `Dashboard`."""

from queuewright.dashboard.dashboard import Dashboard
from queuewright.dashboard.surroundings import (
    HandlerFacts,
    Health,
    PulledQueue,
    PulledTask,
    Surroundings,
)

__all__ = [
    "Dashboard",
    "HandlerFacts",
    "Health",
    "PulledQueue",
    "PulledTask",
    "Surroundings",
]
