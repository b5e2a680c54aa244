"""Declares a blueprint's queues in the engine, and pauses those that it no longer has.

A queue that somebody created by a call stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from queuewright.blueprint import Blueprint, GuardedKind, QueuePlan
from queuewright.engine import PROGRAM, Engine
from queuewright.engine.protocol import (
    PauseQueueRequest,
    Policy,
    Queue,
    SetIamPolicyRequest,
)
from queuewright.errors import Refusal
from queuewright.local.console.console import ENVIRONMENT, Console
from queuewright.local.queues.planned import (
    Address,
    delay_queue_message,
    queue_message,
    queue_policy,
)
from queuewright.local.state_folder import read_names, write_names

FILE = "declared.json"


class DeclaredQueues:
    """The queues that a configuration has declared in an engine."""

    def __init__(self, engine: Engine, console: Console, folder: Path | None) -> None:
        """Their names are kept in `folder`; None keeps none."""
        self._engine = engine
        self._console = console
        self._file = folder / FILE if folder is not None else None
        self._names = read_names(self._file)

    async def declare(
        self,
        blueprint: Blueprint,
        addresses: Mapping[str, Address],
        publish_url: str | None = None,
    ) -> dict[str, Refusal]:
        """Make the engine's queues match a blueprint.

        Args:
            blueprint: what the queues should be.
            addresses: where each handler's tasks go; the queues of other handlers stay as they are.
            publish_url: where the delayed tasks of pull queues are published.

        Returns:
            What the engine refused, by the queue's id.
        """
        refused: dict[str, Refusal] = {}
        for plan in blueprint.queues.values():
            if plan.handler not in addresses:
                continue  # the handler has no place here, and the console said so
            try:
                await self._declare(plan, blueprint, addresses)
            except Refusal as refusal:
                refused[plan.queue_id] = refusal
        delays = {key: plan.delays for key, plan in blueprint.pull_queues.items() if plan.delays}
        for key, delay in delays.items():
            if publish_url is None:
                continue  # Pub/Sub does not run, and the console said so
            message = delay_queue_message(delay, blueprint, publish_url)
            try:
                await self._set(message, queue_policy(blueprint.grants, key, "delay_queue"))
            except Refusal as refusal:
                refused[delay.queue_id] = refusal
        wanted = {
            each.name
            for plan in blueprint.queues.values()
            for each in (plan, plan.dead_letters)
            if each is not None
        }
        wanted |= {delay.name for delay in delays.values()}
        kept = set(wanted)
        for name in sorted(self._names - wanted):
            try:
                await self._pause(name)
            except Refusal as refusal:
                refused[name.rpartition("/")[2]] = refusal
                kept.add(name)
        self._names = kept
        write_names(self._file, kept)
        return refused

    async def _declare(
        self, plan: QueuePlan, blueprint: Blueprint, addresses: Mapping[str, Address]
    ) -> None:
        queues: list[tuple[QueuePlan, GuardedKind]] = [(plan, "queue")]
        if plan.dead_queue is not None:
            queues.insert(0, (plan.dead_queue, "dead_letter_queue"))
        for each, kind in queues:
            message = queue_message(each, blueprint, addresses)
            await self._set(message, queue_policy(blueprint.grants, plan.key, kind))

    async def _set(self, queue: Queue, policy: Policy) -> None:
        await self._engine.declare_queue(queue)
        request = SetIamPolicyRequest(resource=queue.name, policy=policy)
        await self._engine.service.set_iam_policy(request, PROGRAM)

    async def _pause(self, name: str) -> None:
        """Pause a queue that is no longer described: its tasks have nowhere to go, but stay."""
        try:
            await self._engine.service.pause_queue(PauseQueueRequest(name=name), PROGRAM)
        except Refusal as refusal:
            if refusal.code != "NOT_FOUND":  # it was deleted by hand
                raise
            return
        self._console.say(
            ENVIRONMENT,
            f"queue `{name}` is no longer described: it is paused and keeps its tasks\n"
            "  hint: if you gave it another key, add `renamed_from: KEY` with its former key",
            "warning",
        )
