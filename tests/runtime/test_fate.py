"""Whatever happens to a task, it is done, or there is one letter, or it is logged whole."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from queuewright_runtime.attempts import Attempts
from queuewright_runtime.errors import ApiError, PermanentError
from tests.runtime.undertaker import DEAD, Graveyard, Stopwatch, attempts, request, task_headers

LAST = DEAD["emails"].last_attempt
ALLOWED = DEAD["emails"].max_attempts


@dataclass
class Fate:
    """One attempt: what the handler's code does, and what else goes wrong."""

    code: str
    """`done`, `fails`, `raises`, `hopeless`, `killed` or `hangs`."""
    is_refused: bool
    """Cloud Tasks does not take a letter now."""
    is_unheard: bool
    """Cloud Tasks does not hear that the task is buried."""
    is_elsewhere: bool
    """Another process gets it."""


FATES = st.builds(
    Fate,
    st.sampled_from(["done", "fails", "fails", "raises", "hopeless", "killed", "hangs"]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


@dataclass
class Life:
    """A task and its queue, as Cloud Tasks sees them."""

    graveyard: Graveyard = field(default_factory=Graveyard)
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    is_done: bool = False
    ran: int = 0
    """How often the handler's code ran."""

    def __post_init__(self) -> None:
        self.process: Attempts = attempts(self.graveyard, self.stopwatch)

    def live(self, fates: list[Fate]) -> None:
        for number, fate in enumerate(fates, 1):
            self.stopwatch.seconds += 61  # past the timeout, as the waits between attempts are
            if fate.is_elsewhere:
                self.process = attempts(self.graveyard, self.stopwatch)
            self.graveyard.error = ApiError("UNAVAILABLE", "later") if fate.is_refused else None
            status = self.attempt(number, fate)
            is_buried = status == 200 and not self.is_done
            if self.is_done or (is_buried and not fate.is_unheard):
                return

    def attempt(self, number: int, fate: Fate) -> int | None:
        """What Cloud Tasks is answered; None: nothing."""
        given = {key.lower(): value for key, value in task_headers(number).items()}
        attempt = self.process.attempt_of(given)
        assert attempt is not None
        answer = self.process.begin(attempt, request())
        if answer is not None:
            return answer.status
        self.ran += 1
        if fate.code == "killed":
            self.process = attempts(self.graveyard, self.stopwatch)
            return None
        if fate.code == "hangs":
            return None
        error = {"raises": ValueError("boom"), "hopeless": PermanentError("no")}.get(fate.code)
        self.is_done = fate.code == "done"
        status = 200 if self.is_done else 500
        answer = self.process.end(attempt, request(), status=status, error=error)
        return status if answer is None else answer.status


@settings(max_examples=150)
@given(st.lists(FATES, min_size=LAST, max_size=LAST))
def test_no_task_vanishes_and_none_leaves_two_letters(fates: list[Fate]) -> None:
    """In every order of kills, time-outs, errors and refusals."""
    lost: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno == logging.CRITICAL:
                lost.append(record.getMessage())

    logger, handler = logging.getLogger("queuewright_runtime"), Handler()
    logger.addHandler(handler)
    life = Life()
    try:
        life.live(fates)
    finally:
        logger.removeHandler(handler)
    letters = len(life.graveyard.letters)
    assert letters <= 1
    assert life.is_done or letters == 1 or lost
    assert life.ran <= ALLOWED
    if lost:
        assert fates[-1].is_refused
    if life.is_done:
        assert not lost
