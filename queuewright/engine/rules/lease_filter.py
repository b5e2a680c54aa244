"""The filter of LeaseTasks: which tasks a worker wants (`LeaseTasksRequest.filter`).

::

    filter   = "tag=" tag | "tag_function=" function
    tag      = string
    function = "oldest_tag()"
"""

from __future__ import annotations

from dataclasses import dataclass

from queuewright.cloud_tasks.leases import MAX_TAG_CHARACTERS
from queuewright.engine.protocol import refusals


@dataclass(frozen=True, slots=True)
class AnyTask:
    """All tasks: there is no filter."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """Tasks with exactly this tag. The empty tag means tasks without a tag, which is our choice."""

    tag: str


@dataclass(frozen=True, slots=True)
class OldestTag:
    """Tasks with the tag of the task that has been due for longest.

    If that task has no tag: tasks without one, as App Engine's development server does.
    """


LeaseFilter = AnyTask | Tagged | OldestTag


def lease_filter(text: str) -> LeaseFilter:
    """Parse a filter. A tag is the whole rest of the text, without quotes.

    Raises:
        Refusal: INVALID_ARGUMENT.

    >>> lease_filter(""), lease_filter("tag=a=b c"), lease_filter("tag_function=oldest_tag()")
    (AnyTask(), Tagged(tag='a=b c'), OldestTag())
    """
    if not text:
        return AnyTask()
    key, equals, value = text.partition("=")
    if key == "tag" and equals:
        return Tagged(check_tag(value, "LeaseTasksRequest.filter's tag"))
    if key == "tag_function" and value == "oldest_tag()":
        return OldestTag()
    raise refusals.invalid(
        f"Invalid filter '{text[:200]}': it must be `tag=<tag>` or `tag_function=oldest_tag()`."
    )


def check_tag(tag: str, field: str) -> str:
    """Return a tag if it is short enough.

    Raises:
        Refusal: INVALID_ARGUMENT.
    """
    if len(tag) > MAX_TAG_CHARACTERS:
        raise refusals.invalid(
            f"{field} must be at most {MAX_TAG_CHARACTERS} characters long, but has {len(tag)}."
        )
    return tag
