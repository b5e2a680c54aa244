"""The APIs on which one handler is known as the caller."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from queuewright.blueprint import HandlerPlan
from queuewright.engine import Caller
from queuewright.local.door.listener import HOST
from queuewright.local.handlers.context import HandlerContext
from queuewright.local.handlers.variables import TasksApi


@asynccontextmanager
async def tasks_api(context: HandlerContext, plan: HandlerPlan) -> AsyncIterator[TasksApi | None]:
    """Listeners of the engine that know the handler as their caller, until the block ends."""
    if plan.member is None:
        yield None
        return
    engine, caller = context.engine, Caller(plan.member, label=plan.key)
    grpc_port = await engine.serve_grpc(HOST, 0, caller=caller)
    try:
        http_port = await engine.serve_http(
            HOST, 0, caller=caller, allowed_hosts=context.allowed_hosts
        )
        try:
            yield TasksApi(grpc_port, http_port)
        finally:
            await engine.stop_serving(http_port, HOST)
    finally:
        await engine.stop_serving(grpc_port, HOST)


class PublishingApi:
    """Pub/Sub for a handler that is no worker: one listener, from the first pull queue on."""

    def __init__(self, context: HandlerContext, plan: HandlerPlan) -> None:
        self._context = context
        self._plan = plan
        self.address: str | None = None
        """`host:port`; None while there is no pull queue."""
        self._open = AsyncExitStack()

    async def open(self) -> None:
        """Listen, if there are pull queues and it does not yet."""
        if self.address is None:
            listener = await self._open.enter_async_context(
                self._context.pull_queues.listener(self._plan.key, self._plan.member)
            )
            self.address = listener.address if listener is not None else None

    async def close(self) -> None:
        """Stop listening."""
        await self._open.aclose()
