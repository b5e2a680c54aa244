"""The names of things in the API, taken apart.

The allowed characters are those of `Queue.name` and `Task.name` in Google's client library.
A location is not looked up: any well-formed one is accepted, so that every region can be
emulated.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from queuewright.cloud_tasks import names
from queuewright.engine.protocol import refusals

_is_project = re.compile(names.PROJECT).fullmatch
_is_location = re.compile(names.LOCATION).fullmatch
_is_queue = re.compile(names.QUEUE).fullmatch
_is_task = re.compile(rf"({names.QUEUE})/tasks/([^/]*)", re.DOTALL).fullmatch
_is_task_id = re.compile(names.TASK_ID).fullmatch


class TaskName(NamedTuple):
    """A task's name in two parts: its queue's name, and its own id within the queue."""

    queue: str
    task_id: str


def check_project(name: str) -> str:
    """Return a project's name `projects/P`.

    Raises:
        Refusal: INVALID_ARGUMENT; it isn't one.
    """
    if not _is_project(name):
        raise refusals.invalid('Project name must be formatted: "projects/<PROJECT_ID>".')
    return name


def check_location(name: str) -> str:
    """Return a location's name `projects/P/locations/L`.

    Raises:
        Refusal: INVALID_ARGUMENT; it isn't one.
    """
    if not _is_location(name):
        raise refusals.location_name_malformed()
    return name


def check_queue(name: str) -> str:
    """Return a queue's name `projects/P/locations/L/queues/Q`.

    Raises:
        Refusal: INVALID_ARGUMENT; it isn't one.
    """
    if not _is_queue(name):
        raise refusals.queue_name_malformed()
    return name


def check_task_id(task_id: str) -> str:
    """Return a task's id.

    Raises:
        Refusal: INVALID_ARGUMENT; it has other characters, or not 1 to 500.
    """
    if not _is_task_id(task_id):
        raise refusals.task_id_malformed(task_id)
    return task_id


def task_name(name: str) -> TaskName:
    """Take a task's full name apart.

    Raises:
        Refusal: INVALID_ARGUMENT; it isn't one.
    """
    match = _is_task(name)
    if not match:
        raise refusals.task_name_malformed()
    return TaskName(match[1], check_task_id(match[2]))


def location_of(queue: str) -> str:
    """Return the name of the location of a queue.

    >>> location_of("projects/p/locations/l/queues/q")
    'projects/p/locations/l'
    """
    return queue.partition("/queues/")[0]


def project_of(name: str) -> str:
    """Return the name of the project of anything.

    >>> project_of("projects/p/locations/l/queues/q")
    'projects/p'
    """
    return "/".join(name.split("/", 2)[:2])


def short(name: str) -> str:
    """Return the last part of a name: the id of the queue or task itself.

    >>> short("projects/p/locations/l/queues/q/tasks/t")
    't'
    """
    return name.rpartition("/")[2]
