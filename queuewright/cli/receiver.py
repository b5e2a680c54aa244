"""Where a queue sends its tasks, and so the URL that a new task needs. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from google.cloud import tasks_v2

from queuewright.blueprint import AppEngineRoute, HandlerRoute, QueuePlan
from queuewright.cli.named_queue import NamedQueue
from queuewright.errors import TargetError

# A task must have a URL, although the queue's routing always replaces its scheme and host.
# `.invalid` never resolves (RFC 2606), so a queue without routing cannot send it anywhere.
PLACEHOLDER = "https://queue.invalid"
_IF_NOT_EXISTS = tasks_v2.UriOverride.UriOverrideEnforceMode.IF_NOT_EXISTS


@dataclass(frozen=True)
class Receiver:
    """Where a queue sends its tasks."""

    words: str
    path: str | None = None
    """The path of every task; None: each task has its own."""
    is_app_engine: bool = False

    @classmethod
    def of(cls, named: NamedQueue) -> Receiver | None:
        """Where a queue sends its tasks; None: each to its own URL."""
        queue = named.settings
        if isinstance(queue, QueuePlan):
            if isinstance(queue.route, AppEngineRoute):
                return cls(queue.handler, is_app_engine=True)
            where = queue.route.handler if isinstance(queue.route, HandlerRoute) else queue.handler
            return cls(where, queue.route.path or queue.path)
        if "app_engine_routing_override" in queue:
            service = queue.app_engine_routing_override.service or "default"
            return cls(f"{service} on App Engine", is_app_engine=True)
        override = queue.http_target.uri_override
        # In this mode, the host of the task's own URL wins: UriOverride in target.proto.
        is_weak = override.uri_override_enforce_mode == _IF_NOT_EXISTS
        if not override.host or is_weak:
            return None
        port = f":{override.port}" if override.port else ""
        return cls(f"{override.host}{port}", override.path_override.path or None)


def task_url(
    named: NamedQueue, receiver: Receiver | None, url: str | None, path: str | None
) -> str:
    """The URL of a task; of an App Engine task, its relative URI.

    Raises:
        TargetError: the queue would replace what was given, or nothing says where the task goes.
    """
    if path is not None and not path.startswith("/"):
        raise TargetError(f"`{path}` is not a path", hint="start it with `/`, such as `/send`")
    if receiver is None:
        if url is None:
            raise TargetError(
                f"queue `{named.key}` sends each task to the task's own URL",
                hint="give it, as in `--url http://127.0.0.1:8080/work`",
            )
        return url
    if url is not None:
        raise TargetError(
            f"queue `{named.key}` sends every task to `{receiver.words}`",
            hint="leave out `--url`; `--path` chooses the path, if the queue has none",
        )
    if path is not None and receiver.path is not None:
        raise TargetError(
            f"queue `{named.key}` sends every task to `{receiver.path}`",
            hint="leave out `--path`, or remove the queue's own path"
            + (" from the file" if isinstance(named.settings, QueuePlan) else ""),
        )
    where = path or receiver.path or "/"
    return where if receiver.is_app_engine else PLACEHOLDER + where
