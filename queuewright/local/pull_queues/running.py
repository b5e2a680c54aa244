"""Pub/Sub of an environment while it runs. Importing this needs google-cloud-pubsub."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Self

from queuewright.blueprint import Blueprint
from queuewright.engine import host_port
from queuewright.errors import Refusal
from queuewright.local.console.console import ENVIRONMENT
from queuewright.local.console.message_lines import facts, line
from queuewright.local.door.listener import HOST
from queuewright.local.processes.ports import listen
from queuewright.local.pull_queues.declared import DeclaredPullQueues
from queuewright.local.pull_queues.delays import PublishEndpoint
from queuewright.local.pull_queues.denials import denial
from queuewright.local.pull_queues.settings import PubSubListener, PubSubSettings
from queuewright.pubsub import Client, Event, PubSub, events


class RunningPubSub:
    """Pub/Sub, its events on the console, and its listeners. Made by `RunningPubSub.started`."""

    def __init__(self, settings: PubSubSettings, blueprint: Blueprint) -> None:
        self.address = ""
        """`host:port` for the developer."""
        self.publish_url = ""
        """Where delayed tasks are published."""
        self._settings = settings
        self._blueprint = blueprint
        self.server = PubSub(
            clock=settings.clock, state=settings.state, on_event=self._show, denial=self._denial
        )
        self._declared = DeclaredPullQueues(self.server, settings.console, settings.state)

    @classmethod
    @asynccontextmanager
    async def started(cls, settings: PubSubSettings, blueprint: Blueprint) -> AsyncIterator[Self]:
        """Start it; when the block ends, stop it.

        Raises:
            TargetError: the port or the state is taken.
        """
        running = cls(settings, blueprint)
        say = partial(settings.console.say, ENVIRONMENT, level="error")
        async with (
            running.server as server,
            PublishEndpoint.listen(
                server,
                settings.signer,
                settings.clock,
                allowed_hosts=settings.allowed_hosts,
                on_refused=say,
            ) as endpoint,
        ):
            running.publish_url = endpoint.url
            port = await listen(server.serve_grpc, HOST, settings.port, "--pubsub-port")
            running.address = host_port(HOST, port)
            yield running

    async def follow(self, blueprint: Blueprint) -> dict[str, Refusal]:
        """Match another blueprint from now on; return what cannot be, by the queue's id."""
        self._blueprint = blueprint
        plans = blueprint.pull_queues.values()
        ids = [*(plan.queue_id for plan in plans), *(p.delays.queue_id for p in plans if p.delays)]
        self._settings.console.introduce(*(f"queue {each}" for each in ids))
        return await self._declared.declare(blueprint)

    @asynccontextmanager
    async def listener(self, name: str, member: str) -> AsyncIterator[PubSubListener]:
        """Listen for the calls of a member, until the block ends."""
        polled = asyncio.Event()
        port = await self.server.serve_grpc(
            HOST, 0, client=Client(name, member), on_poll=polled.set
        )
        try:
            yield PubSubListener(
                host_port(HOST, port),
                polled,
                partial(self.server.deliver_nothing_more, port, HOST),
            )
        finally:
            await self.server.stop_serving(port, HOST)

    def _denial(self, principal: str, permission: str, resource: str) -> str | None:
        return denial(self._blueprint, principal, permission, resource)

    def _show(self, event: Event) -> None:
        if isinstance(event, events.MessagePublished):
            self._settings.on_published(event.topic, event.message, event.time_us)
        shown = line(event, verbose=self._settings.verbose)
        if shown is not None:
            self._settings.console.say(shown.source, shown.text, shown.level, **facts(event))
