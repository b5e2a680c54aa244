"""Declares a blueprint's pull queues in Pub/Sub: creates, updates and keeps what it has."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from queuewright.blueprint import Blueprint, PullQueuePlan
from queuewright.errors import Refusal
from queuewright.local.console.console import ENVIRONMENT, Console
from queuewright.local.pull_queues.planned import subscriptions, topics
from queuewright.local.state_folder import read_names, write_names
from queuewright.pubsub import PubSub
from queuewright.pubsub.protocol import (
    GetSubscriptionRequest,
    GetTopicRequest,
    Subscription,
    Topic,
    UpdateSubscriptionRequest,
    UpdateTopicRequest,
)

FILE: Final = "declared_pull_queues.json"
TOPIC_FIELDS: Final = ("labels", "message_storage_policy")
SUBSCRIPTION_FIELDS: Final = (
    "ack_deadline_seconds",
    "message_retention_duration",
    "labels",
    "expiration_policy",
    "retry_policy",
    "dead_letter_policy",
)


class DeclaredPullQueues:
    """The pull queues that a configuration has declared in Pub/Sub."""

    def __init__(self, server: PubSub, console: Console, folder: Path | None) -> None:
        """The names of their subscriptions are kept in `folder`; None keeps none."""
        self._server = server
        self._console = console
        self._file = folder / FILE if folder is not None else None
        self._names = read_names(self._file)

    async def declare(self, blueprint: Blueprint) -> dict[str, Refusal]:
        """Make Pub/Sub match a blueprint.

        Returns:
            What cannot be, by the queue's id. That queue stays as it was.
        """
        refused: dict[str, Refusal] = {}
        for plan in blueprint.pull_queues.values():
            try:
                await self._declare(plan, blueprint)
            except Refusal as refusal:
                refused[plan.queue_id] = refusal
        wanted = {plan.subscription for plan in blueprint.pull_queues.values()}
        for name in sorted(self._names - wanted):
            self._console.say(
                ENVIRONMENT,
                f"pull queue `{name.rpartition('/')[2]}` is no longer described: it keeps its "
                "tasks, and nobody may take them\n"
                "  hint: if you gave it another key, add `renamed_from: KEY` with its former key",
                "warning",
            )
        self._names = wanted
        write_names(self._file, wanted)
        return refused

    async def _declare(self, plan: PullQueuePlan, blueprint: Blueprint) -> None:
        for topic in topics(plan, blueprint.labels):
            await self._topic(topic)
        for subscription in subscriptions(plan, blueprint.labels):
            await self._subscription(subscription)

    async def _topic(self, wanted: Topic) -> None:
        publisher = self._server.publisher
        try:
            await publisher.get_topic(GetTopicRequest(topic=wanted.name))
        except Refusal as refusal:
            if refusal.code != "NOT_FOUND":
                raise
            await publisher.create_topic(wanted)
            return
        request = UpdateTopicRequest(topic=wanted)
        request.update_mask.paths.extend(TOPIC_FIELDS)
        await publisher.update_topic(request)

    async def _subscription(self, wanted: Subscription) -> None:
        subscriber = self._server.subscriber
        try:
            found = await subscriber.get_subscription(
                GetSubscriptionRequest(subscription=wanted.name)
            )
        except Refusal as refusal:
            if refusal.code != "NOT_FOUND":
                raise
            await subscriber.create_subscription(wanted)
            return
        _check_fixed(found, wanted)
        request = UpdateSubscriptionRequest(subscription=wanted)
        request.update_mask.paths.extend(SUBSCRIPTION_FIELDS)
        await subscriber.update_subscription(request)


def _check_fixed(found: Subscription, wanted: Subscription) -> None:
    """Refuse a change that Pub/Sub cannot make in place."""
    if found.enable_message_ordering != wanted.enable_message_ordering:
        now = "on" if found.enable_message_ordering else "off"
        raise Refusal(
            "FAILED_PRECONDITION",
            f"`ordering` is {now}, and Pub/Sub cannot change it in place: give the queue another "
            "key, or change it back",
        )
    if found.topic != wanted.topic:
        raise Refusal(
            "FAILED_PRECONDITION",
            f"its subscription belongs to `{found.topic}`: delete it, or give the queue "
            "another key",
        )
