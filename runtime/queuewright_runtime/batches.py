"""Creating many tasks: in batches, several at once; each task ends with a result of its own."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from queuewright_runtime.apis import TasksApi, coded
from queuewright_runtime.errors import ApiError
from queuewright_runtime.limits import MAX_CREATES
from queuewright_runtime.rest import backoff_s, is_passing

MAX_BATCH_BYTES = 3_000_000
"""Of JSON. Google's front end takes 10 MiB, gRPC's servers by default 4."""
POLLS = 8
"""How often an operation that is not done is looked at, over some ten seconds."""

Outcome = ApiError | None
"""What became of a task: None if it was created.

`ALREADY_EXISTS` may come from an earlier attempt of the same call.
"""


@dataclass(frozen=True)
class Numbered:
    """A task to create, and the number of its result."""

    number: int
    task: Mapping[str, Any]


class Batches:
    """Creates named tasks in one queue.

    Where the server has no batches, or refuses one as a whole, the tasks are created one by one.
    As they have names, none is created twice.
    """

    def __init__(
        self,
        api: TasksApi,
        queue: str,
        *,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._api = api
        self._queue = queue
        self._sleep = sleep
        self._has_batches = True

    def create(self, tasks: Iterable[Numbered], concurrency: int) -> Iterator[tuple[int, Outcome]]:
        """Create the tasks, in up to `concurrency` calls at once; yield each result as it comes."""
        running: set[Future[list[tuple[int, Outcome]]]] = set()
        with ThreadPoolExecutor(concurrency, "enqueue") as threads:
            for batch in batches(tasks):
                running.add(threads.submit(self._created, batch))
                if len(running) > concurrency:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield from future.result()
            for future in running:
                yield from future.result()

    def _created(self, batch: list[Numbered]) -> list[tuple[int, Outcome]]:
        if len(batch) == 1 or not self._has_batches:
            return [(each.number, self._alone(each)) for each in batch]
        try:
            failed = self._failures(batch)
        except ApiError as error:
            return self._one_by_one(batch, error)
        return [
            (
                each.number,
                self._alone(each)
                if index in failed and is_passing(failed[index])
                else failed.get(index),
            )
            for index, each in enumerate(batch)
        ]

    def _one_by_one(self, batch: list[Numbered], refused: ApiError) -> list[tuple[int, Outcome]]:
        """Create the tasks of a batch that was refused as a whole, unless one alone is as well."""
        first = self._alone(batch[0])
        if first is not None and first.code == refused.code:
            return [(each.number, first) for each in batch]
        if refused.http_status in (403, 404, 501):
            self._has_batches = False
        return [(batch[0].number, first)] + [(each.number, self._alone(each)) for each in batch[1:]]

    def _failures(self, batch: list[Numbered]) -> dict[int, ApiError]:
        """Create the tasks of a batch; return the errors by index.

        Raises:
            ApiError: nobody knows which tasks were created.
        """
        operation = self._api.create_tasks(
            self._queue, [each.task for each in batch], uuid.uuid4().hex
        )
        for poll in range(1, POLLS + 1):
            if operation.get("done"):
                break
            self._sleep(backoff_s(poll, 1.0))
            operation = self._api.operation(operation["name"])
        else:
            raise ApiError("DEADLINE_EXCEEDED", f"{operation['name']} is not done")
        failed = operation.get("metadata", {}).get("failedRequests", {})
        if "error" in operation and len(failed) < len(batch):
            error = operation["error"]
            raise coded(int(error.get("code", 2)), str(error.get("message", "")))
        return {
            int(index): coded(int(status.get("code", 2)), str(status.get("message", "")))
            for index, status in failed.items()
        }

    def _alone(self, each: Numbered) -> Outcome:
        try:
            self._api.create_task(self._queue, each.task)
        except ApiError as error:
            return error
        return None


def batches(tasks: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    """Split tasks into batches that a server takes, in their order.

    >>> [len(batch) for batch in batches(Numbered(n, {}) for n in range(250))]
    [100, 100, 50]
    """
    batch: list[Numbered] = []
    size = 0
    for each in tasks:
        more = len(json.dumps(each.task))
        if batch and (len(batch) == MAX_CREATES or size + more > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += more
    if batch:
        yield batch
