"""The history's records as JSON and back. A body is in base64. Pure."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from typing import Any

from queuewright.history.records import (
    AttemptRecord,
    LogLine,
    TaskContent,
    TaskHistory,
    TaskRecord,
)


def task_to_json(task: TaskHistory) -> str:
    """Return a task's history as JSON."""
    return json.dumps(asdict(task), default=_written)


def task_from_json(text: str) -> TaskHistory:
    """Return the history that `task_to_json` has written."""
    given: dict[str, Any] = json.loads(text)
    record, content = given["record"], given["content"]
    return TaskHistory(
        record=TaskRecord(**record) if record is not None else None,
        content=_content(content) if content is not None else None,
        attempts=tuple(map(_attempt, given["attempts"])),
        children=tuple(TaskRecord(**child) for child in given["children"]),
        earlier=tuple(TaskRecord(**earlier) for earlier in given["earlier"]),
    )


def records_to_json(records: list[TaskRecord]) -> str:
    """Return tasks as JSON."""
    return json.dumps([asdict(record) for record in records])


def records_from_json(text: str) -> list[TaskRecord]:
    """Return the tasks that `records_to_json` has written."""
    return [TaskRecord(**record) for record in json.loads(text)]


def _written(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} is in no record")


def _content(given: dict[str, Any]) -> TaskContent:
    return TaskContent(
        method=given["method"],
        url=given["url"],
        headers=_headers(given["headers"]),
        body=base64.b64decode(given["body"]),
        raw=base64.b64decode(given["raw"]),
    )


def _attempt(given: dict[str, Any]) -> AttemptRecord:
    read = {
        "headers": _headers(given["headers"]),
        "body": base64.b64decode(given["body"]),
        "lines": tuple(LogLine(**line) for line in given["lines"]),
    }
    return AttemptRecord(**{**given, **read})


def _headers(given: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in given)
