"""A typed module in TypeScript. It needs Google's clients and nothing of queuewright's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from queuewright.client.modules.content import Content, QueueContent
from queuewright.client.modules.types import (
    Alias,
    Definition,
    Property,
    Scalar,
    Type,
    Value,
    written,
)
from queuewright.client.modules.typescript_base import COMMON, HEAD, PULL_QUEUE, PUSH_QUEUE

_SCALARS: Mapping[Scalar, str] = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}


def typescript_module(content: Content) -> str:
    """Return the module: it compiles under `tsc --strict`."""
    has_push = any(not queue.is_pull for queue in content.queues)
    has_pull = any(queue.is_pull for queue in content.queues)
    imports = []
    if has_push:
        imports += [
            'import { createHash, randomUUID } from "node:crypto";',
            'import { CloudTasksClient, type protos } from "@google-cloud/tasks";',
            'import { PassThroughClient } from "google-auth-library";',
        ]
    if has_pull:
        imports.append('import { PubSub } from "@google-cloud/pubsub";')
    parts = [HEAD, "\n".join(imports), COMMON]
    parts += [PUSH_QUEUE] if has_push else []
    parts += [PULL_QUEUE] if has_pull else []
    parts += ["\n".join(_queue_lines(queue)) for queue in content.queues]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _queue_lines(queue: QueueContent) -> Iterator[str]:
    for definition in queue.definitions:
        yield from (*_definition_lines(definition), "")
    kind = "PullQueue" if queue.is_pull else "PushQueue"
    client = "PubSub" if queue.is_pull else "CloudTasksClient"
    yield f"/** {_comment(queue.description)} */"
    yield f"export class {queue.class_name} extends {kind}<{queue.payload or 'unknown'}> {{"
    yield f"  constructor(client?: {client}) {{"
    yield f"    super({json.dumps(queue.variable.removeprefix('QUEUE_'))}, client);"
    yield from ("  }", "}")


def _definition_lines(definition: Definition) -> Iterator[str]:
    if definition.description:
        yield f"/** {_comment(definition.description)} */"
    if isinstance(definition, Alias):
        yield f"export type {definition.name} = {_type(definition.type)};"
        return
    yield f"export interface {definition.name} {{"
    for each in definition.properties:
        if each.description:
            yield f"  /** {_comment(each.description)} */"
        yield f"  {_property(each)};"
    yield "}"


def _property(each: Property) -> str:
    is_plain = re.fullmatch(r"[A-Za-z_$][\w$]*", each.name, re.ASCII)
    name = each.name if is_plain else _text(each.name)
    return f"{name}{'' if each.is_required else '?'}: {_type(each.type)}"


def _type(kind: Type) -> str:
    return written(
        kind,
        scalars=_SCALARS,
        any_type="unknown",
        list_of=lambda item: f"Array<{item}>",
        map_of=lambda value: f"{{ [key: string]: {value} }}",
        literal=_literal,
    )


def _literal(values: tuple[Value, ...]) -> str:
    return " | ".join(dict.fromkeys(map(_value, values)))


def _value(value: Value) -> str:
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _comment(text: str) -> str:
    return text.replace("*/", "*∕")
