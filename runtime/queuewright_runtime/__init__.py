"""What a handler of queuewright imports: takes tasks from pull queues; `client` adds tasks."""

from queuewright_runtime.errors import PermanentError
from queuewright_runtime.pull import Pull, pull, work
from queuewright_runtime.task import Task

__all__ = ["PermanentError", "Pull", "Task", "pull", "work"]
