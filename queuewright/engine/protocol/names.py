"""Parses and checks the resource names of the API.

Locations are not looked up: every well-formed one is accepted, so that any region can be emulated.
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
    """A task's name in two parts: the queue's full name, and the task's id within the queue."""

    queue: str
    task_id: str


def check_project(name: str) -> str:
    """Return a project's name, `projects/P`, if it is valid.

    Raises:
        Refusal: INVALID_ARGUMENT.
    """
    if not _is_project(name):
        raise refusals.invalid('Project name must be formatted: "projects/<PROJECT_ID>".')
    return name


def check_location(name: str) -> str:
    """Return a location's name, `projects/P/locations/L`, if it is valid.

    Raises:
        Refusal: INVALID_ARGUMENT.
    """
    if not _is_location(name):
        raise refusals.location_name_malformed()
    return name


def check_queue(name: str) -> str:
    """Return a queue's name, `projects/P/locations/L/queues/Q`, if it is valid.

    Raises:
        Refusal: INVALID_ARGUMENT.
    """
    if not _is_queue(name):
        raise refusals.queue_name_malformed()
    return name


def check_task_id(task_id: str) -> str:
    """Return a task's id if it is valid: 1 to 500 of the allowed characters.

    Raises:
        Refusal: INVALID_ARGUMENT.
    """
    if not _is_task_id(task_id):
        raise refusals.task_id_malformed(task_id)
    return task_id


def task_name(name: str) -> TaskName:
    """Split a task's full name.

    Raises:
        Refusal: INVALID_ARGUMENT if it is malformed.
    """
    match = _is_task(name)
    if not match:
        raise refusals.task_name_malformed()
    return TaskName(match[1], check_task_id(match[2]))


def location_of(queue: str) -> str:
    """Return the name of a queue's location.

    >>> location_of("projects/p/locations/l/queues/q")
    'projects/p/locations/l'
    """
    return queue.partition("/queues/")[0]


def project_of(name: str) -> str:
    """Return the name of a resource's project.

    >>> project_of("projects/p/locations/l/queues/q")
    'projects/p'
    """
    return "/".join(name.split("/", 2)[:2])


def short(name: str) -> str:
    """Return the last part of a name: the id of the queue or task.

    >>> short("projects/p/locations/l/queues/q/tasks/t")
    't'
    """
    return name.rpartition("/")[2]
