"""The variables with which a producer outside of the environment finds its queues.

`Tasks(environment="dev")` of the runtime asks here, where queuewright is installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from queuewright.blueprint import blueprint
from queuewright.client.connect import EMULATOR_HOST
from queuewright.client.pubsub import PUBSUB_EMULATOR_HOST
from queuewright.local import STATE_FOLDER, find_running
from queuewright.spec import find_root, load
from queuewright_runtime.rest import EMULATOR_URL


def environment_variables(
    environment: str, variables: Mapping[str, str], folder: Path | None = None
) -> dict[str, str]:
    """Return `variables` and what a handler that may add tasks to every queue would have.

    An engine that the variables name comes first. Then the environment that runs here, if it is
    this one. Then Google Cloud.

    Args:
        environment: its name, such as `dev`.
        variables: those of this process.
        folder: a folder in the project; None: the current one.

    Raises:
        SpecError: its file has problems.
        TargetError: the folder is in no project.
    """
    root = find_root(folder)
    plan = blueprint(load(environment, root))
    found = dict(variables)
    for queue in plan.queues.values():
        found |= queue.producer_variables
    for pulled in plan.pull_queues.values():
        found[pulled.variable] = pulled.topic
        if pulled.delays is not None:
            found[pulled.delays.variable] = pulled.delays.name
    if found.get(EMULATOR_URL) or found.get(EMULATOR_HOST):
        return found
    running = find_running(root / STATE_FOLDER)
    if running is not None and running.environment == environment:
        found[EMULATOR_URL] = f"http://{running.http_address}"
        if running.pubsub_address is not None:
            found[PUBSUB_EMULATOR_HOST] = running.pubsub_address
    return found
