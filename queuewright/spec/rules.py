"""Rules across several settings of a queue, and between queues and handlers. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import isfinite

from queuewright.cloud_tasks.durations import written_duration
from queuewright.errors import Problem
from queuewright.spec.dead_letter_rules import dead_letter_rules
from queuewright.spec.document import LARGEST_NUMBER, MOST_DIGITS, Absence, Node, Path, dotted
from queuewright.spec.fields import HANDLER_NAME, MEMBER
from queuewright.spec.handler_model import HandlerSpec
from queuewright.spec.pull_model import PullSettings
from queuewright.spec.queue_model import QueueSpec, RetryConfig
from queuewright.spec.validation import checkable
from queuewright.spec.values import shown
from queuewright.spec.words import Names


def queue_variable(queue: str) -> str:
    """The environment variable that holds a queue's full name.

    >>> queue_variable("order-events")
    'QUEUE_ORDER_EVENTS'
    """
    return "QUEUE_" + queue.upper().replace("-", "_")


def deadline_variable(queue: str) -> str:
    """The environment variable that holds how long an attempt of a queue's task may take.

    >>> deadline_variable("order-events")
    'DEADLINE_ORDER_EVENTS'
    """
    return "DEADLINE_" + queue.upper().replace("-", "_")


def app_engine_variable(queue: str) -> str:
    """The environment variable that holds the App Engine service that a queue's tasks go to.

    >>> app_engine_variable("order-events")
    'APP_ENGINE_ORDER_EVENTS'
    """
    return "APP_ENGINE_" + queue.upper().replace("-", "_")


def subscription_variable(queue: str) -> str:
    """The environment variable that holds the full name of a pull queue's subscription.

    >>> subscription_variable("order-events")
    'SUBSCRIPTION_ORDER_EVENTS'
    """
    return "SUBSCRIPTION_" + queue.upper().replace("-", "_")


def delays_key(queue: str) -> str:
    """The key of the push queue that keeps the delayed tasks of a pull queue.

    >>> delays_key("reports"), queue_variable(delays_key("reports"))
    ('reports-delays', 'QUEUE_REPORTS_DELAYS')
    """
    return f"{queue}-delays"


def name_rule(node: Node, at: Path, pattern: str, name: str) -> Iterator[Problem]:
    """The problem with the name of the handler or queue at `at`; `name` includes the prefix."""
    if re.fullmatch(pattern, name):
        return
    if pattern == HANDLER_NAME:
        what = "not a handler name"
        hint = "use up to 49 of a-z, 0-9 and -, with the prefix; start with a letter, end without -"
    else:
        what = "not a queue id"
        hint = "Cloud Tasks allows 1 to 100 of A-Z, a-z, 0-9 and -, with the prefix"
    yield Problem(node.place, dotted(at), what, hint)


def queue_rules(
    node: Node,
    at: Path,
    queue: QueueSpec | None,
    names: Names,
    handlers: Mapping[str, HandlerSpec],
) -> Iterator[Problem]:
    """The problems of one queue, apart from its single values; `names` has all handlers' names."""
    reference = node.at(("handler",))
    if reference is not None and is_unknown(reference.value, names):
        hint = names.hint(reference.value) or "add it under `handlers:`"
        what = f"no handler {shown(reference.value)}"
        yield Absence(reference.place, dotted((*at, "handler")), what, hint)
    yield from enqueuer_rules(node, at, names, handlers)
    yield from backoff_rules(node, at)
    yield from example_rules(node, at)
    if queue is not None:
        yield from checkable(_called_rules(node, at, queue, handlers))
        yield from checkable(_path_rules(node, at, queue, handlers))
        yield from checkable(dead_letter_rules(node, at, queue, handlers))


def _called_rules(
    node: Node, at: Path, queue: QueueSpec, handlers: Mapping[str, HandlerSpec]
) -> Iterator[Problem]:
    handler = handlers.get(queue.handler)
    if handler is not None and handler.worker is not None:
        message = f"{shown(queue.handler)} is a worker, which nothing can call"
        hint = f"add `pull: {{}}` and `worker: {queue.handler}`, or name another handler"
        yield Problem(node.locate(("handler",)), dotted((*at, "handler")), message, hint)


def _path_rules(
    node: Node, at: Path, queue: QueueSpec, handlers: Mapping[str, HandlerSpec]
) -> Iterator[Problem]:
    handler = handlers.get(queue.handler)
    if queue.path is not None and handler is not None and handler.app_engine is not None:
        message = "a queue of an App Engine handler has no path"
        hint = "remove it: each App Engine task has its own `relative_uri`"
        yield Problem(node.locate(("path",)), dotted((*at, "path")), message, hint)


def backoff_rules(
    node: Node,
    at: Path,
    section: str = "retry_config",
    model: type[RetryConfig | PullSettings] = RetryConfig,
) -> Iterator[Problem]:
    """Check `min_backoff` <= `max_backoff` with the defaults filled in, like Google."""
    config = node.at((section,))
    if config is None or not isinstance(config.value, dict):
        return
    written = {key: config.at((key,)) for key in ("min_backoff", "max_backoff")}
    there = {key: child for key, child in written.items() if child is not None}
    try:
        retry = model.model_validate({key: child.plain() for key, child in there.items()})
    except ValueError:
        return
    if retry.min_backoff <= retry.max_backoff:
        return

    def distance(key: str) -> tuple[bool, int]:
        place = there[key].place
        return place.file != node.place.file, abs(place.line - node.place.line)

    # The value written nearest to the queue's name is probably the wrong one.
    key = min(there, key=distance)
    low, high = (
        f"`{child.text}`" if child is not None else f"`{written_duration(default)}` (the default)"
        for child, default in (
            (written["min_backoff"], retry.min_backoff),
            (written["max_backoff"], retry.max_backoff),
        )
    )
    if key == "min_backoff":
        message = f"{low} is more than `max_backoff`, which is {high}"
        hint = f"lower it, or set `max_backoff: {there[key].text}` or more"
    else:
        message = f"{high} is less than `min_backoff`, which is {low}"
        hint = f"raise it, or set `min_backoff: {there[key].text}` or less"
    yield Problem(there[key].place, dotted((*at, section, key)), message, hint)


def enqueuer_rules(
    node: Node, at: Path, names: Names, handlers: Mapping[str, HandlerSpec]
) -> Iterator[Problem]:
    """The problems with the `enqueuers` of a queue."""
    listed = node.at(("enqueuers",))
    items = listed.value if listed is not None and isinstance(listed.value, list) else []
    queue = str(at[-1])
    seen = set()
    for index, item in enumerate(items):
        path = dotted((*at, "enqueuers", index))
        if not isinstance(item.value, str):
            continue
        if item.value in seen:
            yield Problem(item.place, path, f"{shown(item.value)} is listed twice", "remove one")
            continue
        seen.add(item.value)
        if re.fullmatch(MEMBER, item.value):
            continue
        if item.value in ("allUsers", "allAuthenticatedUsers"):
            hint = "list members instead: a handler, `serviceAccount:…` or `group:…`"
            yield Problem(item.place, path, f"`{item.value}` would let anyone add tasks", hint)
        elif ":" in item.value or "@" in item.value:
            hint = (
                "write `serviceAccount:NAME@PROJECT.iam.gserviceaccount.com`, `user:…`, `group:…`"
            )
            yield Problem(item.place, path, f"{shown(item.value)} is not an IAM member", hint)
        elif is_unknown(item.value, names):
            hint = names.hint(item.value) or "add it under `handlers:`"
            yield Absence(item.place, path, f"no handler {shown(item.value)}", hint)
        elif (handler := handlers.get(item.value)) is not None:
            yield from checkable(_own_account_rules(item, path, handler, queue))


def _own_account_rules(
    item: Node, path: str, handler: HandlerSpec, queue: str
) -> Iterator[Problem]:
    """A handler that adds tasks needs an account, and free variables for what it must know."""
    if handler.url is not None:
        hint = "list the account that it uses, as `serviceAccount:…`"
        message = f"{shown(item.value)} is an external endpoint and has no account here"
        yield Problem(item.place, path, message, hint)
    else:
        for variable, purpose in (
            (queue_variable(queue), "the queue's name"),
            (deadline_variable(queue), "the time an attempt may take"),
            (app_engine_variable(queue), "the queue's App Engine service"),
        ):
            yield from free_variable_rules(item, path, handler, variable, purpose)


def free_variable_rules(
    item: Node, path: str, handler: HandlerSpec, variable: str, purpose: str
) -> Iterator[Problem]:
    """The problem if the handler that `item` names has `variable` already."""
    if variable in handler.env or variable in handler.secrets:
        message = f"{shown(item.value)} already has the variable `{variable}` for {purpose}"
        owner = dotted(("handlers", item.value))
        hint = f"remove or rename `{variable}` in `{owner}`"
        yield Problem(item.place, path, message, hint)


def example_rules(node: Node, at: Path) -> Iterator[Problem]:
    """A payload is sent as JSON, which has no infinity, no NaN and no endless numbers."""
    example = node.at(("example",))
    for path, child in example.walk((*at, "example")) if example is not None else ():
        if isinstance(child.value, float) and not isfinite(child.value):
            message = f"JSON cannot represent `{child.text}`"
            yield Problem(child.place, dotted(path), message, "quote it, or give a number")
        if isinstance(child.value, int) and abs(child.value) >= LARGEST_NUMBER:
            message = f"a number of more than {MOST_DIGITS} digits"
            yield Problem(child.place, dotted(path), message, "quote it")


def is_unknown(name: object, names: Names) -> bool:
    """Whether a reference is a text that names nothing in the file."""
    return isinstance(name, str) and bool(name.strip()) and name not in names
