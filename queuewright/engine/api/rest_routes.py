"""The REST routes: which HTTP method and path calls which RPC.

The table follows the `google.api.http` annotations of CloudTasks, Locations and Operations
(https://github.com/googleapis/googleapis/tree/master/google/cloud/tasks). `BufferTask` exists over
REST only (https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/buffer).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal
from urllib.parse import unquote

from queuewright.engine.api.methods import Rpc

WHOLE_BODY: Final = "*"
"""The body is the request message."""

BUFFER_TASK: Final = "BufferTask"
"""Has no request message: the headers and the body of the HTTP request become the task's."""


@dataclass(frozen=True)
class Route:
    """A route: `template` is the path without the version, `body` the field filled by the body."""

    method: str
    template: str
    rpc: Rpc | Literal["BufferTask"]
    body: str | None = None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """The template as a pattern for a path that is still percent-encoded."""
        pieces = re.split(r"\{([a-z_.]+)=([^}]+)\}", self.template)
        text = re.escape(pieces[0])
        for n in range(1, len(pieces), 3):
            variable, shape, rest = pieces[n : n + 3]
            segments = re.escape(shape).replace(r"\*", "[^/]+")
            if not rest.startswith("/"):  # the last `:` of a path starts the verb
                segments = re.sub(r"\[\^/\]\+$", "[^/:]+", segments)
            text += f"(?P<{variable.replace('.', '__')}>{segments}){re.escape(rest)}"
        return re.compile(text)

    def variables(self, path: str) -> Mapping[str, str] | None:
        """Return the variables in `path` (encoded, without the version), or None if it differs."""
        found = self._pattern.fullmatch(path)
        if found is None:
            return None
        return {
            name.replace("__", "."): unquote(value) for name, value in found.groupdict().items()
        }


_LOCATION: Final = "projects/*/locations/*"
_QUEUE: Final = f"{_LOCATION}/queues/*"
_TASK: Final = f"{_QUEUE}/tasks/*"

ROUTES: Final = (
    Route("GET", f"{{parent={_LOCATION}}}/queues", "ListQueues"),
    Route("POST", f"{{parent={_LOCATION}}}/queues", "CreateQueue", "queue"),
    Route("GET", f"{{name={_QUEUE}}}", "GetQueue"),
    Route("PATCH", f"{{queue.name={_QUEUE}}}", "UpdateQueue", "queue"),
    Route("DELETE", f"{{name={_QUEUE}}}", "DeleteQueue"),
    Route("POST", f"{{name={_QUEUE}}}:purge", "PurgeQueue", WHOLE_BODY),
    Route("POST", f"{{name={_QUEUE}}}:pause", "PauseQueue", WHOLE_BODY),
    Route("POST", f"{{name={_QUEUE}}}:resume", "ResumeQueue", WHOLE_BODY),
    Route("POST", f"{{resource={_QUEUE}}}:getIamPolicy", "GetIamPolicy", WHOLE_BODY),
    Route("POST", f"{{resource={_QUEUE}}}:setIamPolicy", "SetIamPolicy", WHOLE_BODY),
    Route("POST", f"{{resource={_QUEUE}}}:testIamPermissions", "TestIamPermissions", WHOLE_BODY),
    Route("GET", f"{{parent={_QUEUE}}}/tasks", "ListTasks"),
    Route("POST", f"{{parent={_QUEUE}}}/tasks", "CreateTask", WHOLE_BODY),
    Route("POST", f"{{parent={_QUEUE}}}/tasks:batchCreate", "BatchCreateTasks", WHOLE_BODY),
    Route("POST", f"{{parent={_QUEUE}}}/tasks:batchDelete", "BatchDeleteTasks", WHOLE_BODY),
    Route("GET", f"{{queue={_QUEUE}}}/tasks:buffer", BUFFER_TASK),
    Route("POST", f"{{queue={_QUEUE}}}/tasks:buffer", BUFFER_TASK),
    Route("GET", f"{{queue={_QUEUE}}}/tasks/{{task_id=*}}:buffer", BUFFER_TASK),
    Route("POST", f"{{queue={_QUEUE}}}/tasks/{{task_id=*}}:buffer", BUFFER_TASK),
    Route("GET", f"{{name={_TASK}}}", "GetTask"),
    Route("DELETE", f"{{name={_TASK}}}", "DeleteTask"),
    Route("POST", f"{{name={_TASK}}}:run", "RunTask", WHOLE_BODY),
    Route("POST", f"{{parent={_QUEUE}}}/tasks:lease", "LeaseTasks", WHOLE_BODY),
    Route("POST", f"{{name={_TASK}}}:acknowledge", "AcknowledgeTask", WHOLE_BODY),
    Route("POST", f"{{name={_TASK}}}:renewLease", "RenewLease", WHOLE_BODY),
    Route("POST", f"{{name={_TASK}}}:cancelLease", "CancelLease", WHOLE_BODY),
    Route("GET", f"{{name={_LOCATION}/cmekConfig}}", "GetCmekConfig"),
    Route(
        "PATCH",
        f"{{cmek_config.name={_LOCATION}/cmekConfig}}",
        "UpdateCmekConfig",
        "cmek_config",
    ),
    Route("GET", f"{{name={_LOCATION}/operations/*}}", "GetOperation"),
    Route("GET", "{name=projects/*}/locations", "ListLocations"),
    Route("GET", f"{{name={_LOCATION}}}", "GetLocation"),
)


@dataclass(frozen=True)
class Match:
    """A request's route, and the variables in its path: `{"name": "projects/…"}`."""

    route: Route
    variables: Mapping[str, str]


def matched(method: str, path: str) -> Match | None:
    """Return the route for `method` and `path` (encoded, without `/version/`), or None.

    The last `:` in the last segment starts a verb, because the ids there contain no `:`. Project
    ids may (`example.com:shop`).

    >>> matched("POST", "projects/example.com:shop/locations/l/queues/q:pause").variables
    {'name': 'projects/example.com:shop/locations/l/queues/q'}
    >>> matched("PUT", "projects/p/locations/l/queues/q") is None
    True
    """
    return next(_matches(method, path), None)


def _matches(method: str, path: str) -> Iterator[Match]:
    for route in ROUTES:
        if route.method == method:
            variables = route.variables(path)
            if variables is not None:
                yield Match(route, variables)
