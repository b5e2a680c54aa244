"""The rules that no single value can break: what entries say together, and of each other. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from queuewright.errors import Problem
from queuewright.spec.document import Node, Path, dotted
from queuewright.spec.model import (
    MEMBER,
    SETTINGS_BY_KIND,
    HandlerSpec,
    QueueSpec,
    RetryConfig,
)
from queuewright.spec.values import size, written_duration, written_size
from queuewright.spec.words import did_you_mean

# The least CPU that Cloud Run wants for more memory than this:
# https://cloud.google.com/run/docs/configuring/services/memory-limits#cpu-minimum.
CPU_FOR_MEMORY = ((size("24Gi"), 8), (size("16Gi"), 6), (size("8Gi"), 4), (size("4Gi"), 2))


def kinds_of(handler: Node) -> list[str]:
    """Which of the kinds a handler's entry names; one, if it is right."""
    return [kind for kind in SETTINGS_BY_KIND if handler.at((kind,)) is not None]


def settings_of(handler: Node) -> frozenset[str]:
    """The settings that a handler of this kind has; none where the kind is not clear."""
    kinds = kinds_of(handler)
    return SETTINGS_BY_KIND[kinds[0]] if len(kinds) == 1 else frozenset()


def handler_rules(node: Node, at: Path, handler: HandlerSpec | None) -> Iterator[Problem]:
    """What is wrong with one handler beyond its single values."""
    if not isinstance(node.value, dict):
        return
    kinds = kinds_of(node)
    if len(kinds) != 1:
        what = "has no kind" if not kinds else "has more than one kind: " + ", ".join(kinds)
        hint = "give it exactly one of `function`, `service`, `app_engine` and `url`"
        yield Problem(node.place, dotted(at), what, hint)
        return
    for key, child in node.value.items():
        if key in HandlerSpec.model_fields and key not in (*kinds, *settings_of(node)):
            message = f"a `{kinds[0]}` handler has no `{key}`"
            yield Problem(child.place, dotted((*at, key)), message, "remove it")
    if handler is None:
        return
    yield from _service_rules(node, at, handler)
    yield from _secret_rules(node, at, handler)
    yield from _capacity_rules(node, at, handler)


def queue_rules(
    node: Node,
    at: Path,
    queue: QueueSpec | None,
    names: Sequence[str],
    handlers: Mapping[str, HandlerSpec],
) -> Iterator[Problem]:
    """What is wrong with one queue beyond its single values; `names` are all handlers' names."""
    reference = node.at(("handler",))
    if reference is not None and isinstance(reference.value, str) and reference.value not in names:
        hint = did_you_mean(reference.value, names) or "describe it under `handlers:`"
        path = dotted((*at, "handler"))
        yield Problem(reference.place, path, f"no handler `{reference.value}`", hint)
    yield from _enqueuer_rules(node, at, names, handlers)
    yield from _backoff_rules(node, at)
    if queue is None:
        return
    handler = handlers.get(queue.handler)
    if queue.path is not None and handler is not None and handler.app_engine is not None:
        message = "a queue of an App Engine handler has no path"
        hint = "remove it: each App Engine task carries its own `relative_uri`"
        yield Problem(node.locate(("path",)), dotted((*at, "path")), message, hint)


def _enqueuer_rules(
    node: Node, at: Path, names: Sequence[str], handlers: Mapping[str, HandlerSpec]
) -> Iterator[Problem]:
    listed = node.at(("enqueuers",))
    items = listed.value if listed is not None and isinstance(listed.value, list) else []
    for index, item in enumerate(items):
        path = dotted((*at, "enqueuers", index))
        if not isinstance(item.value, str) or re.fullmatch(MEMBER, item.value):
            continue
        if item.value in ("allUsers", "allAuthenticatedUsers"):
            hint = "name who may: a handler, or `serviceAccount:…`, `group:…`"
            yield Problem(item.place, path, f"`{item.value}` would let anybody add tasks", hint)
        elif item.value not in names:
            near = did_you_mean(item.value, names) if ":" not in item.value else None
            hint = near or "name a handler, or a member such as `serviceAccount:…` or `group:…`"
            yield Problem(item.place, path, f"no handler `{item.value}`", hint)
        elif (handler := handlers.get(item.value)) is not None and handler.url is not None:
            hint = "name the account it uses, as `serviceAccount:…`"
            message = f"`{item.value}` is somebody else's endpoint and has no account here"
            yield Problem(item.place, path, message, hint)


def _backoff_rules(node: Node, at: Path) -> Iterator[Problem]:
    """Google checks the order of the two after it has put in its defaults, and so do we."""
    config = node.at(("retry_config",))
    if config is None or not isinstance(config.value, dict):
        return
    written = {
        key: child.plain()
        for key, child in config.value.items()
        if key in ("min_backoff", "max_backoff")
    }
    try:
        retry = RetryConfig.model_validate(written)
    except ValueError:
        return
    if retry.min_backoff <= retry.max_backoff:
        return
    key = "min_backoff" if "min_backoff" in written else "max_backoff"
    low, high = written_duration(retry.min_backoff), written_duration(retry.max_backoff)
    default = "" if len(written) == 2 else " (the default)"
    if key == "min_backoff":
        message = f"`{low}` is more than max_backoff, `{high}`{default}"
        hint = f"lower it, or set `max_backoff: {low}` or more"
    else:
        message = f"`{high}` is less than min_backoff, `{low}`{default}"
        hint = f"raise it, or set `min_backoff: {high}` or less"
    path = (*at, "retry_config", key)
    yield Problem(node.locate(path[len(at) :]), dotted(path), message, hint)


def _service_rules(node: Node, at: Path, handler: HandlerSpec) -> Iterator[Problem]:
    service = handler.service
    if service is None:
        return
    path = (*at, "service")
    place = node.locate(("service",))
    if (service.source is None) == (service.image is None):
        hint = "give it exactly one of `source: FOLDER` and `image: NAME`"
        what = "neither `source` nor `image`" if service.source is None else "`source` and `image`"
        yield Problem(place, dotted(path), what, hint)
    if service.source is None and (service.runtime or service.command):
        yield Problem(
            place,
            dotted(path),
            "an image says itself how it runs",
            "remove `runtime` and `command`",
        )
    elif (service.runtime is None) != (not service.command):
        missing = "command" if service.runtime else "runtime"
        hint = "a folder without a Dockerfile needs both `runtime` and `command`"
        yield Problem(place, dotted(path), f"`{missing}` is missing", hint)


def _secret_rules(node: Node, at: Path, handler: HandlerSpec) -> Iterator[Problem]:
    for name, secret in handler.secrets.items():
        path = ("secrets", name)
        if (secret.secret is None) == (secret.config is None):
            hint = "give exactly one of `secret: ID` and `config: KEY`"
            yield Problem(node.locate(path), dotted((*at, *path)), "where is its value?", hint)
        if name in handler.env:
            hint = "remove one of them"
            message = "is in `env` and in `secrets`"
            yield Problem(node.locate(path), dotted((*at, *path)), message, hint)


def _capacity_rules(node: Node, at: Path, handler: HandlerSpec) -> Iterator[Problem]:
    instances = handler.instances
    if instances.min > instances.max:
        path = ("instances", "min")
        message = f"{instances.min} is more than max, {instances.max}"
        yield Problem(node.locate(path), dotted((*at, *path)), message, "lower it, or raise `max`")
    if handler.memory is not None and handler.cpu is not None:
        least = next((cpu for over, cpu in CPU_FOR_MEMORY if handler.memory > over), None)
        if least is not None and handler.cpu < least:
            message = (
                f"{handler.cpu:g} is too little for `{written_size(handler.memory)}` of memory"
            )
            hint = f"Cloud Run wants `cpu: {least}` or more for it"
            yield Problem(node.locate(("cpu",)), dotted((*at, "cpu")), message, hint)
    if handler.cpu is not None and handler.cpu < 1 and (handler.concurrency or 1) > 1:
        message = f"{handler.concurrency} requests at once need a whole CPU"
        hint = "set `cpu: 1` or more, or `concurrency: 1`"
        yield Problem(node.locate(("concurrency",)), dotted((*at, "concurrency")), message, hint)
