"""The body of a task, from the words of `queuewright enqueue`."""

from __future__ import annotations

import json
import mimetypes
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from queuewright.blueprint import PullQueuePlan, QueuePlan
from queuewright.cli.printing import echo
from queuewright.cloud_tasks.headers import is_reserved
from queuewright.errors import TargetError
from queuewright.spec import dotted, payload_errors, read_schema

JSON = "application/json"


def task_body(
    key: str,
    plan: QueuePlan | PullQueuePlan | None,
    payload: str | None,
    file: Path | None,
    *,
    example: bool,
) -> tuple[bytes, str | None]:
    """Return a task's body, and its Content-Type if that is clear.

    Args:
        key: the queue's key in the file, or else its id.
        plan: its plan; None if it is not in the file.
        payload: the body; `-` is standard input.
        file: the file with the body; `-` is standard input.
        example: whether the body is the queue's example.

    Raises:
        TargetError: there is no example, or the file cannot be read.
    """
    if example:
        if plan is None:
            raise TargetError(
                f"queue `{key}` has no example: it is not in the file",
                hint="give the body as PAYLOAD or with `--file`",
            )
        if plan.example is None:
            raise TargetError(
                f"queue `{key}` has no example", hint=f"add `example: …` under `queues.{key}`"
            )
        return json.dumps(plan.example, ensure_ascii=False).encode(), JSON
    if file is not None:
        return _content(file), mimetypes.guess_type(file.name)[0]
    if payload is None:
        return b"", None
    if payload == "-":
        body = _content(Path("-"))
        return body, JSON if _is_json(body) else None
    body = payload.encode(errors="surrogateescape")
    if _is_json(body):
        return body, JSON
    if payload.startswith(("{", "[")):
        text = "warning: the payload begins like JSON, but is none; it is sent as text"
        echo(f'{text}\n  hint: quote it for the shell, as in \'{{"to": "ada"}}\'', err=True)
    return body, "text/plain; charset=utf-8"


def check_payload(root: Path, key: str, schema: str | None, body: bytes) -> None:
    """Check a body against the JSON schema of its queue, if it has one.

    Args:
        root: the project's folder.
        key: the queue's key.
        schema: the schema's file, relative to it.
        body: the task's body.

    Raises:
        TargetError: the body is not JSON, or not what the schema asks for.
        SpecError: there is no schema in the file.
    """
    if schema is None:
        return
    hint = f"its schema is `{schema}`"
    try:
        payload = json.loads(body)
    except ValueError:
        message = f"queue `{key}` takes JSON, which the payload is not"
        raise TargetError(message, hint=hint) from None
    errors = payload_errors(read_schema(schema, root), payload)
    if errors:
        said = "; ".join(
            f"{dotted(path)}: {message}" if path else message for path, message in errors
        )
        raise TargetError(f"the payload is not one for queue `{key}`: {said}", hint=hint)


def typed(content_type: str | None) -> dict[str, str]:
    """Return the header, or attribute, for a content type."""
    return {"Content-Type": content_type} if content_type else {}


def header_values(given: tuple[str, ...]) -> dict[str, str]:
    """Return the headers in words such as `KEY:VALUE`."""
    headers = {}
    for header in given:
        key, colon, value = header.partition(":")
        if not colon or not key.strip():
            raise click.BadParameter(f"`{header}` is not `KEY:VALUE`", param_hint="--header")
        headers[key.strip()] = value.strip()
    return headers


def refuse_reserved(names: Iterable[str]) -> None:
    """Refuse the headers that Cloud Tasks replaces, so that they would have no effect."""
    for name in names:
        if is_reserved(name):
            message = f"Cloud Tasks replaces `{name}` with its own value"
            raise click.BadParameter(message, param_hint="--header")


def merged(typed: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the headers `given`, and those of `typed` that are not among them in any case."""
    names = {name.lower() for name in given}
    return {**{name: typed[name] for name in typed if name.lower() not in names}, **given}


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def _content(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise TargetError(f"`{file}` cannot be read: {reason}") from None
