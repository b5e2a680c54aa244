"""Pub/Sub of an environment, which starts with its first pull queue.

Importing this module needs no extra package; the first pull queue needs google-cloud-pubsub.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from queuewright.blueprint import Blueprint
from queuewright.dashboard import PulledTask
from queuewright.errors import Refusal
from queuewright.local.pull_queues.settings import PubSubListener, PubSubSettings

if TYPE_CHECKING:
    from queuewright.local.pull_queues.running import RunningPubSub
    from queuewright.pubsub import PubSub


class PullQueues:
    """The pull queues of an environment. Without any, nothing runs."""

    def __init__(self, settings: PubSubSettings) -> None:
        self._settings = settings
        self._running: RunningPubSub | None = None
        self._open = AsyncExitStack()

    @property
    def address(self) -> str | None:
        """`host:port` for the developer; None if there was no pull queue yet."""
        return self._running.address if self._running is not None else None

    @property
    def publish_url(self) -> str | None:
        """Where delayed tasks are published; None if there was no pull queue yet."""
        return self._running.publish_url if self._running is not None else None

    @property
    def server(self) -> PubSub:
        """The server; there must have been a pull queue."""
        if self._running is None:
            raise LookupError("there was no pull queue yet")
        return self._running.server

    async def held_tasks(
        self, subscription: str, most: int
    ) -> tuple[int, int, int | None, tuple[PulledTask, ...]]:
        """Return the tasks of a subscription, for the dashboard.

        That is how many there are, how many are leased, when the oldest was added, and `most` of
        them, oldest first. Nothing for a subscription that does not exist.
        """
        if self._running is None:
            return 0, 0, None, ()
        try:
            found = await self._running.server.subscriber.list_held(subscription, max(1, most))
        except Refusal:
            return 0, 0, None, ()
        tasks = tuple(
            PulledTask(
                id=each.message.message_id,
                state=each.state.state,
                attempt=each.state.attempt,
                holder=each.holder,
                until_us=each.state.until_us,
                published_us=each.message.publish_time.ToMicroseconds(),
                size=len(each.message.data),
            )
            for each in found.messages
        )
        oldest_us = tasks[0].published_us if tasks else None
        return found.total, found.leased, oldest_us, tasks[:most]

    async def follow(self, blueprint: Blueprint) -> dict[str, Refusal]:
        """Make Pub/Sub match a blueprint, and allow what it grants.

        Returns:
            What Pub/Sub cannot do, by the queue's id; that queue stays as it was.

        Raises:
            TargetError: the port is taken, or google-cloud-pubsub is not installed.
        """
        if self._running is None:
            if not blueprint.pull_queues:
                return {}
            from queuewright.local.pull_queues.running import RunningPubSub

            self._running = await self._open.enter_async_context(
                RunningPubSub.started(self._settings, blueprint)
            )
        return await self._running.follow(blueprint)

    @asynccontextmanager
    async def listener(self, name: str, member: str | None) -> AsyncIterator[PubSubListener | None]:
        """Listen for the calls of a handler's process until the block ends.

        Args:
            name: the process, for people; it is who holds a task.
            member: the IAM member that it acts as; None for somebody else's code.

        Yields:
            The listener; None without pull queues, or without a member.
        """
        if self._running is None or member is None:
            yield None
            return
        async with self._running.listener(name, member) as listener:
            yield listener

    async def stop(self) -> None:
        """Stop Pub/Sub."""
        await self._open.aclose()
