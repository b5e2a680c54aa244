"""The exceptions that a worker raises, and those that the library raises."""

from __future__ import annotations

from typing import Any

from queuewright_runtime.attempt import note


class PermanentError(Exception):
    """The task can never succeed: it is logged and not tried again.

    In a queue with dead letters, the task becomes one at once.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        note(self)  # a web framework may make a response of it before we see it


class NoSubscriptionError(LookupError):
    """The environment of this process does not name the queue's subscription."""


class ApiError(Exception):
    """A call of an API of Google's, or of a local server, failed.

    Args:
        code: the canonical code, such as `ALREADY_EXISTS`; `UNAVAILABLE` if there was no answer.
        message: what the server says about it.
        http_status: the HTTP status; None if there was no answer.
        is_unsent: the request never left.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        http_status: int | None = None,
        is_unsent: bool = False,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.http_status = http_status
        self.is_unsent = is_unsent


class NoQueueError(LookupError):
    """Nothing says which queue is meant."""


class EnqueueError(ValueError):
    """The task can't be enqueued as it is: Google would refuse it, so it was not sent."""


class PartlyEnqueuedError(Exception):
    """Some tasks of `enqueue_many` were not enqueued.

    Args:
        results: one for each task, in their order: what `enqueue` returns, or the exception.
    """

    def __init__(self, results: list[Any]) -> None:
        self.results = results
        self.failures = {
            number: result for number, result in enumerate(results) if isinstance(result, Exception)
        }
        first = next(iter(self.failures.items()))
        super().__init__(
            f"{len(self.failures):,} of {len(results):,} tasks were not enqueued; "
            f"the first, number {first[0]}: {first[1]}"
        )
