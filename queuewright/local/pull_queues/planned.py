"""Turns a pull queue's plan into Pub/Sub's messages. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from queuewright.blueprint import PullQueuePlan
from queuewright.pubsub.protocol import Subscription, Topic


def topics(plan: PullQueuePlan, labels: Mapping[str, str]) -> list[Topic]:
    """Return the topic of a queue, and the one of its dead letters if it has any."""
    names = [plan.topic, plan.dead_letter_topic]
    found = []
    for name in filter(None, names):
        topic = Topic(name=name, labels=labels)
        topic.message_storage_policy.allowed_persistence_regions.extend(plan.regions)
        found.append(topic)
    return found


def subscriptions(plan: PullQueuePlan, labels: Mapping[str, str]) -> list[Subscription]:
    """Return the subscription of a queue, and the one that keeps its dead letters."""
    found = [_subscription(plan, labels)]
    if plan.dead_letter_subscription is not None and plan.dead_letters is not None:
        dead = _kept(plan, labels, plan.dead_letters.keep)
        dead.name = plan.dead_letter_subscription
        dead.topic = plan.dead_letter_topic or ""
        found.append(dead)
    return found


def _subscription(plan: PullQueuePlan, labels: Mapping[str, str]) -> Subscription:
    subscription = _kept(plan, labels, plan.keep)
    subscription.name, subscription.topic = plan.subscription, plan.topic
    subscription.retry_policy.minimum_backoff.FromTimedelta(plan.min_backoff)
    subscription.retry_policy.maximum_backoff.FromTimedelta(plan.max_backoff)
    if plan.dead_letters is not None:
        policy = subscription.dead_letter_policy
        policy.dead_letter_topic = plan.dead_letter_topic or ""
        policy.max_delivery_attempts = plan.dead_letters.max_attempts
    return subscription


def _kept(plan: PullQueuePlan, labels: Mapping[str, str], keep: timedelta) -> Subscription:
    subscription = Subscription(labels=labels, enable_message_ordering=plan.ordering)
    subscription.ack_deadline_seconds = plan.lease // timedelta(seconds=1)
    subscription.message_retention_duration.FromTimedelta(keep)
    subscription.expiration_policy.SetInParent()  # without a `ttl`: never
    return subscription
