"""Adding tasks to queues: `Tasks().queue("emails").enqueue({...})`.

Standard library only, so that a handler needs nothing else; queuewright offers the same names as
`queuewright.client`.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import islice
from typing import Any, Generic, TypeVar

from queuewright_runtime import publishing
from queuewright_runtime.addresses import QueueAddress, from_name, from_variables, not_found
from queuewright_runtime.apis import TasksApi, tasks_api
from queuewright_runtime.batches import Batches, Numbered
from queuewright_runtime.delays import delayed_task
from queuewright_runtime.errors import ApiError, EnqueueError, PartlyEnqueuedError
from queuewright_runtime.messages import NewTask, P, schedule_time, task_id, task_json
from queuewright_runtime.payload_check import payload_errors

__all__ = [
    "AsyncQueue",
    "AsyncTasks",
    "EnqueueError",
    "Enqueued",
    "NewTask",
    "PartlyEnqueuedError",
    "Queue",
    "Tasks",
    "task_id",
]

CONCURRENCY = 8
PULLED_AT_ONCE = 1000
"""Tasks for a pull queue that `enqueue_many` holds at the same time."""
T = TypeVar("T")


@dataclass(frozen=True)
class Enqueued:
    """A task that is in its queue."""

    name: str
    """Its full name; of a pull queue, the id of the message. With a delay, that is the name of the
    task that will publish the message."""
    existed: bool = False
    """Whether a task with the same key was there before, or is done since less than a day. After a
    lost answer it may have been this very call."""


class Tasks:
    """The queues of an environment. Threads may share it; a process needs one.

    Without arguments it finds its environment by itself: the queues in the variables that
    queuewright gives a handler (`QUEUE_EMAILS`), the API at `$CLOUD_TASKS_EMULATOR_URL` or
    `$CLOUD_TASKS_EMULATOR_HOST`, else at Google.

    Args:
        environment: an environment of the project in the current folder, such as `dev`: the one
            that `queuewright up` runs, else the one on Google Cloud. Needs queuewright.
        project: the id of a Google Cloud project, with `location`: for code whose variables say
            nothing. The id of a queue is then its key, with the prefix.
        location: the region of the queues, such as `europe-west1`.
        prefix: the `prefix` in the YAML file.
        concurrency: the most calls at the same time in `enqueue_many`.
        variables: instead of those of this process.
        now: returns the time, with a time zone.

    Raises:
        ValueError: the arguments don't go together.
        ImportError: an environment is named, and queuewright is not installed.
    """

    def __init__(
        self,
        environment: str | None = None,
        *,
        project: str | None = None,
        location: str | None = None,
        prefix: str | None = None,
        concurrency: int = CONCURRENCY,
        variables: Mapping[str, str] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        if (project is None) != (location is None):
            raise ValueError("give `project` and `location` together")
        if environment is not None and project is not None:
            raise ValueError("give one of `environment` and `project`")
        if concurrency < 1:
            raise ValueError(f"`concurrency` must be at least 1, not {concurrency}")
        self._variables = os.environ if variables is None else variables
        if environment is not None:
            self._variables = _of_environment(environment, self._variables)
        self._location = f"projects/{project}/locations/{location}" if project else None
        self._prefix = f"{prefix}-" if prefix else ""
        self._concurrency = concurrency
        self._now = now
        self._lock = threading.Lock()
        self._api: TasksApi | None = None
        self._publisher: publishing.Publisher | None = None

    def queue(self, key: str) -> Queue[Any]:
        """Return a queue by its key in the YAML file, or by its full name.

        Raises:
            NoQueueError: nothing says which queue that is.
        """
        return Queue(self, self.address(key))

    def address(self, key: str) -> QueueAddress:
        """Return where a queue is.

        Raises:
            NoQueueError: nothing says which queue that is.
        """
        found = from_name(key) or from_variables(key, self._variables)
        if found is None and self._location is not None:
            found = QueueAddress(key, f"{self._location}/queues/{self._prefix}{key}")
        if found is None:
            raise not_found(key)
        return found

    def close(self) -> None:
        """Close the connections; the next call opens others."""
        with self._lock:
            api, self._api = self._api, None
            publisher, self._publisher = self._publisher, None
        for each in (api, publisher):
            if each is not None:
                each.close()

    def __enter__(self) -> Tasks:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tasks_api(self) -> TasksApi:
        with self._lock:
            if self._api is None:
                self._api = tasks_api(self._variables)
            return self._api

    def _pubsub(self) -> publishing.Publisher:
        with self._lock:
            if self._publisher is None:
                self._publisher = publishing.publisher(self._variables)
            return self._publisher


class Queue(Generic[P]):
    """A queue to add tasks to. `P` is the type of a payload: JSON.

    Args:
        tasks: the environment.
        address: where the queue is.
        schema: the JSON schema of its payloads. It is checked as far as the standard library can:
            see `queuewright_runtime.payload_check`.
    """

    def __init__(
        self,
        tasks: Tasks,
        address: QueueAddress,
        schema: Mapping[str, Any] | None = None,
    ) -> None:
        self.tasks = tasks
        self.address = address
        self.schema = schema

    def __repr__(self) -> str:
        return f"<Queue {self.address.name}>"

    def enqueue(
        self,
        payload: P | bytes = b"",
        *,
        delay: str | float | timedelta | None = None,
        at: datetime | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        path: str | None = None,
        url: str | None = None,
        ordering_key: str | None = None,
    ) -> Enqueued:
        """Add a task. Errors that may pass are tried again, with backoff, some seconds long.

        The arguments are those of `NewTask`.

        Raises:
            EnqueueError: the task can't be enqueued as it is; it was not sent.
            ApiError: the API refused it, or did not answer.
        """
        task = NewTask(payload, delay, at, key, headers or {}, path, url, ordering_key)
        if self.address.is_pull and not publishing.is_delayed(task):
            message = self._message(task)
            (number,) = self.tasks._pubsub().publish(self.address.name, [message])
            return Enqueued(number)
        created = self._task(task)
        try:
            self.tasks._tasks_api().create_task(self._creates_in, created)
        except ApiError as error:
            result = _result(created["name"], task.key is not None, error)
            if isinstance(result, Exception):
                raise
            return result
        return Enqueued(created["name"])

    def enqueue_many(self, tasks: Iterable[P | bytes | NewTask[P]]) -> list[Enqueued]:
        """Add many tasks: payloads, or `NewTask`s. It returns when each is in the queue.

        They are sent in batches where the server has them, several calls at the same time, and not
        in order. As every task has a name, a call that is tried again creates no second one.
        Messages for a pull queue have no name; only its delayed tasks have one.

        Returns:
            a result for each task, in their order.

        Raises:
            PartlyEnqueuedError: some tasks were not enqueued; it has all results.
        """
        given = (
            each if isinstance(each, NewTask) else NewTask(each)  # a payload
            for each in tasks
        )
        results: list[Enqueued | Exception | None] = []
        numbered = _numbered(given, results)
        found = self._pulled(numbered) if self.address.is_pull else self._created(numbered)
        for number, result in found:
            results[number] = result
        done = [each for each in results if isinstance(each, Enqueued)]
        if len(done) < len(results):
            raise PartlyEnqueuedError(results)
        return done

    def _created(
        self, tasks: Iterable[tuple[int, NewTask[P]]]
    ) -> Iterator[tuple[int, Enqueued | Exception]]:
        """Create tasks in a push queue, in batches."""
        created: dict[int, tuple[str, bool]] = {}
        """The name of each task, and whether it has a key."""
        refused: list[tuple[int, EnqueueError]] = []

        def prepared() -> Iterator[Numbered]:
            for number, task in tasks:
                try:
                    made = self._task(task)
                except EnqueueError as error:
                    refused.append((number, error))
                    continue
                created[number] = (made["name"], task.key is not None)
                yield Numbered(number, made)

        batches = Batches(self.tasks._tasks_api(), self._creates_in)
        for number, outcome in batches.create(prepared(), self.tasks._concurrency):
            yield number, _result(*created.pop(number), outcome)
        yield from refused

    def _pulled(
        self, tasks: Iterable[tuple[int, NewTask[P]]]
    ) -> Iterator[tuple[int, Enqueued | Exception]]:
        """Add tasks to a pull queue, some at a time; those with a delay to the queue in front."""
        for some in _parts(tasks, PULLED_AT_ONCE):
            delayed = [
                each
                for each in some
                if self.address.delays is not None and publishing.is_delayed(each[1])
            ]
            later = {number for number, _ in delayed}
            yield from self._published(each for each in some if each[0] not in later)
            if delayed:
                yield from self._created(delayed)

    def _published(
        self, tasks: Iterable[tuple[int, NewTask[P]]]
    ) -> Iterator[tuple[int, Enqueued | Exception]]:
        """Publish in one call after the other: tasks with an ordering key stay in order."""
        refused: list[tuple[int, EnqueueError]] = []

        def prepared() -> Iterator[tuple[int, publishing.NewMessage]]:
            for number, task in tasks:
                try:
                    message = self._message(task)
                except EnqueueError as error:
                    refused.append((number, error))
                    continue
                yield number, message

        for batch in publishing.batches(prepared()):
            messages = [message for _, message in batch]
            try:
                ids = self.tasks._pubsub().publish(self.address.name, messages)
            except ApiError as error:
                yield from ((number, error) for number, _ in batch)
                continue
            for (number, _), message_id in zip(batch, ids, strict=True):
                yield number, Enqueued(message_id)
        yield from refused

    @property
    def _creates_in(self) -> str:
        """The push queue in which tasks are created."""
        return self.address.delays or self.address.name

    def _task(self, task: NewTask[P]) -> dict[str, Any]:
        """Return a task of a push queue, perhaps of one in front of a pull queue."""
        if not self.address.is_pull:
            self._checked(task)
            return task_json(self.address, task, self.tasks._now())
        message, now = self._message(task), self.tasks._now()
        return delayed_task(self.address, message, schedule_time(task, now) or now, task.key)

    def _message(self, task: NewTask[P]) -> publishing.NewMessage:
        self._checked(task)
        return publishing.new_message(self.address, task)

    def _checked(self, task: NewTask[P]) -> None:
        if self.schema is None or isinstance(task.payload, bytes):
            return
        for path, message in payload_errors(self.schema, task.payload):
            where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
            what = f"the payload's `{where.removeprefix('.')}`" if where else "the payload"
            raise EnqueueError(f"{what} {message} (queue `{self.address.key}`)")


class AsyncTasks:
    """Like `Tasks`, for asyncio: the calls run in threads, at most `concurrency` of them.

    The arguments are those of `Tasks`.
    """

    def __init__(self, environment: str | None = None, **options: Any) -> None:  # noqa: ANN401
        self.tasks = Tasks(environment, **options)
        self._threads = ThreadPoolExecutor(self.tasks._concurrency, "enqueue")

    def queue(self, key: str) -> AsyncQueue[Any]:
        """Return a queue; see `Tasks.queue`."""
        return AsyncQueue(self, self.tasks.queue(key))

    def of(self, kind: Callable[[Tasks], Queue[P]]) -> AsyncQueue[P]:
        """Return a queue by its class, one that `queuewright client` wrote."""
        return AsyncQueue(self, kind(self.tasks))

    async def close(self) -> None:
        """Close the connections when the running calls are done."""
        await asyncio.to_thread(self._threads.shutdown)
        self.tasks.close()

    async def __aenter__(self) -> AsyncTasks:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _run(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)


class AsyncQueue(Generic[P]):
    """Like `Queue`, for asyncio. A call that is cancelled may still create its tasks."""

    def __init__(self, tasks: AsyncTasks, queue: Queue[P]) -> None:
        self.tasks = tasks
        self.queue = queue

    @property
    def address(self) -> QueueAddress:
        """Where it is."""
        return self.queue.address

    async def enqueue(
        self,
        payload: P | bytes = b"",
        *,
        delay: str | float | timedelta | None = None,
        at: datetime | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        path: str | None = None,
        url: str | None = None,
        ordering_key: str | None = None,
    ) -> Enqueued:
        """Add a task; see `Queue.enqueue`."""
        return await self.tasks._run(
            partial(
                self.queue.enqueue,
                payload,
                delay=delay,
                at=at,
                key=key,
                headers=headers,
                path=path,
                url=url,
                ordering_key=ordering_key,
            )
        )

    async def enqueue_many(self, tasks: Iterable[P | bytes | NewTask[P]]) -> list[Enqueued]:
        """Add many tasks; see `Queue.enqueue_many`. A thread takes them from the iterable."""
        return await self.tasks._run(partial(self.queue.enqueue_many, tasks))


def _numbered(
    tasks: Iterable[NewTask[P]], results: list[Enqueued | Exception | None]
) -> Iterator[tuple[int, NewTask[P]]]:
    """Number tasks, and make a place for the result of each."""
    for number, task in enumerate(tasks):
        results.append(None)
        yield number, task


def _parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part


def _result(name: str, has_key: bool, error: ApiError | None) -> Enqueued | ApiError:
    """Return what became of a task. A name made for this call can only exist because of it."""
    if error is None:
        return Enqueued(name)
    if error.code == "ALREADY_EXISTS":
        return Enqueued(name, existed=has_key)
    return error


def _of_environment(environment: str, variables: Mapping[str, str]) -> Mapping[str, str]:
    """Return the variables that a handler in the environment would get."""
    try:
        module = importlib.import_module("queuewright.client.environment")
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("queuewright"):
            raise
        raise ImportError(
            "`Tasks(environment=…)` reads the YAML file, which needs queuewright; without it, set "
            "the variables `QUEUE_…`, or give `project` and `location`"
        ) from error
    found: Mapping[str, str] = module.environment_variables(environment, variables)
    return found
