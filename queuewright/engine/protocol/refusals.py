"""The refusals of the API, in Google's wording where it is recorded.

Recorded texts come from published answers of the real service (the golden files of
github.com/aertje/cloud-tasks-emulator, and public issues). Where nothing is recorded, the text is
marked *ours*; it begins the same way and names the fix.
"""

from __future__ import annotations

from pathlib import Path

from queuewright.cloud_tasks.leases import LEASE_CALLS_PER_SECOND
from queuewright.engine.protocol.messages import ErrorInfo, Help
from queuewright.errors import Refusal

_NAMES_HELP = "https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues"


def invalid(message: str) -> Refusal:
    """INVALID_ARGUMENT with a text."""
    return Refusal("INVALID_ARGUMENT", message)


def already_exists(message: str) -> Refusal:
    """ALREADY_EXISTS with a text."""
    return Refusal("ALREADY_EXISTS", message)


def aborted(message: str) -> Refusal:
    """ABORTED with a text."""
    return Refusal("ABORTED", message)


def precondition(message: str) -> Refusal:
    """FAILED_PRECONDITION with a text."""
    return Refusal("FAILED_PRECONDITION", message)


def unimplemented(message: str) -> Refusal:
    """UNIMPLEMENTED with a text, for a feature that is not emulated."""
    return Refusal("UNIMPLEMENTED", message)


def queue_name_malformed() -> Refusal:
    """A malformed queue name; recorded, with a `google.rpc.Help`."""
    return Refusal(
        "INVALID_ARGUMENT",
        'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>'
        '/queues/<QUEUE_ID>".',
        _help("Queue.name", _NAMES_HELP),
    )


def task_id_malformed(task_id: str) -> Refusal:
    """A task id that is too long or has other characters; recorded, with a `google.rpc.Help`."""
    return Refusal(
        "INVALID_ARGUMENT",
        f'Task ID "{task_id}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), '
        "or underscores (_). Task ID must between 1 and 500 characters.",
        _help("Task.name", f"{_NAMES_HELP}.tasks"),
    )


def task_name_malformed() -> Refusal:
    """A malformed task name; ours."""
    return Refusal(
        "INVALID_ARGUMENT",
        'Task name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>'
        '/queues/<QUEUE_ID>/tasks/<TASK_ID>".',
        _help("Task.name", f"{_NAMES_HELP}.tasks"),
    )


def location_name_malformed() -> Refusal:
    """A parent that is not a location; ours."""
    return invalid(
        'Location name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>".'
    )


def queue_exists() -> Refusal:
    """CreateQueue for a queue that exists; recorded."""
    return Refusal("ALREADY_EXISTS", "Queue already exists")


def queue_existed_too_recently() -> Refusal:
    """CreateQueue for a queue that was deleted recently; recorded."""
    return Refusal(
        "FAILED_PRECONDITION",
        "The queue cannot be created because a queue with this name existed too recently.",
    )


def queue_missing() -> Refusal:
    """Any call but DeleteQueue on a queue that does not exist; recorded."""
    return Refusal(
        "NOT_FOUND",
        "Queue does not exist. If you just created the queue, wait at least a minute for the "
        "queue to initialize.",
    )


def queue_missing_legacy() -> Refusal:
    """CreateTask on a queue that does not exist, as reported by users of earlier years.

    django-google-cloud-tasks creates the queue when it gets exactly this answer.
    """
    return Refusal("FAILED_PRECONDITION", "Queue does not exist.")


def entity_missing() -> Refusal:
    """DeleteQueue or a call on a task, where the queue or task never existed; recorded."""
    return Refusal("NOT_FOUND", "Requested entity was not found.")


def task_gone() -> Refusal:
    """A call on a task that was executed or deleted; recorded."""
    return Refusal(
        "NOT_FOUND",
        "The task no longer exists, though a task with this name existed recently. "
        "The task either successfully completed or was deleted.",
    )


def task_exists() -> Refusal:
    """CreateTask with the name of an existing or recent task; recorded, without a full stop."""
    return Refusal("ALREADY_EXISTS", "Requested entity already exists")


def permission_denied(permission: str, resource: str, explanation: str | None) -> Refusal:
    """A principal without the permission; recorded, followed by our `explanation` if any."""
    text = (
        f'The principal (user or service account) lacks IAM permission "{permission}" for the '
        f'resource "{resource}" (or the resource may not exist).'
    )
    info = ErrorInfo(
        reason="IAM_PERMISSION_DENIED",
        domain="cloudtasks.googleapis.com",
        metadata={"permission": permission, "resource": resource},
    )
    return Refusal("PERMISSION_DENIED", f"{text} {explanation}" if explanation else text, info)


def deadline_too_far(deadline: str) -> Refusal:
    """A call with a deadline of more than 30 seconds; recorded."""
    return invalid(
        f"The request deadline is {deadline}. The deadline cannot be more than 30s in the future."
    )


def lease_calls_exceeded() -> Refusal:
    """LeaseTasks more often than a queue allows; the code is documented, the text is ours."""
    return Refusal(
        "RESOURCE_EXHAUSTED",
        f"LeaseTasks can be called at most {LEASE_CALLS_PER_SECOND} times a second on a queue. "
        "Ask for more tasks in each call, or call again later.",
    )


def state_full(path: Path | None, reason: str) -> Refusal:
    """A write that the disk has no room for; ours. `path` None is a temporary state."""
    place = "its temporary file" if path is None else f"`{path}`"
    return Refusal(
        "RESOURCE_EXHAUSTED",
        f"The engine cannot store this in {place}: {reason}. Nothing that was accepted is lost. "
        "Make room on the disk and call again; deleting tasks and purging queues makes room in "
        "the file.",
    )


def state_missing(path: Path) -> Refusal:
    """A write to a state file that has been deleted; ours."""
    return Refusal(
        "FAILED_PRECONDITION",
        f"The engine cannot store this: the state file `{path}` no longer exists. "
        "Put it back, or restart the engine with an empty state.",
    )


def state_unreadable(reason: str) -> Refusal:
    """Unreadable data of a task or queue in the state file; ours."""
    return Refusal(
        "DATA_LOSS",
        f"The engine cannot read this in its state file: {reason}. "
        "Check the disk. A task or queue that stays unreadable can still be deleted.",
    )


def _help(description: str, url: str) -> Help:
    return Help(links=[Help.Link(description=description, url=url)])
