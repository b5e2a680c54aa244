"""Moves a task to the dead letters, by one call of Cloud Tasks; a task that cannot be is logged."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any, Protocol

from queuewright_runtime.attempt import TaskAttempt
from queuewright_runtime.dead_letters import DeadLetterQueue
from queuewright_runtime.errors import ApiError
from queuewright_runtime.letters import LetterTooLargeError, Story, TaskRequest, letter
from queuewright_runtime.rest import cloud_tasks

logger = logging.getLogger("queuewright_runtime")

TIMEOUT_S = 5.0
ATTEMPTS = 4
PATIENCE_S = 10.0
"""The request of the task waits meanwhile, and its own time is limited."""
LOGGED_CHARACTERS = 100_000
"""In one entry; Cloud Logging allows 256 KB: https://cloud.google.com/logging/quotas."""


class CreateTask(Protocol):
    """Creates a task in a queue."""

    def __call__(self, queue: str, task: Mapping[str, Any]) -> object:
        """Create it; an `ApiError` says that it was not created."""


class Burials:
    """Moves tasks to the dead letters.

    Args:
        create: creates a task. Default: at the engine that `$CLOUD_TASKS_EMULATOR_URL` names, or at
            Google's, as the service account of this process.
    """

    def __init__(self, create: CreateTask | None = None) -> None:
        self._create = create

    def bury(
        self, request: TaskRequest, attempt: TaskAttempt, dead: DeadLetterQueue, story: Story
    ) -> bool:
        """Make a dead letter of a task; return whether there is one now.

        If not, Cloud Tasks tries the task again. After the last attempt there is no other, so what
        would have been the letter is logged.
        """
        what = f"task {attempt.name} of {attempt.queue}"
        try:
            created = letter(request, attempt, dead, story)
        except LetterTooLargeError as error:
            logger.critical("%s cannot become a dead letter: %s", what, error)
            _log_whole(what, {"headers": dict(request.headers), "story": vars(story)}, request.body)
            return False
        try:
            self._created(dead.queue, created)
        except ApiError as error:
            if error.code == "ALREADY_EXISTS":
                logger.info("%s is among the dead letters already", what)
                return True
            logger.error("%s is not among the dead letters yet: %s", what, error)
            if attempt.attempt >= dead.last_attempt:
                _log_whole(what, created, b"")
            return False
        return True

    def _created(self, queue: str, task: Mapping[str, Any]) -> None:
        if self._create is None:
            rest = cloud_tasks(timeout_s=TIMEOUT_S, attempts=ATTEMPTS, patience_s=PATIENCE_S)
            self._create = rest.create_task
        self._create(queue, task)


def _log_whole(what: str, letter: Mapping[str, Any], body: bytes) -> None:
    """Log everything about a task, in as many entries as it takes."""
    text = json.dumps(letter, default=str) + (body.decode("latin-1") if body else "")
    parts = range(0, len(text), LOGGED_CHARACTERS)
    for number, start in enumerate(parts, 1):
        part = text[start : start + LOGGED_CHARACTERS]
        logger.critical("%s is lost, part %d of %d: %s", what, number, len(parts), part)
