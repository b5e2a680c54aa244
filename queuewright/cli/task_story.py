"""What is known about one task, from the API and from the history, as data for JSON. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from google.cloud import tasks_v2
from google.rpc import code_pb2

from queuewright.cli.rows import Row
from queuewright.cloud_tasks.durations import rounded_duration
from queuewright.engine import NO_ATTEMPT, TIMED_OUT, UNREACHABLE
from queuewright.history import AttemptRecord, TaskHistory, TaskRecord

STATUS_WORDS: Mapping[int, str] = {
    TIMED_OUT: "no answer in time",
    UNREACHABLE: "no answer",
    NO_ATTEMPT: "",
}


@dataclass(frozen=True)
class Request:
    """What a task sends."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


def story(
    name: str,
    task: tasks_v2.Task | None,
    history: TaskHistory | None,
    *,
    allowed: int | None = None,
) -> Row:
    """Return everything about a task.

    Args:
        name: its full name.
        task: the task, with its body; None if it is gone.
        history: its history; None if nothing keeps one.
        allowed: the attempts that the file allows, if the queue makes more, which only bury.
    """
    record = history.record if history is not None else None
    request = _of_api(task) if task is not None else _of_history(history)
    is_older = task is not None and record is not None and record.state != "unfinished"
    attempts = history.attempts if history is not None else ()
    if is_older:  # the task has a name that was used before, and no attempt yet
        attempts = tuple(attempt for attempt in attempts if attempt.outcome == "running")
    about = None if is_older else record
    return {
        "name": name,
        "state": _state(task, attempts, record),
        "created": _created(task, about),
        "due": _iso(task.schedule_time) if task is not None else None,
        "ended": moment_text(about.ended_us) if about is not None else None,
        "why": (about.why or None) if about is not None else None,
        "creator": (about.creator or None) if about is not None else None,
        "parent": (about.parent or None) if about is not None else None,
        "children": [
            {"name": child.name, "state": child.state}
            for child in (history.children if history is not None and not is_older else ())
        ],
        "request": _request(request),
        "attempts_ended": _count(task, about),
        "attempts": [_attempt(attempt, allowed) for attempt in attempts],
        "last_status": _last_status(task) if history is None else None,
        "earlier": [
            {"created": moment_text(each.created_us), "state": each.state}
            for each in _earlier(history, is_older=is_older)
        ],
    }


def body_fields(body: bytes) -> Row:
    """Return a body as `json`, as `text`, or as `base64`."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {"text": text}
    return {"json": value} if isinstance(value, dict | list) else {"text": text}


def _state(
    task: tasks_v2.Task | None, attempts: tuple[AttemptRecord, ...], record: TaskRecord | None
) -> str:
    if task is not None:
        is_running = any(attempt.outcome == "running" for attempt in attempts)
        return "running" if is_running else "waiting"
    if record is None or record.state == "unfinished":
        return "gone"
    return record.state


def _created(task: tasks_v2.Task | None, record: TaskRecord | None) -> str | None:
    if record is not None:
        return moment_text(record.created_us)
    return _iso(task.create_time) if task is not None else None


def _count(task: tasks_v2.Task | None, record: TaskRecord | None) -> int:
    if record is not None:
        return record.attempts
    return task.dispatch_count if task is not None else 0


def _last_status(task: tasks_v2.Task | None) -> str | None:
    if task is None or not task.dispatch_count:
        return None
    status = task.last_attempt.response_status
    return str(status.message or code_pb2.Code.Name(status.code))


def _earlier(history: TaskHistory | None, *, is_older: bool) -> list[TaskRecord]:
    if history is None:
        return []
    latest = [history.record] if is_older and history.record is not None else []
    return [*latest, *history.earlier]


def _of_api(task: tasks_v2.Task) -> Request:
    if "http_request" in task:
        http = task.http_request
        return Request(http.http_method.name, http.url, dict(http.headers), http.body)
    app = task.app_engine_http_request
    return Request(app.http_method.name, app.relative_uri, dict(app.headers), app.body)


def _of_history(history: TaskHistory | None) -> Request | None:
    content = history.content if history is not None else None
    if content is None:
        return None
    return Request(content.method, content.url, dict(content.headers), content.body)


def _request(request: Request | None) -> Row | None:
    if request is None:
        return None
    return {
        "method": request.method,
        "url": request.url,
        "headers": dict(sorted(request.headers.items())),
        "bytes": len(request.body),
        **body_fields(request.body),
    }


def _attempt(attempt: AttemptRecord, allowed: int | None) -> Row:
    most = allowed or attempt.max_attempts
    return {
        "attempt": attempt.attempt,
        "max_attempts": most if most > 0 else None,
        "started": moment_text(attempt.started_us),
        "seconds": attempt.duration_us / 1e6 if attempt.duration_us is not None else None,
        "outcome": attempt.outcome,
        "http_code": attempt.result if attempt.result > 0 else None,
        "error": attempt.message or STATUS_WORDS.get(attempt.result) or None,
        "by_hand": attempt.by_hand,
        "next": moment_text(attempt.next_us),
        "reason": attempt.reason or None,
        "answer": {
            "headers": dict(attempt.headers),
            **(body_fields(attempt.body) if attempt.body else {}),
            "is_cut": attempt.is_cut,
        },
        "log": [{"text": line.text, "certainty": line.certainty} for line in attempt.lines],
        "more_log_lines": attempt.more_lines,
    }


def moment_text(us: int | None) -> str | None:
    """Return a moment in microseconds since the epoch as text, in UTC."""
    if us is None:
        return None
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
    return moment.isoformat().replace("+00:00", "Z")


def _iso(time: object) -> str | None:
    # Google's types say Timestamp, but the value is a datetime.
    return time.isoformat().replace("+00:00", "Z") if isinstance(time, datetime) else None


def age(moment: str, now: datetime) -> str:
    """Return how long ago a moment was.

    >>> age("2026-01-01T00:00:00Z", datetime.fromisoformat("2026-01-01T00:01:30Z"))
    '1m30s ago'
    """
    return f"{rounded_duration(max(now - datetime.fromisoformat(moment), timedelta()))} ago"
