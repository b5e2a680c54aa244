"""What is known about one task, as lines for people: its attempts as a timeline. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from queuewright.cloud_tasks.durations import rounded_duration
from queuewright.log_lines import structured

_MOST_BYTES = 256
_BYTES_IN_A_LINE = 16


def task_lines(story: dict[str, Any]) -> Iterator[str]:
    """Yield the lines about a task, from what `task_story.story` returns."""
    yield f"task      {story['name']}"
    why = f": {story['why']}" if story["why"] else ""
    yield f"state     {story['state']}{why}"
    if story["created"]:
        by = f", by `{story['creator']}`" if story["creator"] else ""
        during = f" during {story['parent']}" if story["parent"] else ""
        yield f"created   {story['created']}{by}{during}"
    if story["due"] and story["state"] == "waiting":
        yield f"due       {story['due']}"
    if story["ended"]:
        yield f"ended     {story['ended']}"
    for child in story["children"]:
        yield f"child     {child['name']}, {child['state']}"
    for earlier in story["earlier"]:
        yield f"earlier   a task of this name, created {earlier['created']}, {earlier['state']}"
    if story["last_status"]:
        yield f"attempts  {story['attempts_ended']}, the last: {story['last_status']}"
    yield from _timeline(story)
    request = story["request"]
    if request is None:
        yield ""
        yield "its request is not kept any more"
        return
    yield ""
    yield f"{request['method']} {request['url']}"
    for name, value in request["headers"].items():
        yield f"{name}: {value}"
    if request["bytes"]:
        yield ""
        yield from _body(request)


def _timeline(story: dict[str, Any]) -> Iterator[str]:
    attempts = story["attempts"]
    missing = story["attempts_ended"] - sum(a["outcome"] != "running" for a in attempts)
    if attempts:
        yield ""
        if missing > 0:
            yield f"… {missing:,} earlier attempts"
    for attempt in attempts:
        of = f" of {attempt['max_attempts']}" if attempt["max_attempts"] else ""
        hand = ", by hand" if attempt["by_hand"] else ""
        yield f"{attempt['started']}  attempt {attempt['attempt']}{of}{hand}: {_outcome(attempt)}"
        for line in attempt["log"]:
            unsure = "  (while several ran)" if line["certainty"] == "shared" else ""
            severity, message = structured(line["text"])
            first, *more = message.splitlines() or [""]
            level = f"{severity}: " if severity not in ("", "INFO", "DEFAULT") else ""
            yield f"  │ {level}{first}{unsure}"
            yield from (f"  │ {each}" for each in more)
        if attempt["more_log_lines"]:
            yield f"  │ … {attempt['more_log_lines']:,} more lines"
        answer = attempt["answer"]
        if attempt["outcome"] != "succeeded" and any(k in answer for k in ("json", "text")):
            text = "\n".join(_body(answer))
            for line in text.splitlines():
                yield f"  ← {line}"
            if answer["is_cut"]:
                yield "  ← …"
        if attempt["next"]:
            yield f"  again at {attempt['next']}: {attempt['reason']}"
        elif attempt["outcome"] == "gave_up":
            yield f"  given up: {attempt['reason']}"


def _outcome(attempt: dict[str, Any]) -> str:
    if attempt["outcome"] == "running":
        return "running"
    if attempt["outcome"] == "interrupted":
        return "interrupted by a stop"
    answer = str(attempt["http_code"] or attempt["error"] or "no answer")
    if attempt["outcome"] == "gave_up" and answer.startswith("2"):
        answer = f"{answer} (the handler kept it as a dead letter)"
    took = rounded_duration(timedelta(seconds=attempt["seconds"] or 0))
    deleted = "; the task was deleted during it" if attempt["outcome"] == "deleted" else ""
    return f"{answer} in {took}{deleted}"


def _body(fields: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of a body: JSON indented, text as it is, other bytes in hexadecimal."""
    if "json" in fields:
        yield from json.dumps(fields["json"], indent=2, ensure_ascii=False).split("\n")
    elif "text" in fields:
        yield from fields["text"].split("\n")
    else:
        yield from hex_lines(base64.b64decode(fields["base64"]))


def hex_lines(body: bytes) -> Iterator[str]:
    r"""Yield the beginning of a body in hexadecimal, and as text where it is ASCII.

    >>> next(hex_lines(b"\x89PNG\r\n"))
    '00000000  89 50 4e 47 0d 0a                                .PNG..'
    """
    for start in range(0, min(len(body), _MOST_BYTES), _BYTES_IN_A_LINE):
        part = body[start : start + _BYTES_IN_A_LINE]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)
        yield f"{start:08x}  {part.hex(' '):<47}  {text}"
    if len(body) > _MOST_BYTES:
        yield f"… {len(body) - _MOST_BYTES:,} more bytes"
