"""Event loops in threads of their own, so that tests may be plain functions or coroutines."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class LoopThread:
    """An event loop in a thread of its own.

    Args:
        name: the thread's name, for people.
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run_alone(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop, without anything else, and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """Cancel what still runs, and end the thread."""
        self.run_alone(_cancel_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class GivenUpError(Exception):
    """A call was given up, because it raised an exception."""


@dataclass(frozen=True)
class _Call(Generic[T]):
    """A call for the thread that waits, and the loop's way to its result."""

    function: Callable[[], T]
    result: asyncio.Future[T]


class HandoverThread(LoopThread):
    """An event loop whose coroutines can have functions called by the thread that waits for them.

    So handlers run where the test runs: in its thread, with its debugger and its database
    connection. Under a test that is itself a coroutine they run in a thread besides, because no
    loop runs inside another one.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._calls: SimpleQueue[_Call[Any] | Future[Any]] = SimpleQueue()
        self.is_waiting = False
        """Whether a thread waits, and makes the calls."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop, make the calls that it hands over, and return its result.

        One of those calls may run another coroutine, which can hand nothing over.

        Raises:
            BaseException: what a call raised; the coroutine is then cancelled.
        """
        if self.is_waiting:
            return self.run_alone(work)
        if asyncio._get_running_loop() is None:
            return self._waited(work)
        found: Future[T] = Future()

        def wait() -> None:
            try:
                found.set_result(self._waited(work))
            except BaseException as error:
                found.set_exception(error)

        waiting = threading.Thread(target=wait, name="queuewright: handlers of an async test")
        waiting.start()
        waiting.join()
        return found.result()

    async def hand_over(self, function: Callable[[], T]) -> T:
        """Have a function called by the thread that waits in `run`. To be awaited on the loop.

        Raises:
            GivenUpError: it raised an exception, which `run` raises.
        """
        result: asyncio.Future[T] = self._loop.create_future()
        self._calls.put(_Call(function, result))
        return await result

    def _waited(self, work: Coroutine[Any, Any, T]) -> T:
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        running.add_done_callback(self._calls.put)
        self.is_waiting = True
        try:
            while (call := self._calls.get()) is not running:
                if isinstance(call, _Call):  # or the end of a coroutine that was given up
                    self._make(call, running)
        except BaseException:
            running.cancel()
            self.run_alone(_a_few_turns())
            raise
        finally:
            self.is_waiting = False
        return running.result()

    def _make(self, call: _Call[T], running: Future[Any]) -> None:
        if call.result.cancelled():
            return
        try:
            result = call.function()
        except BaseException as error:
            running.cancel()  # before the loop goes on after the call
            self._loop.call_soon_threadsafe(_fail, call.result, error)
            raise
        self._loop.call_soon_threadsafe(_finish, call.result, result)


def _finish(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    # A future takes no `KeyboardInterrupt`, and a loop would end with it.
    if not future.done():
        future.set_exception(GivenUpError(f"the call was given up: {error}"))


async def _a_few_turns() -> None:
    """Let what was cancelled end."""
    for _ in range(3):
        await asyncio.sleep(0)


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
