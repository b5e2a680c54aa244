"""What a worker of a queuewright queue imports: takes tasks from a pull queue."""

from queuewright_runtime.errors import PermanentError
from queuewright_runtime.pull import Pull, pull, work
from queuewright_runtime.task import Task

__all__ = ["PermanentError", "Pull", "Task", "pull", "work"]
