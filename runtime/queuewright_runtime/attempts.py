"""Decides about each attempt: whether the handler's code runs, and whether the task is buried.

1. At most one attempt of a task runs in a process at the same time.
2. A task is buried when its code raises a `PermanentError`, when its last allowed attempt fails,
   and in the attempts after that, in which no code of the handler runs.
3. A task that could not be buried is answered with an error, so that it is tried again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from queuewright_runtime import limits
from queuewright_runtime.attempt import TaskAttempt, attempt_of, handling
from queuewright_runtime.burials import Burials
from queuewright_runtime.dead_letters import DeadLetterQueue, dead_letter_queues
from queuewright_runtime.errors import PermanentError
from queuewright_runtime.letters import Reason, Story, TaskRequest, answered, story_of

logger = logging.getLogger("queuewright_runtime")

MOST_STORIES = 1_000
"""Of tasks whose burial failed; the next attempt in this process has them."""
CONFLICT, BURIED, NOT_BURIED = 409, 200, 500
"""Not 429 or 503: those make Cloud Tasks slow down the whole queue."""
_Key = tuple[str, str]


@dataclass(frozen=True)
class Answer:
    """The response to a request that the handler's code does not get, or not as it is."""

    status: int
    text: str


DEAD_LETTER = "the task is among the dead letters"
"""Begins the answer about a buried task; the engine's history on this machine reads it."""
MOST_TOLD = 500


def dead_letter_answer(story: Story) -> Answer:
    """Return the answer about a buried task: 200, so that it is not tried again, and why."""
    why = " ".join(story.error.split())[:MOST_TOLD]
    return Answer(BURIED, f"{DEAD_LETTER}: {why}\n")


class Attempts:
    """The attempts in this process.

    Args:
        queues: the queues with dead letters, by id. Default: as queuewright says in the variables.
        burials: moves tasks to the dead letters.
        now: the time.
        monotonic: seconds, to measure how long an attempt has been running.
    """

    def __init__(
        self,
        queues: Mapping[str, DeadLetterQueue] | None = None,
        burials: Burials | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.queues = dead_letter_queues() if queues is None else queues
        self._burials = burials or Burials()
        self._now = now
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._running: dict[_Key, float] = {}
        """Since when each task's attempt runs."""
        self._stories: OrderedDict[_Key, Story] = OrderedDict()
        self._max_attempts = {key: each.max_attempts for key, each in self.queues.items()}

    def attempt_of(self, headers: Mapping[str, str]) -> TaskAttempt | None:
        """Return the attempt that a request is; `headers` has their names in lower case."""
        return attempt_of(headers, self._max_attempts)

    def begin(self, attempt: TaskAttempt, request: TaskRequest) -> Answer | None:
        """Begin an attempt: None if the code is to run, and then `end` must follow."""
        dead, key = self.queues.get(attempt.queue), (attempt.queue, attempt.name)
        is_last_chance = dead is not None and attempt.attempt >= dead.last_attempt
        with self._lock:
            if not is_last_chance and self._is_running(key, dead):
                what = f"task {attempt.name} of {attempt.queue}"
                logger.warning("an earlier attempt of %s still runs", what)
                return Answer(CONFLICT, f"an earlier attempt of {what} still runs\n")
            if dead is None or attempt.attempt <= dead.max_attempts:
                self._running[key] = self._monotonic()
                return None
        story = self._stories.get(key) or self._unanswered(attempt, dead)
        if self._buried(attempt, request, dead, story):
            return dead_letter_answer(story)
        return Answer(NOT_BURIED, "the task is not among the dead letters yet\n")

    def abandon(self, attempt: TaskAttempt) -> None:
        """End an attempt that was broken off, by the end of the process for example."""
        with self._lock:
            self._running.pop((attempt.queue, attempt.name), None)

    def end(
        self,
        attempt: TaskAttempt,
        request: TaskRequest,
        *,
        status: int,
        error: BaseException | None = None,
        body: bytes = b"",
    ) -> Answer | None:
        """End an attempt, and bury its task if that was the last or no other can succeed.

        Args:
            attempt: the attempt.
            request: its request.
            status: the response of the handler's code.
            error: what it raised, even if it made a response of it.
            body: of the response; its beginning tells why, if no exception does.

        Returns:
            What to answer instead of the code's own response; None: answer that.
        """
        self.abandon(attempt)
        dead = self.queues.get(attempt.queue)
        is_permanent = isinstance(error, PermanentError)
        if 200 <= status < 300 or dead is None or not (is_permanent or attempt.is_last_attempt):
            return None
        reason: Reason = "permanent" if is_permanent else "failed"
        why = error or answered(status, body)
        story = story_of(reason, attempt.attempt, status, why, self._now())
        return dead_letter_answer(story) if self._buried(attempt, request, dead, story) else None

    def _is_running(self, key: _Key, dead: DeadLetterQueue | None) -> bool:
        """Whether an attempt runs that Cloud Run has not cut off for its time."""
        since = self._running.get(key)
        longest = dead.timeout_s if dead else limits.MAX_HTTP_DISPATCH_DEADLINE.total_seconds()
        return since is not None and self._monotonic() - since < longest

    def _unanswered(self, attempt: TaskAttempt, dead: DeadLetterQueue) -> Story:
        """The story of a task whose last allowed attempt did not come to its end."""
        status = attempt.previous_response or None
        error = f"attempt {dead.max_attempts} did not end: its process died, or it took too long"
        if status is not None:
            error += f" (HTTP status {status})"
        return story_of("unanswered", dead.max_attempts, status, error, self._now())

    def _buried(
        self, attempt: TaskAttempt, request: TaskRequest, dead: DeadLetterQueue, story: Story
    ) -> bool:
        with handling(attempt):  # for the log entries
            return self._moved(attempt, request, dead, story)

    def _moved(
        self, attempt: TaskAttempt, request: TaskRequest, dead: DeadLetterQueue, story: Story
    ) -> bool:
        key = (attempt.queue, attempt.name)
        is_buried = self._burials.bury(request, attempt, dead, story)
        with self._lock:
            self._stories.pop(key, None)
            if not is_buried:
                self._stories[key] = story
            while len(self._stories) > MOST_STORIES:
                self._stories.popitem(last=False)
        if is_buried:
            what = f"task {attempt.name} of {attempt.queue}"
            told = f"{story.error}\n{story.traceback}".rstrip()
            logger.error(
                "%s is a dead letter now, after attempt %d: %s", what, story.attempts, told
            )
        return is_buried
