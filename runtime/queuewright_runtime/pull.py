"""Taking tasks from a pull queue: `for task in pull("reports")`."""

from __future__ import annotations

import logging
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from datetime import timedelta
from queue import SimpleQueue
from types import FrameType
from typing import Any, Protocol

from queuewright_runtime.errors import NoSubscriptionError
from queuewright_runtime.task import Message, Task

logger = logging.getLogger("queuewright_runtime")

GRACE_S = 8.0
"""How long work may go on after SIGTERM; Cloud Run kills after ten seconds."""
FLUSH_S = 1.5
"""How long the answers to Pub/Sub may take after that."""
LONGEST_LEASE = timedelta(hours=1)
TERMINATED = 128 + signal.SIGTERM


class Subscribe(Protocol):
    """Opens a stream of messages; the future ends when it is cancelled, or with its error.

    A call of `deliver` returns when its message is settled, and no more than `concurrency` run at
    the same time. Cancelling the future waits for running ones.
    """

    def __call__(
        self,
        subscription: str,
        deliver: Callable[[Message], None],
        concurrency: int,
        longest_lease: timedelta,
    ) -> Future[Any]:
        """Open the stream."""


class Pull:
    """The tasks of a pull queue, one after the other, as they come.

    In a `for` loop, a task is done when the loop asks for the next one, unless it was settled
    before. An exception in the loop's body gives it back. SIGTERM ends the loop (only where it
    runs in the main thread, as Python's signals do).
    """

    def __init__(
        self,
        queue: str,
        *,
        subscription: str | None = None,
        concurrency: int = 1,
        longest_lease: timedelta = LONGEST_LEASE,
        grace_s: float = GRACE_S,
        subscribe: Subscribe | None = None,
        exit: Callable[[int], object] = os._exit,  # noqa: A002
    ) -> None:
        """Prepare to take tasks.

        Args:
            queue: the key of the queue in the YAML file.
            subscription: `projects/…/subscriptions/…`. Default: the value of `SUBSCRIPTION_…`
                for the queue, which queuewright sets.
            concurrency: how many tasks this process may hold at the same time, at least 1.
            longest_lease: how long the lease of a task is extended at most.
            grace_s: how long work may go on after SIGTERM.
            subscribe: opens the stream. Default: Google's Pub/Sub client.
            exit: ends the process when work goes on for longer than that.

        Raises:
            NoSubscriptionError: the environment does not name the subscription.
            ValueError: `concurrency` is below 1.
        """
        if concurrency < 1:
            raise ValueError(f"`concurrency` must be at least 1, not {concurrency}")
        self.queue = queue
        self.subscription = subscription or _subscription(queue)
        self._concurrency = concurrency
        self._longest_lease = longest_lease
        self._grace_s = grace_s
        self._subscribe = subscribe or _google
        self._exit = exit
        self._stop_requests: SimpleQueue[bool] = SimpleQueue()
        self._waiting: SimpleQueue[Task | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._held: set[Task] = set()
        self._is_stopping = False

    def __iter__(self) -> Iterator[Task]:
        with closing(self._tasks()) as tasks:
            for task in tasks:
                try:
                    yield task
                except BaseException:  # the loop was left
                    task.give_back()
                    raise
                task.done()

    def each(self, function: Callable[[Task], object]) -> None:
        """Call `function` with each task, in `concurrency` threads, as in a `with task` block."""

        def handle(task: Task) -> None:
            with task:
                function(task)

        with ThreadPoolExecutor(self._concurrency, f"{self.queue}-worker") as threads:
            for task in self._tasks():
                threads.submit(handle, task)

    def stop(self) -> None:
        """End the loop after the tasks in hand; may be called from a signal handler."""
        self._is_stopping = True  # without the lock, which the interrupted code may hold
        self._stop_requests.put(True)

    def _tasks(self) -> Generator[Task, None, None]:
        stream = self._subscribe(
            self.subscription, self._deliver, self._concurrency, self._longest_lease
        )
        stream.add_done_callback(lambda _: self._waiting.put(None))
        stopper = threading.Thread(target=self._stop_when_asked, args=(stream,), daemon=True)
        stopper.start()
        try:
            with _on_sigterm(self.stop):
                while (task := self._waiting.get()) is not None:
                    if self._is_stopping:
                        task.give_back()
                    else:
                        yield task
        finally:
            self.stop()
            stopper.join()
            wait([stream], FLUSH_S)
        stream.result(timeout=0)  # raises what ended the stream

    def _deliver(self, message: Message) -> None:
        task = Task(self.queue, message)
        with self._lock:
            if self._is_stopping:
                task.give_back()
                return
            self._held.add(task)
            self._waiting.put(task)
        task.wait()
        with self._lock:
            self._held.discard(task)

    def _stop_when_asked(self, stream: Future[Any]) -> None:
        """Take no more tasks, give back those not begun, and let those in hand end in time."""
        self._stop_requests.get()
        with self._lock:
            while not self._waiting.empty():
                if (task := self._waiting.get()) is not None:
                    task.give_back()
            self._waiting.put(None)
            held = list(self._held)
        stream.cancel()
        end = time.monotonic() + self._grace_s
        left = [task for task in held if not task.wait(max(0.0, end - time.monotonic()))]
        if not left:
            return
        for task in left:
            task.give_back()
        logger.error("not done %g seconds after SIGTERM, given back: %s", self._grace_s, left)
        wait([stream], FLUSH_S)
        self._exit(TERMINATED)


def pull(
    queue: str,
    *,
    subscription: str | None = None,
    concurrency: int = 1,
    longest_lease: timedelta = LONGEST_LEASE,
) -> Pull:
    """The tasks of a pull queue, to loop over; the arguments are those of `Pull`."""
    return Pull(
        queue, subscription=subscription, concurrency=concurrency, longest_lease=longest_lease
    )


def work(
    queue: str,
    function: Callable[[Task], object],
    *,
    subscription: str | None = None,
    concurrency: int = 1,
    longest_lease: timedelta = LONGEST_LEASE,
) -> None:
    """Call `function` with each task of a pull queue until SIGTERM; see `Pull.each`."""
    pull(
        queue, subscription=subscription, concurrency=concurrency, longest_lease=longest_lease
    ).each(function)


def _subscription(queue: str) -> str:
    variable = f"SUBSCRIPTION_{re.sub('[^A-Z0-9]', '_', queue.upper())}"
    try:
        return os.environ[variable]
    except KeyError:
        raise NoSubscriptionError(
            f"`{variable}` is not set, so the subscription of queue `{queue}` is unknown; "
            f"queuewright sets it for the worker that the YAML file names in "
            f"`queues.{queue}.worker`. Elsewhere, set it to `projects/…/subscriptions/…`"
        ) from None


@contextmanager
def _on_sigterm(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on SIGTERM, and after it the handler that was there before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        stop()
        if callable(before):
            before(number, frame)

    before = signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _google(
    subscription: str,
    deliver: Callable[[Message], None],
    concurrency: int,
    longest_lease: timedelta,
) -> Future[Any]:
    """Open a stream with Google's client, which extends leases and reopens broken streams."""
    try:
        from google.cloud.pubsub_v1 import SubscriberClient
        from google.cloud.pubsub_v1.subscriber.scheduler import ThreadScheduler
        from google.cloud.pubsub_v1.types import FlowControl
    except ImportError as error:
        raise ImportError(
            f"taking tasks needs Google's Pub/Sub client ({error}); "
            "write `queuewright-runtime[pull]` into requirements.txt"
        ) from error
    client = SubscriberClient()
    stream: Future[Any] = client.subscribe(
        subscription,
        callback=deliver,
        flow_control=FlowControl(
            max_messages=concurrency, max_lease_duration=longest_lease.total_seconds()
        ),
        scheduler=ThreadScheduler(ThreadPoolExecutor(concurrency, "deliver")),
        await_callbacks_on_shutdown=True,  # leases are extended and answers sent until then
    )
    stream.add_done_callback(lambda _: client.close())
    return stream
