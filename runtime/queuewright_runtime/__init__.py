"""What a handler of queuewright imports: the current task, dead letters, and pull queues.

`queuewright_runtime.client` adds tasks to queues.
"""

from queuewright_runtime.asgi import AsgiTasks
from queuewright_runtime.attempt import TaskAttempt, current_task
from queuewright_runtime.errors import PermanentError
from queuewright_runtime.logs import structured_logs
from queuewright_runtime.pull import Pull, pull, work
from queuewright_runtime.task import Task
from queuewright_runtime.wsgi import WsgiTasks

__all__ = [
    "AsgiTasks",
    "PermanentError",
    "Pull",
    "Task",
    "TaskAttempt",
    "WsgiTasks",
    "current_task",
    "pull",
    "structured_logs",
    "work",
]
