"""Checks the arguments of a stand-alone component, with the rules of the YAML."""

from .handlers import handler_arguments
from .pull_queues import pull_queue_arguments
from .queues import queue_arguments
from .runtime import RuntimeArgs

__all__ = ["RuntimeArgs", "handler_arguments", "pull_queue_arguments", "queue_arguments"]
