"""The queue that a command names: one of the file, or one that a program created here."""

from __future__ import annotations

from dataclasses import dataclass

from google.api_core import exceptions
from google.cloud import tasks_v2

from queuewright.blueprint import Blueprint, QueuePlan
from queuewright.cli.api import calling
from queuewright.cli.ended_attempts import queue_names
from queuewright.cli.project import Target
from queuewright.client import connect
from queuewright.errors import TargetError
from queuewright.spec.words import did_you_mean


@dataclass(frozen=True)
class NamedQueue:
    """A queue, and what is known about it."""

    key: str
    """Its key in the file, or else its id."""
    name: str
    """Its full name."""
    settings: QueuePlan | tasks_v2.Queue
    """Its plan; for a queue that the file does not have, what the engine says."""


def find_queue(target: Target, queue: str) -> NamedQueue:
    """Return a push queue by its key in the file, its id or its full name.

    A queue that the file does not have is looked up in the engine that runs here, if one does.

    Raises:
        TargetError: there is no such queue, or the engine does not answer.
    """
    blueprint = target.known_blueprint()
    if blueprint is None:
        return _of_emulator(target, queue)
    for plan in blueprint.queues.values():
        if queue in (plan.key, plan.queue_id, plan.name):
            return NamedQueue(plan.key, plan.name, plan)
    for pulled in blueprint.pull_queues.values():
        delays = pulled.delays
        if delays is not None and queue in (delays.account, delays.queue_id, delays.name):
            with calling(target, delays.name):
                live = connect(target.address).get_queue(name=delays.name)
            return NamedQueue(delays.account, delays.name, live)
    created = _created(target, blueprint, queue) if target.address is not None else None
    if created is not None:
        return NamedQueue(created.name.rpartition("/")[2], created.name, created)
    keys = (*blueprint.queues, *blueprint.pull_queues)
    hint = did_you_mean(queue.rpartition("/")[2], keys)
    raise TargetError(f"{blueprint.environment} has no queue `{queue}`", hint=hint)


def _of_emulator(target: Target, queue: str) -> NamedQueue:
    """The queue of a running emulator with this id or full name."""
    assert target.address is not None, "what runs on Google Cloud has a file"
    names = queue_names(target.address)
    if names is None:  # another emulator
        if "/" not in queue:
            hint = f"such as `projects/my-project/locations/us-central1/queues/{queue}`"
            raise TargetError(f"{target} needs the full name of queue `{queue}`", hint=hint)
        names = [queue]
    found = [name for name in names if queue in (name, name.rpartition("/")[2])]
    if len(found) > 1:
        raise TargetError(
            f"{target} has {len(found)} queues `{queue}`", hint="give one of " + ", ".join(found)
        )
    if not found:
        known = [name.rpartition("/")[2] for name in names]
        guess = did_you_mean(queue.rpartition("/")[2], known)
        raise TargetError(f"{target} has no queue `{queue}`", hint=guess)
    with calling(target, found[0]):
        settings = connect(target.address).get_queue(name=found[0])
    return NamedQueue(found[0].rpartition("/")[2], found[0], settings)


def _created(target: Target, blueprint: Blueprint, queue: str) -> tasks_v2.Queue | None:
    """The queue of the running engine, if it has one."""
    location = f"projects/{blueprint.project}/locations/{blueprint.location}"
    name = queue if "/" in queue else f"{location}/queues/{queue}"
    with calling(target, name):
        try:
            return connect(target.address).get_queue(name=name)
        except (exceptions.NotFound, exceptions.InvalidArgument):
            return None
