"""Rules across several settings of a worker. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from queuewright.errors import Problem
from queuewright.spec.document import Node, Path, dotted
from queuewright.spec.handler_model import HandlerSpec
from queuewright.spec.validation import checkable
from queuewright.spec.values import size, written_size

LEAST_WORKER_MEMORY = size("512Mi")
"""https://cloud.google.com/run/docs/configuring/workerpools/memory-limits"""


def worker_rules(node: Node, at: Path, handler: HandlerSpec) -> Iterator[Problem]:
    """The problems of a worker, apart from its single values."""
    if node.at(("worker",)) is not None:
        for rule in (_image_rules, _memory_rules, _instance_rules, _local_rules):
            yield from checkable(rule(node, at, handler))


def _image_rules(node: Node, at: Path, handler: HandlerSpec) -> Iterator[Problem]:
    worker = handler.worker
    if worker is not None and (worker.source is None) == (worker.image is None):
        is_bare = worker.source is None
        message = "has neither `source` nor `image`" if is_bare else "has both `source` and `image`"
        hint = "give it exactly one of `source: FOLDER` and `image: NAME`"
        yield _problem(node, at, ("worker",), message, hint)


def _memory_rules(node: Node, at: Path, handler: HandlerSpec) -> Iterator[Problem]:
    if handler.memory is not None and handler.memory < LEAST_WORKER_MEMORY:
        least = written_size(LEAST_WORKER_MEMORY)
        message = f"`{written_size(handler.memory)}` is too little for a worker"
        yield _problem(node, at, ("memory",), message, f"give the worker `memory: {least}` or more")


def _instance_rules(node: Node, at: Path, handler: HandlerSpec) -> Iterator[Problem]:
    if "min" in handler.instances.model_fields_set and handler.instances.min == 0:
        message = "a worker keeps at least 1 instance: no task can start one"
        yield _problem(node, at, ("instances", "min"), message, "raise it, or remove it")


def _local_rules(node: Node, at: Path, handler: HandlerSpec) -> Iterator[Problem]:
    if handler.local.url is not None:
        message, hint = "nothing calls a worker, so it has no URL", "give a `command` instead"
        yield _problem(node, at, ("local", "url"), message, hint)


def _problem(node: Node, at: Path, path: Path, message: str, hint: str) -> Problem:
    return Problem(node.locate(path), dotted((*at, *path)), message, hint)
