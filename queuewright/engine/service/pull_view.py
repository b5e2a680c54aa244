"""How the API shows a task of a pull queue: as v2beta2 does."""

from __future__ import annotations

from queuewright.engine.protocol.messages_lease import Task
from queuewright.engine.protocol.times import SECOND_US, set_timestamp
from queuewright.engine.rules.task_message import BASIC, FULL
from queuewright.engine.state.rows import TaskRow


def shown_pull_task(name: str, row: TaskRow, tag: str, payload: bytes | None, view: int) -> Task:
    """Return a pull task. BASIC shows the tag, FULL also the payload.

    Of the attempts only their number is known: responses and the status of the first and the last
    attempt are not calculated for pull tasks (TaskStatus in task.proto).
    """
    task = Task(name=name, view=FULL if view == FULL else BASIC)
    set_timestamp(task.schedule_time, row.schedule_us)
    task.create_time.seconds = row.create_us // SECOND_US
    task.status.attempt_dispatch_count = row.dispatches
    task.pull_message.tag = tag
    if payload is not None and view == FULL:
        task.pull_message.payload = payload
    return task
