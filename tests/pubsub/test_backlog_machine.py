"""A machine that publishes, pulls, acknowledges, lets time pass and crashes, and believes nothing.

The model computes by itself when a message may come again, and holds each delivery against it.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from queuewright.pubsub.rules.backlog import Backlog, Delivery, DeliveryRules, Message

S = 1_000_000
KEYS = ["", "", "a", "b"]


@dataclass
class Expected:
    """What the model knows of a message."""

    key: str
    delivery: int = 0
    failures: int = 0
    lease_us: int | None = None
    """When its lease ends, if it is leased."""
    free_us: int = 0
    """From when it may come."""


class BacklogMachine(RuleBasedStateMachine):
    """A backlog and the disk under it, against the model."""

    @initialize(
        is_ordered=st.booleans(),
        backoff_s=st.sampled_from([(0, 0), (1, 4), (10, 600)]),
        max_attempts=st.sampled_from([0, 0, 2, 5]),
    )
    def starts(self, is_ordered: bool, backoff_s: tuple[int, int], max_attempts: int) -> None:
        self.backoff_s = backoff_s
        self.rules = DeliveryRules(is_ordered, backoff_s[0] * S, backoff_s[1] * S, max_attempts)
        self.backlog = Backlog(self.rules)
        self.disk: dict[int, Delivery] = {}
        self.messages: dict[int, Expected] = {}
        self.published = 0
        self.dead: set[int] = set()
        self.expected_dead: set[int] = set()
        self.old_ids: list[tuple[int, int]] = []
        self.now_us = 1_000 * S

    # The disk

    def commit(self) -> None:
        for letter in self.backlog.dead_letters():
            assert letter.message.id not in self.dead
            self.dead.add(letter.message.id)
        changes = self.backlog.changes()
        for changed in changes.changed:
            assert changed.message.id in self.disk
            self.disk[changed.message.id] = changed
        for number in changes.done:
            del self.disk[number]

    # The model

    def fail(self, number: int, at_us: int) -> None:
        message = self.messages[number]
        message.lease_us = None
        message.failures += 1
        if self.rules.max_attempts and message.failures == self.rules.max_attempts:
            self.expected_dead.add(number)
            del self.messages[number]
            return
        least, most = self.backoff_s
        wait_s = least
        for _ in range(message.failures - 1):
            wait_s = min(2 * wait_s, most)
        message.free_us = at_us + min(wait_s, most) * S

    def pass_time(self, seconds: float) -> None:
        self.now_us += int(seconds * S)
        for number, message in list(self.messages.items()):
            if message.lease_us is not None and message.lease_us <= self.now_us:
                self.fail(number, message.lease_us)

    def may_come(self, number: int) -> bool:
        message = self.messages[number]
        if message.lease_us is not None or message.free_us > self.now_us:
            return False
        if not self.rules.is_ordered or not message.key:
            return True
        first = min(n for n, other in self.messages.items() if other.key == message.key)
        return first == number

    # What happens

    @rule(key=st.sampled_from(KEYS), size=st.integers(1, 100))
    def publish(self, key: str, size: int) -> None:
        self.published += 1
        message = Message(self.published, size, key)
        self.backlog.add(message)
        self.disk[message.id] = Delivery(message, until_us=self.now_us)
        self.messages[message.id] = Expected(key)

    @rule(count=st.integers(1, 5), seconds=st.sampled_from([1, 10, 60]), holder=st.integers(0, 2))
    def pull(self, count: int, seconds: int, holder: int) -> None:
        self.backlog.settle(self.now_us)
        for _ in range(count):
            if self.backlog.peek() is None:
                assert not any(map(self.may_come, self.messages)), "a message is held back"
                break
            lease = self.backlog.lease(self.now_us + seconds * S, holder)
            number = lease.message.id
            assert number in self.messages, f"{number} is done"
            assert self.may_come(number), f"{number} may not come now"
            message = self.messages[number]
            assert lease.failures == message.failures
            assert (number, lease.delivery) not in self.old_ids, "an ack id was given twice"
            message.delivery = lease.delivery
            message.lease_us = self.now_us + seconds * S
            self.old_ids.append((number, lease.delivery))
        self.commit()

    @precondition(lambda self: self.old_ids)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        number, delivery = data.draw(st.sampled_from(self.old_ids))
        self.backlog.settle(self.now_us)
        message = self.messages.get(number)
        is_latest = message is not None and message.delivery == delivery
        assert self.backlog.acknowledge(number, delivery) is is_latest
        if is_latest:
            del self.messages[number]
        self.commit()

    @precondition(lambda self: self.old_ids)
    @rule(data=st.data(), seconds=st.sampled_from([0, 1, 9, 600]))
    def modify(self, data: st.DataObject, seconds: int) -> None:
        number, delivery = data.draw(st.sampled_from(self.old_ids))
        self.backlog.settle(self.now_us)
        message = self.messages.get(number)
        holds = message is not None and message.delivery == delivery and message.lease_us
        if seconds:
            until_us = self.now_us + seconds * S
            assert self.backlog.extend(number, delivery, until_us) is bool(holds)
            if message is not None and holds:
                message.lease_us = until_us
        else:
            assert self.backlog.give_up(number, delivery, self.now_us) is bool(holds)
            if holds:
                self.fail(number, self.now_us)
        self.commit()

    @rule(seconds=st.sampled_from([0.5, 1, 4, 10, 60, 700]))
    def time_passes(self, seconds: float) -> None:
        self.pass_time(seconds)

    @rule()
    def the_timer_fires(self) -> None:
        due_us = self.backlog.due_us()
        if due_us is not None and due_us <= self.now_us:
            self.backlog.settle(self.now_us)
            self.commit()
            later_us = self.backlog.due_us()
            assert later_us is None or later_us > self.now_us

    @rule(holder=st.integers(1, 2))
    def a_lease_is_not_handed_over(self, holder: int) -> None:
        self.backlog.settle(self.now_us)
        if self.backlog.peek() is not None:
            lease = self.backlog.lease(self.now_us + 10 * S, holder)
            self.old_ids.append((lease.message.id, lease.delivery))
            self.messages[lease.message.id].delivery = lease.delivery
            self.backlog.take_back(lease.message.id, lease.delivery, self.now_us)
        self.commit()

    @rule(count=st.integers(0, 3))
    def crash(self, count: int) -> None:
        """Leases that were not committed were not given out either."""
        self.backlog.settle(self.now_us)
        for _ in range(count):
            if self.backlog.peek() is not None:
                self.backlog.lease(self.now_us + 10 * S)
        self.backlog = Backlog(self.rules, self.disk.values())
        self.backlog.settle(self.now_us)
        self.commit()

    @invariant()
    def nothing_is_lost(self) -> None:
        if hasattr(self, "backlog"):
            self.backlog.settle(self.now_us)
            self.commit()
            assert self.dead == self.expected_dead
            assert self.disk.keys() == self.messages.keys()
            assert len(self.backlog) == len(self.messages)
            for holder in (1, 2):
                held = self.backlog.outstanding(holder)
                assert held.messages >= 0
                assert held.size >= held.messages

    def teardown(self) -> None:
        """Everything that is left can be had and acknowledged, each key in order."""
        if not hasattr(self, "backlog"):
            return
        seen: list[tuple[str, int]] = []
        for _ in range(self.published + 1):
            self.pass_time(700)
            self.backlog.settle(self.now_us)
            while (message := self.backlog.peek()) is not None:
                lease = self.backlog.lease(self.now_us + 10 * S)
                seen.append((message.key, message.id))
                self.backlog.acknowledge(message.id, lease.delivery)
                self.messages.pop(message.id)
            self.commit()
        assert self.messages == {}
        assert len(self.backlog) == 0
        if self.rules.is_ordered:
            for key in ("a", "b"):
                order = [number for name, number in seen if name == key]
                assert order == sorted(order)


@pytest.mark.parametrize(
    ("examples", "steps"),
    [
        pytest.param(60, 40, id="short"),
        pytest.param(250, 40, id="10,000 steps", marks=pytest.mark.slow),
    ],
)
def test_no_sequence_of_calls_and_crashes_breaks_a_promise(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        BacklogMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
