"""The plan of a pull queue: its topic, its subscription, and its dead letters."""

from __future__ import annotations

from queuewright.blueprint.model import (
    DeadLetterPlan,
    PullQueuePlan,
    PullQueueSettings,
    Reason,
)
from queuewright.blueprint.names import (
    dead_letters_id,
    first_key,
    prefixed,
    subscription_name,
    topic_name,
)
from queuewright.cloud_tasks import pubsub
from queuewright.spec import (
    DeadLetters,
    PullQueueSpec,
    PullSettings,
    Spec,
    queue_variable,
    subscription_variable,
)


def pull_queue_plan(spec: Spec, key: str) -> PullQueuePlan:
    """The plan of pull queue `key`."""
    queue = spec.pull_queues[key]
    settings = pull_queue_settings(
        queue_id(spec, key),
        queue.pull,
        location=spec.location,
        dead_letters=queue.dead_letters,
        protect=queue.protect,
    )
    dead = settings.dead_letters
    return PullQueuePlan(
        **vars(settings),
        key=key,
        topic=topic(spec, key),
        subscription=subscription(spec, key),
        dead_letter_topic=topic_name(spec.project, dead.topic_id) if dead else None,
        dead_letter_subscription=(
            subscription_name(spec.project, dead.subscription_id)
            if dead and dead.subscription_id
            else None
        ),
        renamed_from=queue.renamed_from,
        worker=queue.worker,
        variable=queue_variable(key),
        subscription_variable=subscription_variable(key),
        payload=queue.payload,
        example=queue.example,
        reason=Reason(f"queue `{key}`", f"queues.{key}", spec.locate("queues", key)),
    )


def pull_queue_settings(
    queue_id: str,
    pull: PullSettings,
    *,
    location: str,
    dead_letters: DeadLetters | None,
    protect: bool,
) -> PullQueueSettings:
    """The settings of a pull queue, with Google's defaults.

    Pub/Sub counts attempts only for a dead-letter topic. So a queue that gives up tasks has one,
    and with `dead_letters` a subscription to it keeps them.
    """
    dead = None
    if dead_letters is not None or pull.max_attempts is not None:  # see `gives_up`
        identifier = dead_letters_id(queue_id)
        dead = DeadLetterPlan(
            topic_id=identifier,
            subscription_id=identifier if dead_letters is not None else None,
            max_attempts=pull.max_attempts or pubsub.MIN_DELIVERY_ATTEMPTS,
            keep=dead_letters.keep if dead_letters is not None else pubsub.MAX_RETENTION,
        )
    return PullQueueSettings(
        queue_id=queue_id,
        regions=(location,),
        lease=pull.lease,
        min_backoff=pull.min_backoff,
        max_backoff=pull.max_backoff,
        keep=pull.keep,
        ordering=pull.ordering,
        dead_letters=dead,
        protect=protect,
    )


def polls(spec: Spec, worker: str) -> dict[str, str]:
    """The subscriptions that a worker polls: variable → full name."""
    return {
        subscription_variable(key): subscription(spec, key)
        for key, queue in spec.pull_queues.items()
        if queue.worker == worker
    }


def gives_up(queue: PullQueueSpec) -> bool:
    """Whether a pull queue gives up tasks that fail too often."""
    return queue.dead_letters is not None or queue.pull.max_attempts is not None


def queue_id(spec: Spec, key: str) -> str:
    """The id of the topic and the subscription of pull queue `key`."""
    return prefixed(spec.prefix, first_key(key, spec.pull_queues[key].renamed_from))


def topic(spec: Spec, key: str) -> str:
    """The full name of the topic of pull queue `key`."""
    return topic_name(spec.project, queue_id(spec, key))


def subscription(spec: Spec, key: str) -> str:
    """The full name of the subscription of pull queue `key`."""
    return subscription_name(spec.project, queue_id(spec, key))
