"""One subscription's messages: leases, redelivery, order, dead letters."""

from __future__ import annotations

from queuewright.pubsub.rules.backlog import (
    Backlog,
    DeadLetter,
    Delivery,
    DeliveryRules,
    Lease,
    Message,
)
from queuewright.pubsub.rules.flow import Outstanding

S = 1_000_000
PLAIN = DeliveryRules()
ORDERED = DeliveryRules(is_ordered=True)


def backlog(*messages: Message, rules: DeliveryRules = PLAIN) -> Backlog:
    made = Backlog(rules)
    for message in messages:
        made.add(message)
    return made


def numbers(*ids: int, key: str = "") -> list[Message]:
    return [Message(number, 10, key) for number in ids]


def taken(of: Backlog, now_us: int = 0, lease_us: int = 10 * S, holder: int = 0) -> list[Lease]:
    """Everything that can be delivered now."""
    of.settle(now_us)
    found = []
    while of.peek() is not None:
        found.append(of.lease(now_us + lease_us, holder))
    return found


def ids(leases: list[Lease]) -> list[int]:
    return [lease.message.id for lease in leases]


def test_messages_come_in_the_order_of_publishing() -> None:
    assert ids(taken(backlog(*numbers(1, 2, 3)))) == [1, 2, 3]


def test_a_leased_message_comes_again_when_its_lease_ends_and_not_before() -> None:
    of = backlog(*numbers(1))
    taken(of)
    assert taken(of, 10 * S - 1) == []
    assert taken(of, 10 * S) == [Lease(Message(1, 10), delivery=2, failures=1)]


def test_an_acknowledged_message_never_comes_again() -> None:
    of = backlog(*numbers(1))
    taken(of)
    assert of.acknowledge(1, 1)
    assert taken(of, 999 * S) == []
    assert len(of) == 0
    assert not of.acknowledge(1, 1)


def test_a_late_acknowledgement_counts_until_the_message_is_delivered_again() -> None:
    of = backlog(*numbers(1, 2))
    taken(of)
    of.settle(10 * S)
    assert of.acknowledge(1, 1)
    assert ids(taken(of, 10 * S)) == [2]
    assert not of.acknowledge(2, 1)
    assert len(of) == 1


def test_a_lease_given_up_comes_again_behind_what_waited_longer() -> None:
    of = backlog(*numbers(1, 2))
    of.lease(10 * S)
    assert of.give_up(1, 1, 0)
    assert ids(taken(of)) == [2, 1]


def test_an_extension_counts_from_the_call_and_may_shorten() -> None:
    of = backlog(*numbers(1, 2))
    taken(of)
    assert of.extend(1, 1, 20 * S)
    assert of.extend(2, 1, 1 * S)
    assert ids(taken(of, 1 * S, lease_us=99 * S)) == [2]
    assert ids(taken(of, 20 * S - 1)) == []
    assert ids(taken(of, 20 * S)) == [1]


def test_a_stale_id_does_not_touch_the_new_lease() -> None:
    of = backlog(*numbers(1))
    taken(of)
    taken(of, 10 * S)
    assert not of.give_up(1, 1, 11 * S)
    assert not of.extend(1, 1, 99 * S)
    assert not of.acknowledge(1, 1)
    assert taken(of, 20 * S - 1) == []
    assert ids(taken(of, 20 * S)) == [1]


def test_an_ended_lease_cannot_be_extended() -> None:
    of = backlog(*numbers(1))
    taken(of)
    of.settle(10 * S)
    assert not of.extend(1, 1, 99 * S)
    assert ids(taken(of, 10 * S)) == [1]


def test_a_failed_message_waits_for_its_backoff_and_others_do_not() -> None:
    rules = DeliveryRules(min_backoff_us=10 * S, max_backoff_us=15 * S)
    of = backlog(*numbers(1), rules=rules)
    taken(of)
    of.give_up(1, 1, 1 * S)
    of.add(Message(2, 10))
    assert ids(taken(of, 2 * S, lease_us=999 * S)) == [2]
    assert taken(of, 11 * S - 1) == []
    assert ids(taken(of, 11 * S)) == [1]
    assert taken(of, 36 * S - 1) == []  # the lease ended at 21 s, the second wait is 15 s
    assert ids(taken(of, 36 * S)) == [1]


def test_after_its_last_attempt_a_message_is_a_dead_letter() -> None:
    of = backlog(*numbers(1), rules=DeliveryRules(max_attempts=2))
    taken(of)
    of.give_up(1, 1, 0)
    assert of.dead_letters() == []
    assert taken(of)[0].failures == 1
    of.settle(10 * S)
    assert of.dead_letters() == [DeadLetter(Message(1, 10), failures=2)]
    assert taken(of, 99 * S) == []
    assert of.changes().done == [1]


def test_of_a_key_only_the_first_message_is_out() -> None:
    of = backlog(*numbers(1, 3, key="a"), *numbers(2, key="b"), rules=ORDERED)
    assert ids(taken(of)) == [1, 2]
    of.acknowledge(1, 1)
    assert ids(taken(of)) == [3]
    of.acknowledge(3, 1)
    of.add(Message(4, 10, "a"))
    assert ids(taken(of)) == [4]


def test_a_backoff_blocks_its_key_and_a_dead_letter_frees_it() -> None:
    rules = DeliveryRules(is_ordered=True, min_backoff_us=S, max_backoff_us=S, max_attempts=2)
    of = backlog(*numbers(1, 2, key="a"), rules=rules)
    taken(of)
    of.give_up(1, 1, 0)
    assert taken(of, S - 1) == []
    assert ids(taken(of, S)) == [1]
    of.give_up(1, 2, S)
    assert ids(taken(of, S)) == [2]


def test_without_ordering_a_key_holds_nothing_back() -> None:
    assert ids(taken(backlog(*numbers(1, 2, key="a")))) == [1, 2]


def test_a_holder_counts_what_it_holds_until_the_lease_ends() -> None:
    of = backlog(*numbers(1, 2, 3, 4))
    taken(of, holder=7)
    assert of.outstanding(7) == Outstanding(4, 40)
    of.acknowledge(1, 1)
    of.give_up(2, 1, 0)
    assert of.outstanding(7) == Outstanding(2, 20)
    of.settle(10 * S)
    assert of.outstanding(7) == Outstanding(0, 0)


def test_a_lease_that_was_not_handed_over_is_no_failure() -> None:
    of = backlog(*numbers(1, 2))
    of.lease(10 * S, 7)
    of.take_back(1, 1, 0)
    assert of.outstanding(7) == Outstanding(0, 0)
    assert taken(of)[0] == Lease(Message(1, 10), delivery=2, failures=0)


def test_changes_are_told_once() -> None:
    of = backlog(*numbers(1, 2))
    taken(of)
    of.acknowledge(2, 1)
    found = of.changes()
    assert found.changed == [Delivery(Message(1, 10), 1, 0, 10 * S, True)]
    assert found.done == [2]
    assert not of.changes()


def test_what_was_stored_is_loaded() -> None:
    """A lease until its end, a backoff until its end, and the first of each key."""
    stored = [
        Delivery(Message(1, 10), 3, 2, 50 * S, True),
        Delivery(Message(2, 10), 1, 1, 60 * S, False),
        Delivery(Message(3, 10, "a")),
        Delivery(Message(4, 10, "a")),
    ]
    of = Backlog(ORDERED, stored)
    assert len(of) == 4
    assert ids(taken(of)) == [3]
    assert of.acknowledge(1, 3)
    assert not of.acknowledge(2, 2)
    assert taken(of, 60 * S - 1, 999 * S)[0].message.id == 3
    assert taken(of, 60 * S) == [Lease(Message(2, 10), 2, 1)]


def test_a_message_that_comes_back_by_a_seek_keeps_its_count_behind_a_leased_one() -> None:
    """So an ack id is never given twice."""
    stored = [
        Delivery(Message(1, 10, "a"), 4, 0, 0, False),
        Delivery(Message(2, 10, "a"), 1, 0, 10 * S, True),
    ]
    of = Backlog(ORDERED, stored)
    assert taken(of) == []
    assert not of.acknowledge(1, 4)
    of.acknowledge(2, 1)
    assert taken(of)[0].delivery == 5


def test_a_new_backlog_keeps_the_holders_of_its_leases() -> None:
    of = backlog(*numbers(1, 2))
    taken(of, holder=7)
    left = [each for each in of.changes().changed if each.message.id == 2]
    former, of = of, Backlog(of.rules, left)
    of.inherit(former)
    assert of.outstanding(7) == Outstanding(1, 10)
    of.acknowledge(2, 1)
    assert of.outstanding(7) == Outstanding(0, 0)


def test_extending_a_lease_again_and_again_does_not_grow() -> None:
    """One timer per message, however often its lease is extended."""
    of = backlog(*numbers(1))
    taken(of)
    for second in range(1, 1_000):
        of.settle(second * S)
        of.extend(1, 1, (second + 10) * S)
    assert len(of._timers) == 1
