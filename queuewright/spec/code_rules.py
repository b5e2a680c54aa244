"""Rules for the folders and files that a handler is built from. Pure: no file is looked at."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from queuewright.errors import Problem
from queuewright.spec.document import Node, Path, dotted
from queuewright.spec.handler_model import HandlerSpec, ServiceSource, WorkerSource
from queuewright.spec.validation import checkable


def code_rules(node: Node, at: Path, handler: HandlerSpec) -> Iterator[Problem]:
    """The problems of `include`, `context` and `dockerfile`."""
    for kind in ("service", "worker"):
        target = getattr(handler, kind)
        if target is not None:
            yield from checkable(_dockerfile_rules(node, at, kind, target))
    yield from checkable(_include_rules(node, at, handler))


def source_of(handler: HandlerSpec) -> str | None:
    """The folder of a handler's code, if it is deployed from one, without `.` and `//` in it."""
    targets = (handler.function, handler.service, handler.worker, handler.app_engine)
    source = next((target.source for target in targets if target is not None), None)
    return posixpath.normpath(source) if source is not None else None


def _dockerfile_rules(
    node: Node, at: Path, kind: str, target: ServiceSource | WorkerSource
) -> Iterator[Problem]:
    given = {
        key: getattr(target, key)
        for key in ("context", "dockerfile")
        if getattr(target, key) is not None
    }
    needless = None
    if target.image is not None:
        needless = "an image is not built from a Dockerfile", "remove it, or remove `image`"
    elif isinstance(target, ServiceSource) and (target.runtime or target.command):
        needless = (
            "a folder with `runtime` and `command` is deployed without a Dockerfile",
            "remove it, or remove `runtime` and `command`",
        )
    if needless is not None:
        for key in given:
            yield _problem(node, at, (kind, key), *needless)
        return
    if not given or target.source is None:
        return
    context = target.context or target.source
    for key in ("source", "dockerfile"):
        path = getattr(target, key)
        is_given = node.at((kind, key)) is not None
        if is_given and not _contains(context, path):
            above = _above(context, path)
            message = f"`{path}` is outside of the context, `{context}`"
            hint = f"use a context that contains both, as in `context: {above}`"
            yield _problem(node, at, (kind, key), message, hint)


def _include_rules(node: Node, at: Path, handler: HandlerSpec) -> Iterator[Problem]:
    source, seen = source_of(handler), dict[str, str]()
    if not handler.include or source is None:
        return
    target = handler.service or handler.worker
    if target is not None and target.context is not None:
        message = f"the image is built from `{target.context}`, where the shared code already is"
        hint = "remove one of them: `include` adds the folders to `source` instead"
        yield _problem(node, at, ("include",), message, hint)
        return
    for index, path in enumerate(handler.include):
        place = ("include", index)
        name = posixpath.basename(path)
        other = seen.setdefault(name, path)
        if _contains(source, path):
            where = "is" if path == source else "is in"
            message = f"`{path}` {where} the handler's own folder"
            yield _problem(node, at, place, message, "remove it: it is deployed already")
        elif _contains(path, source):
            message = f"`{path}` contains the handler's own folder, `{source}`"
            hint = "name the folders beside it that the handler needs"
            yield _problem(node, at, place, message, hint)
        elif handler.include.index(path) < index:
            yield _problem(node, at, place, f"`{path}` is listed twice", "remove one of them")
        elif other != path:
            message = f"`{path}` and `{other}` would both be `{name}` in the package"
            yield _problem(node, at, place, message, "rename one of them, or include only one")


def _contains(folder: str, path: str) -> bool:
    """Whether `path` is the folder or something in it; both are relative to the project's."""
    above, inner = posixpath.normpath(folder), posixpath.normpath(path)
    return above in (".", inner) or inner.startswith(f"{above}/")


def _above(*paths: str) -> str:
    """The nearest folder that contains all paths."""
    return posixpath.commonpath(map(posixpath.normpath, paths)) or "."


def _problem(node: Node, at: Path, path: Path, message: str, hint: str) -> Problem:
    return Problem(node.locate(path), dotted((*at, *path)), message, hint)
