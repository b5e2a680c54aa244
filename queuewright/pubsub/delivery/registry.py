"""The topics and subscriptions that exist, and the way of a message from one to the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from queuewright.engine import Clock
from queuewright.errors import Refusal
from queuewright.pubsub.delivery.dead_letters import dead_letter
from queuewright.pubsub.delivery.rules import delivery_rules
from queuewright.pubsub.delivery.subscription import RunningSubscription
from queuewright.pubsub.events import Event, MessagePublished
from queuewright.pubsub.protocol import refusals
from queuewright.pubsub.protocol.messages import PubsubMessage, Subscription, Topic
from queuewright.pubsub.rules.backlog import Changes, DeadLetter, DeliveryRules, Message
from queuewright.pubsub.rules.filters import Matches, attribute_filter
from queuewright.pubsub.state.rows import Publication, SubscriptionRow, TopicRow
from queuewright.pubsub.state.store import Store


@dataclass
class RunningTopic:
    """A topic, and the subscriptions that get its messages."""

    row: TopicRow
    subscriptions: list[RunningSubscription]


class Registry:
    """Finds topics and subscriptions by name, and publishes messages.

    Args:
        clock: tells the publish times.
        store: keeps everything.
        on_stored: called when messages were stored, so that their end can be planned.
        on_dead: called when messages were dropped, so that they can be deleted.
        emit: gets what happens.
    """

    def __init__(
        self,
        clock: Clock,
        store: Store,
        on_stored: Callable[[], None],
        on_dead: Callable[[], None],
        emit: Callable[[Event], None] | None = None,
    ) -> None:
        self._emit = emit
        self._clock = clock
        self._store = store
        self._on_stored = on_stored
        self._on_dead = on_dead
        self._topics: dict[str, RunningTopic] = {}
        self._subscriptions: dict[str, RunningSubscription] = {}
        self._by_number: dict[int, RunningSubscription] = {}
        by_number: dict[int, RunningTopic] = {}
        for row in store.topics():
            by_number[row.number] = self._topics[row.config.name] = RunningTopic(row, [])
        for each in store.subscriptions():
            self._run(each, by_number.get(each.topic))

    # Finding

    def topics(self, project: str) -> Iterator[RunningTopic]:
        """Yield a project's topics in the order of their names."""
        prefix = f"{project}/topics/"
        for name in sorted(self._topics):
            if name.startswith(prefix):
                yield self._topics[name]

    def subscriptions(self, project: str = "") -> Iterator[RunningSubscription]:
        """Yield a project's subscriptions, or all, in the order of their names."""
        prefix = f"{project}/subscriptions/" if project else ""
        for name in sorted(self._subscriptions):
            if name.startswith(prefix):
                yield self._subscriptions[name]

    def topic(self, name: str) -> RunningTopic:
        """Return a topic, or raise NOT_FOUND."""
        found = self._topics.get(name)
        if found is None:
            raise refusals.missing(name)
        return found

    def subscription(self, name: str) -> RunningSubscription:
        """Return a subscription, or raise NOT_FOUND."""
        found = self._subscriptions.get(name)
        if found is None:
            raise refusals.missing(name)
        return found

    def has_topic(self, name: str) -> bool:
        """Return whether there is such a topic."""
        return name in self._topics

    def has_subscription(self, name: str) -> bool:
        """Return whether there is such a subscription."""
        return name in self._subscriptions

    def has_subscription_number(self, number: int) -> bool:
        """Return whether there is a subscription with this number."""
        return number in self._by_number

    # Changing

    def add_topic(self, config: Topic) -> None:
        """Create a topic."""
        row = TopicRow(self._store.new_id(), config)
        self._store.save_topic(row)
        self._topics[config.name] = RunningTopic(row, [])
        self._apply_rules()

    def change_topic(self, topic: RunningTopic, config: Topic) -> None:
        """Give a topic another configuration."""
        self._store.save_topic(TopicRow(topic.row.number, config))
        topic.row.config = config

    def delete_topic(self, name: str, left: str) -> None:
        """Delete a topic; its subscriptions stay, with their messages, under the topic `left`."""
        topic = self.topic(name)
        rows = []
        for each in topic.subscriptions:
            config = Subscription()
            config.CopyFrom(each.row.config)
            config.topic = left
            rows.append(SubscriptionRow(each.row.number, 0, config))
        self._store.delete_topic(topic.row.number, rows)
        for each, row in zip(topic.subscriptions, rows, strict=True):
            each.row = row
        del self._topics[name]
        self._apply_rules()

    def add_subscription(self, config: Subscription) -> None:
        """Create a subscription of an existing topic."""
        topic = self.topic(config.topic)
        row = SubscriptionRow(self._store.new_id(), topic.row.number, config)
        self._store.save_subscription(row)
        self._run(row, topic)

    def change_subscription(self, subscription: RunningSubscription, config: Subscription) -> None:
        """Give a subscription another configuration."""
        row = subscription.row
        self._store.save_subscription(SubscriptionRow(row.number, row.topic, config))
        row.config = config
        self._apply_rules()
        self._on_stored()

    def detach(self, subscription: RunningSubscription, config: Subscription) -> None:
        """Take a subscription from its topic and drop its messages."""
        self._renumber(subscription, SubscriptionRow(subscription.row.number, 0, config))
        self._leave_topic(subscription)
        subscription.end_takers(refusals.detached(config.name))

    def purge(self, subscription: RunningSubscription) -> None:
        """Drop a subscription's messages."""
        self._renumber(subscription, subscription.row)

    def delete_subscription(self, name: str) -> None:
        """Delete a subscription and its messages."""
        subscription = self.subscription(name)
        self._store.delete_subscription(subscription.row.number)
        del self._subscriptions[name], self._by_number[subscription.row.number]
        self._leave_topic(subscription)
        subscription.close(refusals.missing(name))
        self._on_dead()

    def clock_set_back(self, by_us: int) -> None:
        """Let leases and backoffs last as long as before, after the clock was set back."""
        for each in self._subscriptions.values():
            each.clock_set_back(by_us)

    def close(self, error: Refusal) -> None:
        """End everything that waits, with an error."""
        for each in self._subscriptions.values():
            each.close(error)

    # Publishing

    def publish(self, topic: RunningTopic, messages: Iterable[PubsubMessage]) -> list[str]:
        """Publish messages, all or none, and return their ids."""
        publications = [self._publication(topic, message) for message in messages]
        self._store.publish(publications)
        self._hand_on(publications)
        if self._emit is not None:
            for each in publications:
                self._emit(
                    MessagePublished(
                        time_us=each.publish_us,
                        topic=topic.row.config.name,
                        message=str(each.message.id),
                        subscriptions=len(each.subscriptions),
                    )
                )
        return [str(each.message.id) for each in publications]

    def _publication(self, topic: RunningTopic, message: PubsubMessage) -> Publication:
        now_us = self._clock.now_us()
        number = self._store.new_id()
        stored = PubsubMessage()
        stored.CopyFrom(message)
        stored.message_id = str(number)
        stored.publish_time.FromMicroseconds(now_us)
        content = stored.SerializeToString()
        numbers = tuple(
            each.row.number for each in topic.subscriptions if each.matches(message.attributes)
        )
        seen = Message(number, len(content), message.ordering_key)
        return Publication(seen, now_us, content, numbers)

    def _hand_on(self, publications: Iterable[Publication]) -> None:
        """Add stored messages to the backlogs of their subscriptions."""
        for publication in publications:
            for number in publication.subscriptions:
                self._by_number[number].add(publication.message)
        self._on_stored()

    def _write(
        self, subscription: RunningSubscription, changes: Changes, dead: list[DeadLetter]
    ) -> None:
        """Write a subscription's changes, and publish its dead letters."""
        letters: list[Publication] = []
        config = subscription.row.config
        topic = self._topics.get(config.dead_letter_policy.dead_letter_topic)
        for each in dead:
            content = self._store.contents([each.message.id])[0]
            if topic is not None and content is not None:
                letters.append(self._publication(topic, dead_letter(content, each, config.name)))
        self._store.write(
            subscription.row.number,
            changes,
            retain=config.retain_acked_messages,
            dead_letters=letters,
        )
        self._hand_on(letters)

    def _run(self, row: SubscriptionRow, topic: RunningTopic | None) -> None:
        running = RunningSubscription(
            self._clock,
            self._store,
            row,
            self._rules_of(row),
            _matches(row.config),
            self._write,
            self._emit,
        )
        self._subscriptions[row.config.name] = self._by_number[row.number] = running
        if topic is not None:
            topic.subscriptions.append(running)

    def _leave_topic(self, subscription: RunningSubscription) -> None:
        for topic in self._topics.values():
            if subscription in topic.subscriptions:
                topic.subscriptions.remove(subscription)

    def _renumber(self, subscription: RunningSubscription, row: SubscriptionRow) -> None:
        """Give a subscription a new number, under which there are no messages."""
        renumbered = self._store.renumber(row)
        del self._by_number[row.number]
        self._by_number[renumbered.number] = subscription
        subscription.renumber(renumbered)
        self._on_dead()

    def _apply_rules(self) -> None:
        """Apply changed configurations, and that a dead-letter topic came or went."""
        for each in self._subscriptions.values():
            each.apply(self._rules_of(each.row))

    def _rules_of(self, row: SubscriptionRow) -> DeliveryRules:
        return delivery_rules(row.config, self.has_topic)


def _matches(config: Subscription) -> Matches | None:
    return attribute_filter(config.filter) if config.filter else None
