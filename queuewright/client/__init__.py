"""For producers: adding tasks to queues, and Google's own clients for a local engine or Google.

`Tasks` and what belongs to it are those of `queuewright_runtime.client`.
"""

from queuewright.client.connect import EMULATOR_HOST, connect, connect_beta
from queuewright.client.pubsub import PUBSUB_EMULATOR_HOST, connect_publisher
from queuewright_runtime.client import (
    AsyncQueue,
    AsyncTasks,
    Enqueued,
    EnqueueError,
    NewTask,
    PartlyEnqueuedError,
    Queue,
    Tasks,
    task_id,
)
from queuewright_runtime.errors import ApiError, NoQueueError

__all__ = [
    "EMULATOR_HOST",
    "PUBSUB_EMULATOR_HOST",
    "ApiError",
    "AsyncQueue",
    "AsyncTasks",
    "EnqueueError",
    "Enqueued",
    "NewTask",
    "NoQueueError",
    "PartlyEnqueuedError",
    "Queue",
    "Tasks",
    "connect",
    "connect_beta",
    "connect_publisher",
    "task_id",
]
