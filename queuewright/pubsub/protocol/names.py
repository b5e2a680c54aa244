"""Checks the names of projects, topics and subscriptions. Any project exists."""

from __future__ import annotations

import re

from queuewright.cloud_tasks.names import PROJECT
from queuewright.cloud_tasks.pubsub import RESOURCE_ID
from queuewright.pubsub.protocol import refusals
from queuewright.pubsub.protocol.refusals import short

__all__ = ["check_project", "check_subscription", "check_topic", "project_of", "short"]

_is_project = re.compile(PROJECT).fullmatch
_is_topic = re.compile(rf"{PROJECT}/topics/{RESOURCE_ID}").fullmatch
_is_subscription = re.compile(rf"{PROJECT}/subscriptions/{RESOURCE_ID}").fullmatch


def check_project(name: str) -> str:
    """Return a project's name, `projects/P`, if it is valid.

    Raises:
        Refusal: INVALID_ARGUMENT.
    """
    if not _is_project(name):
        raise refusals.name_malformed(name)
    return name


def check_topic(name: str) -> str:
    """Return a topic's name, `projects/P/topics/T`, if it is valid.

    Raises:
        Refusal: INVALID_ARGUMENT.
    """
    if not _is_topic(name):
        raise refusals.name_malformed(name)
    return name


def check_subscription(name: str) -> str:
    """Return a subscription's name, `projects/P/subscriptions/S`, if it is valid.

    Raises:
        Refusal: INVALID_ARGUMENT.
    """
    if not _is_subscription(name):
        raise refusals.name_malformed(name)
    return name


def project_of(name: str) -> str:
    """Return the name of a resource's project.

    >>> project_of("projects/p/topics/t")
    'projects/p'
    """
    return "/".join(name.split("/", 2)[:2])
