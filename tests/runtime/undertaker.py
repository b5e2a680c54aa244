"""A Cloud Tasks of dead letters in memory, and requests of tasks."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from queuewright_runtime.attempts import Attempts
from queuewright_runtime.burials import Burials
from queuewright_runtime.dead_letters import DeadLetterQueue
from queuewright_runtime.errors import ApiError
from queuewright_runtime.letters import TaskRequest

QUEUE = "projects/acme-dev/locations/europe-west1/queues/emails-dead"
DEAD = {"emails": DeadLetterQueue(QUEUE, max_attempts=3, last_attempt=5, timeout_s=60)}
DIED = datetime(2026, 11, 25, 1, 2, 3, tzinfo=UTC)


@dataclass
class Graveyard:
    """Keeps dead letters; `error` is what it answers instead."""

    letters: list[Mapping[str, Any]] = field(default_factory=list)
    error: ApiError | None = None
    calls: int = 0

    def __call__(self, queue: str, task: Mapping[str, Any]) -> None:
        self.calls += 1
        if self.error is not None:
            raise self.error
        if any(each["name"] == task["name"] for each in self.letters):
            raise ApiError("ALREADY_EXISTS", "Requested entity already exists", http_status=409)
        assert task["name"].startswith(f"{queue}/tasks/")
        self.letters.append(task)

    @property
    def story(self) -> dict[str, str]:
        """What happened to the only letter, by the names after our prefix."""
        (only,) = self.letters
        found = only.get("httpRequest") or only["appEngineHttpRequest"]
        prefix = "X-Queuewright-"
        return {
            key.removeprefix(prefix): value
            for key, value in found["headers"].items()
            if key.startswith(prefix)
        }

    @property
    def body(self) -> bytes:
        (only,) = self.letters
        return base64.b64decode(only["httpRequest"]["body"])


@dataclass
class Stopwatch:
    """Seconds that a test sets."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


def attempts(graveyard: Graveyard, stopwatch: Stopwatch | None = None) -> Attempts:
    """The attempts of a process whose queue `emails` keeps dead letters after 3 of 5 attempts."""
    return Attempts(DEAD, Burials(graveyard), now=lambda: DIED, monotonic=stopwatch or Stopwatch())


def task_headers(attempt: int, *, task: str = "17", queue: str = "emails") -> dict[str, str]:
    """The headers that Cloud Tasks sends with an attempt."""
    return {
        "X-CloudTasks-QueueName": queue,
        "X-CloudTasks-TaskName": task,
        "X-CloudTasks-TaskRetryCount": str(attempt - 1),
        "X-CloudTasks-TaskETA": "1795000000.250000",
        **({"X-CloudTasks-TaskPreviousResponse": "504"} if attempt > 1 else {}),
    }


def request(body: bytes = b"{}", headers: Mapping[str, str] | None = None) -> TaskRequest:
    """A task's request."""
    given = {"Content-Type": "application/json", **(headers or {})}
    return TaskRequest("POST", "mailer.example", "/send?x=1", tuple(given.items()), body)
