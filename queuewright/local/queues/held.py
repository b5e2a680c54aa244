"""The queues of handlers that have not started: their tasks wait, and the console says so."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from queuewright.engine import Event, events
from queuewright.local.console.console import Console

EVERY_US = 5_000_000
"""How often a handler's waiting tasks are mentioned at most."""


class HeldQueues:
    """Holds the queues of the handlers that have not started.

    Args:
        console: where it says that a task waits.
        hold: makes the engine hold the queues with these names, and release all others.
    """

    def __init__(self, console: Console, hold: Callable[[Collection[str]], None]) -> None:
        self._console = console
        self._hold = hold
        self._handlers: Mapping[str, str] = {}
        self._tasks: dict[str, int] = {}
        """How many tasks arrived for each handler since they were mentioned."""
        self._said_us: dict[str, int] = {}

    def __contains__(self, handler: str) -> bool:
        return handler in self._tasks

    @property
    def handlers(self) -> list[str]:
        """The handlers that have not started, in order."""
        return sorted(self._tasks)

    def follow(self, handlers: Mapping[str, str]) -> None:
        """Use other queues from now on: the handler of each, by the queue's full name."""
        self._handlers = handlers
        self._apply()

    def hold(self, handler: str) -> None:
        """Make the tasks for a handler wait until `release`."""
        self._tasks.setdefault(handler, 0)
        self._apply()

    def release(self, handler: str) -> None:
        """Let the tasks for a handler go, if they wait."""
        if self._tasks.pop(handler, None) is not None:
            self._said_us.pop(handler, None)
            self._apply()

    def notice(self, event: Event) -> None:
        """Say that a task waits if the event is its arrival; every 5 s at most."""
        if not isinstance(event, events.TaskCreated | events.TaskForced):
            return
        handler = self._handlers.get(event.queue)
        if handler is None or handler not in self._tasks:
            return
        said_us = self._said_us.get(handler)
        if said_us is not None and 0 <= event.time_us - said_us < EVERY_US:
            self._tasks[handler] += 1
            return
        more, self._tasks[handler] = self._tasks[handler], 0
        self._said_us[handler] = event.time_us
        task = event.task.rpartition("/")[2]
        who = f"task {task} and {more:,} more wait" if more else f"task {task} waits"
        self._console.say(
            handler,
            f"{who}: this handler has not started, see above",
            "warning",
            queue=event.queue,
            task=event.task,
        )

    def _apply(self) -> None:
        self._hold([name for name, handler in self._handlers.items() if handler in self._tasks])
