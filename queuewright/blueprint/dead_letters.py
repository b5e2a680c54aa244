"""The dead letters of a push queue: the paused queue that keeps them, and what a handler must know.

The queue itself makes a few attempts more than the spec says (`BURIAL_ATTEMPTS`). In those, the
library in the handler runs none of the user's code and only moves the task to the dead letters.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Final

from queuewright.blueprint.handlers import instance_plan
from queuewright.blueprint.model import DEAD_LETTERS_VARIABLE, DeadQueuePlan
from queuewright.blueprint.names import first_key, prefixed, queue_name
from queuewright.cloud_tasks import defaults
from queuewright.cloud_tasks.retry import UNLIMITED
from queuewright.spec import (
    BURIAL_ATTEMPTS,
    QueueSpec,
    RateLimits,
    RetryConfig,
    Spec,
    dead_queue_id,
)

WRAPPED_FUNCTION: Final = "queuewright_runtime/wrapped_function.py"
"""In the package of a function with dead letters: the file that the Functions Framework loads
instead of `main.py`. It wraps the function, which stays as it is:
https://github.com/GoogleCloudPlatform/functions-framework-python#configure-the-functions-framework
"""


def dead_queue_plan(spec: Spec, key: str) -> DeadQueuePlan | None:
    """The plan of the queue with the dead letters of push queue `key`; None if it keeps none.

    It is paused. Its tasks have the route of the queue they come from, so that one that is run by
    hand gets a second chance; it is never given up, however often that fails.
    """
    queue = spec.queues[key]
    if queue.dead_letters is None:
        return None
    identifier = dead_queue_id(queue_id(spec, key))
    return DeadQueuePlan(
        queue_id=identifier,
        path=queue.path,
        rate_limits=RateLimits(),
        retry_config=RetryConfig(max_attempts=UNLIMITED),
        sampling_ratio=queue.stackdriver_logging_config.sampling_ratio,
        desired_state="PAUSED",
        protect=queue.protect,
        dead_letters=None,
        name=queue_name(spec.project, spec.location, identifier),
        max_attempts=queue.retry_config.max_attempts,
        keep=queue.dead_letters.keep,
    )


def live_retry_config(queue: QueueSpec) -> RetryConfig:
    """The retry settings of the queue itself: with dead letters, it makes some attempts more."""
    retry = queue.retry_config
    if queue.dead_letters is None:
        return retry
    return retry.model_copy(update={"max_attempts": retry.max_attempts + BURIAL_ATTEMPTS})


def dead_letter_variables(spec: Spec, handler: str) -> dict[str, str]:
    """The variables that a handler needs to make dead letters; none if no queue of it keeps any.

    The value of `QUEUEWRIGHT_DEAD_LETTERS` is JSON. For the id of each queue, it has the full name
    of the queue of its dead letters (`queue`), the attempts of the spec (`max_attempts`) and of the
    queue (`last_attempt`), and the seconds after which an attempt is over (`timeout`).
    """
    queues = {
        queue_id(spec, key): {
            "queue": plan.name,
            "max_attempts": plan.max_attempts,
            "last_attempt": live_retry_config(queue).max_attempts,
            "timeout": round(_timeout(spec, handler).total_seconds()),
        }
        for key, queue in spec.queues.items()
        if queue.handler == handler and (plan := dead_queue_plan(spec, key)) is not None
    }
    if not queues:
        return {}
    wraps = spec.handlers[handler].function is not None
    return {
        DEAD_LETTERS_VARIABLE: json.dumps(queues, sort_keys=True),
        **({"FUNCTION_SOURCE": WRAPPED_FUNCTION} if wraps else {}),
    }


def queue_id(spec: Spec, key: str) -> str:
    """The id of push queue `key` on Google Cloud."""
    return prefixed(spec.prefix, first_key(key, spec.queues[key].renamed_from))


def _timeout(spec: Spec, handler: str) -> timedelta:
    """The longest time that a request to a handler takes."""
    plan = spec.handlers[handler]
    # An App Engine task with automatic scaling: `Task.dispatch_deadline` in task.proto.
    return (
        defaults.DISPATCH_DEADLINE if plan.app_engine is not None else instance_plan(plan).timeout
    )
