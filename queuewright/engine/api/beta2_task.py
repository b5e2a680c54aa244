"""Converts push tasks between v2beta2 and v2; a pull task has no form in v2.

v2beta2 collects the attempts in `status`, and an App Engine request has `relative_url` and
`payload` (https://github.com/googleapis/googleapis/blob/master/google/cloud/tasks/v2beta2/task.proto).
"""

from __future__ import annotations

from typing import Any

from queuewright.engine.api.conversion import converted
from queuewright.engine.protocol import messages_lease
from queuewright.engine.protocol.messages import Task

LeaseTask = Any
"""A v2beta2 `Task`; its class comes from a library without types."""


def task_of(beta: LeaseTask) -> Task:
    """Return a v2beta2 task for an HTTP or App Engine target as a v2 task."""
    task = converted(beta, Task)
    task.ClearField("view")
    task.ClearField("create_time")
    if beta.HasField("app_engine_http_request"):
        request = beta.app_engine_http_request
        task.app_engine_http_request.relative_uri = request.relative_url
        task.app_engine_http_request.body = request.payload
    return task


def lease_task(task: Task) -> LeaseTask:
    """Return a v2 task as a v2beta2 task."""
    beta = converted(task, messages_lease.Task)
    if task.HasField("app_engine_http_request"):
        request = task.app_engine_http_request
        beta.app_engine_http_request.relative_url = request.relative_uri
        beta.app_engine_http_request.payload = request.body
    status = beta.status
    status.attempt_dispatch_count = task.dispatch_count
    status.attempt_response_count = task.response_count
    for field, attempt in (
        (status.first_attempt_status, task.first_attempt),
        (status.last_attempt_status, task.last_attempt),
    ):
        if attempt.ByteSize():
            field.MergeFrom(converted(attempt, type(field)))
    return beta
