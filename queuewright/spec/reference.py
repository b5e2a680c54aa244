"""Generates the reference page of the spec from the models: every key, type, default and range.

Only the general rules are written here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal, get_args, get_origin

from pydantic import BeforeValidator

from queuewright.spec.closed import Closed
from queuewright.spec.handler_model import KINDS, SETTINGS_BY_KIND, HandlerSpec
from queuewright.spec.schema import models, written_default
from queuewright.spec.values import Between, flow, size
from queuewright.spec.words import allowed, models_in

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_INTRODUCTION = """\
# The spec

One file in `stacks/` describes one environment: its queues, and the code that handles their \
tasks.
`queuewright check` reports every problem in it at once.
`queuewright schema` prints the same grammar as a JSON schema; with a first line like this one, \
editors complete and check the file:

```yaml
# yaml-language-server: $schema=../docs/spec.schema.json
project: acme-dev
location: europe-west1
handlers:
  mailer:
    function: {source: handlers/mailer, entry_point: handle, runtime: python312}
queues:
  emails:
    handler: mailer
```

This page is generated: `queuewright schema --reference` prints it.

## General rules

- **Maps, not lists.** Handlers and queues are maps keyed by name, and other keys refer to them by \
this name.
- **No unknown keys.** A key that is not on this page is an error, at any depth.
- **`extends`** names a base file. Maps merge key by key; a list or a single value replaces the \
base's; a cycle is an error.
- **`null` removes** a key of the base file or of the defaults: `vpc: null`.
- **Defaults.** Every entry merges over `handler_defaults` or `queue_defaults`; settings that its \
kind does not have are ignored.
- **Google's defaults** apply to keys that you leave out. They are written out when the \
environment is deployed, so a key that you remove returns to its default.
- **Durations** have units: `10s`, `100ms`, `5m`, `1h30m`, `7d`.
- **Sizes** have units too: `256Mi`, `1Gi`.
- **Quote text** that YAML does not read as text: `"3"`, `"yes"`, `"007"`.
- **Nothing is computed.** There are no templates and no environment variables; differences \
between environments are written in their files.
- Anchors and aliases are supported; merge keys (`<<`) and tags (`!…`) are not.
"""

_UNDER = {
    "SpecFile": "Top level",
    "HandlerSpec": "handlers",
    "QueueSpec": "queues",
    "PullQueueSpec": "pull queues",
}
_NAMED = {
    "HandlerSpec": "Each entry is one handler, by name: up to 49 of `a-z`, `0-9` and `-`, "
    "starting with a letter and not ending with `-`.",
    "QueueSpec": "Each entry is one queue, by id: up to 100 of `A-Z`, `a-z`, `0-9` and `-`.",
    "PullQueueSpec": "An entry of `queues` that has `pull`. Its id has at least 3 characters, "
    "starts with a letter, and not with `goog`.",
}


def reference() -> str:
    """The page, as Markdown."""
    sections = [_INTRODUCTION]
    for model in models():
        sections.append("\n".join(_section(model)) + "\n")
        if model is HandlerSpec:
            sections.append("\n".join(_kinds()) + "\n")
    return "\n".join(sections)


def _section(model: type[Closed]) -> Iterator[str]:
    level = "##" if model.__name__ in _UNDER else "###"
    yield f"{level} {_heading(model)}"
    yield ""
    if model.__name__ in _NAMED:
        yield from (_NAMED[model.__name__], "")
    yield from (line.strip() for line in (model.__doc__ or "").strip().splitlines())
    yield ""
    yield "| key | type | default | range | example | meaning |"
    yield "|---|---|---|---|---|---|"
    for key, info in model.model_fields.items():
        cells = (
            f"`{key}`",
            _type(info.annotation, tuple(info.metadata)),
            _default(info),
            allowed(info) or "",
            f"`{flow(info.examples[0])}`" if info.examples else "",
            info.description or "",
        )
        yield "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _kinds() -> Iterator[str]:
    """The settings of each kind of handler."""
    yield "Each kind of handler has its own settings:"
    yield ""
    yield "| setting | " + " | ".join(f"`{kind}`" for kind in KINDS) + " |"
    yield "|---|" + "---|" * len(KINDS)
    for key in HandlerSpec.model_fields:
        if key not in KINDS:
            has = ("yes" if key in SETTINGS_BY_KIND[kind] else "" for kind in KINDS)
            yield f"| `{key}` | " + " | ".join(has) + " |"
    yield ""
    only_with_source = "`include`, `env`, `instances` and `renamed_from`"
    yield f"An App Engine service has {only_with_source} only with `source`."
    yield "A service or worker with an `image` has no `include`."


def _heading(model: type[Closed]) -> str:
    """The key whose value is a map of this class."""
    if model.__name__ in _UNDER:
        return _UNDER[model.__name__]
    return next(
        key
        for other in models()
        for key, info in other.model_fields.items()
        if model in models_in(info.annotation)
    )


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    default = written_default(info)
    return f"`{flow(default)}`" if default is not None else ""


def _type(annotation: object, metadata: tuple[object, ...] = ()) -> str:
    """A field's type in a word or two."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(parts[0], (*metadata, *parts[1:]))
    inner = next(models_in(annotation), None)
    if origin is dict:
        return f"map of [entries](#{_anchor(inner)})" if inner is not None else "map"
    if inner is not None:
        return f"[map](#{_anchor(inner)})"
    if origin is Literal:
        return " or ".join(f"`{choice}`" for choice in parts)
    if origin is tuple:
        has_short_form = any(isinstance(limit, BeforeValidator) for limit in metadata)
        return "text or list" if has_short_form else "list"
    if parts and type(None) in parts:
        return " or ".join(_type(part) for part in parts if part is not type(None))
    if any(isinstance(limit, Between) and limit.amount is size for limit in metadata):
        return "size"
    words = {
        str: "text",
        bool: "true or false",
        int: "whole number",
        float: "number",
        timedelta: "duration",
    }
    return words.get(annotation, "anything") if isinstance(annotation, type) else "anything"


def _anchor(model: type[Closed]) -> str:
    return _heading(model).lower().replace(" ", "-")
