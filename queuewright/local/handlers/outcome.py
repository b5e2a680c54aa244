"""Shows the outcome of a start in the background: a late first one, or a reload."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from queuewright.errors import TargetError
from queuewright.local.handlers.context import HandlerContext

TASKS_WAIT = "its tasks wait; it is started again when its files or the environment's file change"


async def show_outcome(
    context: HandlerContext,
    name: str,
    start: Awaitable[None],
    *,
    has_served: Callable[[], bool],
    still: str,
    begun: str,
) -> None:
    """Wait for a start, and show its outcome.

    Args:
        context: what all handlers share.
        name: the handler's key.
        start: ends when it has started, or raises a TargetError.
        has_served: whether it ever has.
        still: what is true if it has served before and does not start now.
        begun: what happens with the tasks that waited for it.
    """
    console, held = context.console, context.held
    try:
        await start
    except (TargetError, OSError) as error:
        state = still if has_served() else TASKS_WAIT
        output = error.output if isinstance(error, TargetError) else ()
        console.fail(name, f"{error}\n{state}", output)
        return
    if name in held:
        held.release(name)
        console.say(name, f"has started: {begun}")
    else:
        console.say(name, "reloaded")
