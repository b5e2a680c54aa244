"""A task as the API shows it: its stored data plus its running attempts."""

from __future__ import annotations

from queuewright.engine.dispatch.registry import RunningTask
from queuewright.engine.protocol.messages import Attempt, Task
from queuewright.engine.protocol.status import attempt_status
from queuewright.engine.protocol.times import SECOND_US, set_timestamp
from queuewright.engine.rules.task_message import BASIC, FULL
from queuewright.engine.state.rows import TaskRow


def shown(task: Task, name: str, row: TaskRow, running: RunningTask | None, view: int) -> Task:
    """Complete `task` in place and return it. It comes with target, deadline and retry config.

    Only FULL shows the body. `create_time` has whole seconds, the other times have microseconds.
    Of the first attempt only `dispatch_time` is kept (Task in task.proto). While an attempt runs,
    it is the last one, and has no response yet: RunTask returns a task "after the task is
    dispatched but before the task is received by its target" (RunTaskRequest in cloudtasks.proto).
    """
    shown_new(task, name, row.schedule_us, row.create_us, view)
    task.response_count = row.responses
    task.dispatch_count = row.dispatches
    first_us = row.first_dispatch_us
    if row.last_dispatch_us is not None:
        _show_ended(task.last_attempt, row)
    if running is not None and running.dispatch_us:
        task.dispatch_count += len(running.dispatch_us)
        first_us = min(running.dispatch_us) if first_us is None else first_us
        task.last_attempt.Clear()
        set_timestamp(task.last_attempt.schedule_time, row.schedule_us)
        set_timestamp(task.last_attempt.dispatch_time, running.dispatch_us[-1])
    if first_us is not None:
        set_timestamp(task.first_attempt.dispatch_time, first_us)
    return task


def shown_new(task: Task, name: str, schedule_us: int, create_us: int, view: int) -> Task:
    """Complete a task without attempts, in place, and return it."""
    task.name = name
    set_timestamp(task.schedule_time, schedule_us)
    task.create_time.seconds = create_us // SECOND_US
    task.view = FULL if view == FULL else BASIC
    if view != FULL:
        if task.HasField("http_request"):
            task.http_request.ClearField("body")
        elif task.HasField("app_engine_http_request"):
            task.app_engine_http_request.ClearField("body")
    return task


def _show_ended(attempt: Attempt, row: TaskRow) -> None:
    if row.last_schedule_us is not None:
        set_timestamp(attempt.schedule_time, row.last_schedule_us)
    if row.last_dispatch_us is not None:
        set_timestamp(attempt.dispatch_time, row.last_dispatch_us)
    if row.last_response_us is not None:
        set_timestamp(attempt.response_time, row.last_response_us)
    attempt.response_status.CopyFrom(attempt_status(row.previous))
