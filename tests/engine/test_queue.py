"""The schedule of one queue, by example and as a state machine."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from queuewright.cloud_tasks.retry import RetryPolicy, backoff_us, is_exhausted
from queuewright.engine.rules.schedule import QueueCore, QueueLimits, StateCounts

S = 1_000_000
FAST = QueueLimits(rate=500.0, burst=100, concurrency=1000)


def test_tasks_start_in_the_order_in_which_they_are_due() -> None:
    core = QueueCore(FAST, 0)
    for task, schedule_us in ((1, 30), (2, 10), (3, 20), (4, 10)):
        core.add(task, schedule_us)
    assert core.start_due(9) == []
    assert core.start_due(20) == [2, 4, 3]
    assert core.start_due(30) == [1]


def test_a_paused_queue_accepts_tasks_and_starts_none() -> None:
    core = QueueCore(FAST, 0, paused=True)
    core.add(1, 0)
    assert core.start_due(0) == []
    assert core.next_start_us(0) is None
    core.paused = False
    assert core.start_due(0) == [1]


def test_no_more_attempts_run_than_there_are_slots() -> None:
    core = QueueCore(QueueLimits(500.0, 100, 2), 0)
    for task in range(5):
        core.add(task, 0)
    assert core.start_due(0) == [0, 1]
    assert core.next_start_us(0) is None
    core.ended(0)
    core.remove(0)
    assert core.start_due(0) == [2]


def test_the_next_start_is_when_a_task_is_due_and_a_token_is_there() -> None:
    core = QueueCore(QueueLimits(0.5, 1, 10), 0)
    core.add(1, 5 * S)
    assert core.next_start_us(0) == 5 * S
    core.add(2, 0)
    core.start_due(0)
    core.add(3, 1 * S)
    assert core.next_start_us(0) == 2 * S


def test_no_more_tasks_start_than_are_asked_for() -> None:
    core = QueueCore(FAST, 0)
    for task in range(5):
        core.add(task, 0)
    assert core.start_due(0, 2) == [0, 1]
    assert core.start_due(0, 0) == []
    assert core.start_due(0, 9) == [2, 3, 4]


def test_what_was_due_before_the_clock_was_set_back_is_due_after() -> None:
    core = QueueCore(FAST, 100 * S)
    core.add(1, 99 * S)
    core.add(2, 100 * S)
    core.add(3, 101 * S)
    core.add(4, 1 * S)
    core.remove(4)
    core.clock_set_back(50 * S, 50 * S)
    assert core.start_due(50 * S) == [1, 2]
    assert core.next_start_us(50 * S) == 101 * S


def test_a_backoff_takes_no_longer_when_the_clock_is_set_back() -> None:
    core = QueueCore(QueueLimits(rate=500, burst=100, concurrency=1000), 100 * S)
    core.add(1, 130 * S, is_backoff=True)
    core.add(2, 130 * S)
    core.add(3, 130 * S, is_backoff=True)
    core.add(3, 140 * S)
    core.add(4, 120 * S, is_backoff=True)
    core.remove(4)
    core.clock_set_back(50 * S, 50 * S)
    assert [core.schedule_us(task) for task in (1, 2, 3, 4)] == [80 * S, 130 * S, 140 * S, None]
    assert core.start_due(79 * S) == []
    assert core.start_due(80 * S) == [1]
    core.ended(1)
    core.add(1, 90 * S)
    core.clock_set_back(20 * S, 60 * S)
    assert core.schedule_us(1) == 90 * S, "it is no longer a backoff"


def test_a_pause_for_an_overload_is_no_longer_when_the_clock_is_set_back() -> None:
    core = QueueCore(FAST, 100 * S)
    core.throttle.overloaded(100 * S, 20 * S)
    core.add(1, 100 * S)
    core.clock_set_back(50 * S, 60 * S)
    assert core.start_due(69 * S) == []
    assert core.start_due(70 * S) == [1]


def test_a_task_run_by_hand_needs_neither_token_nor_slot_nor_its_time() -> None:
    core = QueueCore(QueueLimits(0.001, 1, 1), 0, paused=True)
    core.add(1, 99 * S)
    core.run(1)
    core.run(1)
    assert core.running == 0
    assert core.waiting == 0
    assert core.ended(1, by_hand=True)
    assert core.ended(1, by_hand=True)
    assert 1 not in core


def test_running_a_task_by_hand_takes_it_off_its_schedule() -> None:
    core = QueueCore(FAST, 0)
    core.add(1, 10 * S)
    core.run(1)
    assert core.start_due(10 * S) == []


def test_the_end_of_an_attempt_of_a_removed_task_frees_its_slot_and_nothing_else() -> None:
    core = QueueCore(QueueLimits(500.0, 100, 1), 0)
    core.add(1, 0)
    core.add(2, 0)
    core.start_due(0)
    core.remove(1)
    assert not core.ended(1)
    assert core.start_due(0) == [2]


def test_other_limits_count_from_the_moment_they_are_set() -> None:
    core = QueueCore(QueueLimits(500.0, 100, 1), 0)
    for task in range(5):
        core.add(task, 0)
    assert len(core.start_due(0)) == 1
    core.change_limits(QueueLimits(500.0, 2, 4), 0)
    assert len(core.start_due(0)) == 2
    assert core.next_start_us(0) == 2_000


def test_a_throttled_queue_waits_for_the_end_of_its_pause() -> None:
    core = QueueCore(FAST, 0)
    core.add(1, 0)
    core.throttle.overloaded(0, None)
    assert core.start_due(S - 1) == []
    assert core.next_start_us(0) == S
    assert core.start_due(S) == [1]


def test_changing_the_time_of_a_task_a_million_times_keeps_one_entry_of_it() -> None:
    core = QueueCore(FAST, 0)
    for schedule_us in range(100_000):
        core.add(1, schedule_us)
    assert len(core._due) < 3_000
    assert core.start_due(0) == []
    assert core.start_due(99_999) == [1]


def test_the_counts_follow_time_without_a_change() -> None:
    core = QueueCore(FAST, 0)
    core.add(1, 0)
    core.add(2, 5 * S)
    core.add(3, 9 * S, is_backoff=True)
    assert core.counts(0) == StateCounts(scheduled=1, due=1, running=0, retrying=1)
    assert core.counts(5 * S) == StateCounts(scheduled=0, due=2, running=0, retrying=1)
    assert core.counts(9 * S) == StateCounts(scheduled=0, due=3, running=0, retrying=0)


def test_tasks_of_a_restart_are_counted_as_before_it() -> None:
    core = QueueCore(FAST, 10 * S)
    core.load([(9 * S, 1), (11 * S, 2), (12 * S, 3)], 10 * S, retrying=[3])
    assert core.counts(10 * S) == StateCounts(scheduled=1, due=1, running=0, retrying=1)


def test_a_time_that_was_given_twice_counts_once() -> None:
    core = QueueCore(FAST, 0)
    for schedule_us in (5 * S, 6 * S, 5 * S):
        core.add(1, schedule_us)
    core.add(2, 7 * S)
    assert core.counts(0).scheduled == 2
    assert core.counts(5 * S) == StateCounts(scheduled=1, due=1, running=0, retrying=0)


class QueueMachine(RuleBasedStateMachine):
    """A queue against a model that records everything it does."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.limits = QueueLimits(rate=3.0, burst=2, concurrency=3)
        self.since_limits = 0
        self.core = QueueCore(self.limits, 0)
        self.policy = RetryPolicy(3, 0, 1 * S, 5 * S, 1)
        self.next_task = 1
        self.waiting: dict[int, int] = {}
        self.attempts: dict[int, int] = {}
        self.running: list[tuple[int, bool]] = []
        self.gone: set[int] = set()
        self.starts: list[int] = []

    @rule(delay=st.integers(0, 10 * S))
    def create(self, delay: int) -> None:
        self.core.add(self.next_task, self.now + delay)
        self.waiting[self.next_task] = self.now + delay
        self.attempts[self.next_task] = 0
        self.next_task += 1

    @rule(span=st.integers(0, 3 * S))
    def pass_time(self, span: int) -> None:
        self.now += span
        self.start()

    @rule()
    def go_to_the_next_start(self) -> None:
        next_us = self.core.next_start_us(self.now)
        if next_us is not None:
            assert next_us >= self.now
            if next_us > self.now:
                assert self.core.start_due(next_us - 1) == []
            self.now = next_us
            assert self.start(), "what was promised starts"

    def start(self) -> list[int]:
        slots_before = sum(not by_hand for _, by_hand in self.running)
        started = self.core.start_due(self.now)
        for task in started:
            schedule_us = self.waiting.pop(task)
            assert schedule_us <= self.now, "never early"
            assert all(schedule_us <= other for other in self.waiting.values()), "in order"
            self.running.append((task, False))
            self.attempts[task] += 1
            self.starts.append(self.now)
        assert slots_before + len(started) <= self.limits.concurrency or not started
        assert not (self.core.paused and started)
        return started

    @precondition(lambda self: self.running)
    @rule(data=st.data(), succeeded=st.booleans())
    def end(self, data: st.DataObject, succeeded: bool) -> None:
        index = data.draw(st.integers(0, len(self.running) - 1))
        task, by_hand = self.running.pop(index)
        known = self.core.ended(task, by_hand=by_hand)
        assert known == (task not in self.gone)
        if not known:
            return
        if succeeded or is_exhausted(self.policy, self.attempts[task], 0):
            self.core.remove(task)
            self.forget(task)
        else:
            due = self.now + backoff_us(self.policy, self.attempts[task])
            self.core.add(task, due, is_backoff=True)
            self.waiting[task] = due

    def forget(self, task: int) -> None:
        self.waiting.pop(task, None)
        self.gone.add(task)

    @precondition(lambda self: self.alive())
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        task = data.draw(st.sampled_from(self.alive()))
        self.core.remove(task)
        self.forget(task)

    @precondition(lambda self: self.alive())
    @rule(data=st.data())
    def run_by_hand(self, data: st.DataObject) -> None:
        task = data.draw(st.sampled_from(self.alive()))
        if self.attempts[task] < self.policy.max_attempts:
            self.core.run(task)
            self.waiting.pop(task, None)
            self.running.append((task, True))
            self.attempts[task] += 1

    @rule()
    def purge(self) -> None:
        self.core.clear()
        for task in self.alive():
            self.forget(task)

    @rule(paused=st.booleans())
    def pause_or_resume(self, paused: bool) -> None:
        self.core.paused = paused

    @rule(rate=st.sampled_from([0.5, 3.0, 500.0]), burst=st.integers(1, 4), slots=st.integers(1, 4))
    def change_limits(self, rate: float, burst: int, slots: int) -> None:
        self.limits = QueueLimits(rate, burst, slots)
        self.core.change_limits(self.limits, self.now)
        self.starts = []

    def alive(self) -> list[int]:
        running = {task for task, _ in self.running}
        return sorted((set(self.waiting) | running) - self.gone)

    @invariant()
    def nothing_is_lost(self) -> None:
        assert len(self.core) == len(self.alive())
        assert all(task in self.core for task in self.alive())
        assert not any(task in self.core for task in self.gone)
        assert self.core.waiting == len(self.waiting)

    @invariant()
    def states_are_counted(self) -> None:
        counts = self.core.counts(self.now)
        assert counts == StateCounts(
            scheduled=sum(
                due > self.now and not self.core.is_retrying(task)
                for task, due in self.waiting.items()
            ),
            due=sum(due <= self.now for due in self.waiting.values()),
            running=len({task for task, _ in self.running} - self.gone),
            retrying=sum(
                due > self.now and self.core.is_retrying(task) for task, due in self.waiting.items()
            ),
        )

    @invariant()
    def slots_are_counted(self) -> None:
        assert self.core.running == sum(not by_hand for _, by_hand in self.running)

    @invariant()
    def never_over_the_rate(self) -> None:
        rate = Fraction(str(self.limits.rate))
        for first, begin in enumerate(self.starts):
            span_s = Fraction(self.starts[-1] - begin, S)
            assert len(self.starts) - first <= self.limits.burst + rate * span_s

    @invariant()
    def attempts_are_bounded(self) -> None:
        assert all(count <= self.policy.max_attempts for count in self.attempts.values())


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
