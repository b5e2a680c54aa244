"""The plan of a pull queue: its topic, its subscription, and its dead letters."""

from __future__ import annotations

from queuewright.blueprint.accounts import delays_account
from queuewright.blueprint.model import (
    DeadLetterPlan,
    DelayQueuePlan,
    DelayQueueSettings,
    PullQueuePlan,
    PullQueueSettings,
    Reason,
)
from queuewright.blueprint.names import (
    PUBSUB,
    dead_letters_id,
    delays_id,
    first_key,
    prefixed,
    publish_path,
    queue_name,
    subscription_name,
    topic_name,
)
from queuewright.cloud_tasks import pubsub
from queuewright.spec import (
    DeadLetters,
    PullQueueSpec,
    PullSettings,
    RateLimits,
    RetryConfig,
    Spec,
    delays_key,
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
        delays=_delays(spec, key),
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


def delay_queue_settings(queue_id: str, topic: str, *, protect: bool) -> DelayQueueSettings:
    """The settings of the queue that keeps the delayed tasks of pull queue `queue_id`.

    `topic` is the full name of its topic. The rate limits and retries are Google's defaults.
    """
    return DelayQueueSettings(
        queue_id=delays_id(queue_id),
        path=publish_path(topic),
        rate_limits=RateLimits(),
        retry_config=RetryConfig(),
        sampling_ratio=0.0,
        desired_state="RUNNING",
        protect=protect,
        dead_letters=None,
        host=PUBSUB,
        scope=pubsub.SCOPE,
    )


def _delays(spec: Spec, key: str) -> DelayQueuePlan | None:
    queue = spec.pull_queues[key]
    if not queue.pull.delays:
        return None
    settings = delay_queue_settings(queue_id(spec, key), topic(spec, key), protect=queue.protect)
    return DelayQueuePlan(
        **vars(settings),
        name=delay_queue(spec, key),
        account=delays_account(key),
        variable=queue_variable(delays_key(key)),
    )


def delay_queue(spec: Spec, key: str) -> str:
    """The full name of the queue that keeps the delayed tasks of pull queue `key`."""
    return queue_name(spec.project, spec.location, delays_id(queue_id(spec, key)))


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
