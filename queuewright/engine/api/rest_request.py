"""Parses an HTTP request: its method, its query and its request message.

Google's own clients send surprising requests: `PATCH` as `POST` with `X-HTTP-Method-Override`, a
bare `;` in the query and keys without a value (Java), masks in snake_case (Node), the resource name
in the path and again in the body (Go). All of them ask for enums as numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import unquote_plus

from google.protobuf.message import Message

from queuewright.engine.api.rest_json import JSON, Violations, into, normal, parsed, query_value
from queuewright.engine.api.rest_routes import WHOLE_BODY, Match
from queuewright.errors import Refusal

M = TypeVar("M", bound=Message)

_IGNORED: Final = frozenset(
    {
        "$.xgafv",
        "access_token",
        "callback",
        "key",
        "oauth_token",
        "quotaUser",
        "uploadType",
        "upload_protocol",
    }
)
"""Query parameters of all Google APIs that have no effect here
(https://cloud.google.com/apis/docs/system-parameters)."""

_NOT_THE_TASKS: Final = frozenset(
    {
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-http-method-override",
    }
)
"""Headers that concern the BufferTask call, not the task."""


@dataclass(frozen=True)
class Query:
    """A parsed query string: how to answer, and the fields of the request by name."""

    fields: Mapping[str, list[str]]
    enums_as_numbers: bool = False
    pretty: bool = True


def query(raw: str) -> Query:
    """Parse a query string that is still percent-encoded. Only `&` separates parameters.

    Raises:
        Refusal: INVALID_ARGUMENT for `fields`, and for an output format other than JSON.

    >>> query("$alt=json;enum-encoding%3Dint&filter&pageSize=5")
    Query(fields={'filter': [''], 'pageSize': ['5']}, enums_as_numbers=True, pretty=True)
    """
    fields: dict[str, list[str]] = {}
    enums_as_numbers, pretty = False, True
    for pair in filter(None, raw.split("&")):
        name, value = (unquote_plus(part) for part in _halves(pair))
        match name:
            case "$alt" | "alt":
                form, *options = value.split(";")
                if form not in ("", "json"):
                    text = f'Output format "{form}" is not emulated; answers are JSON.'
                    raise Refusal("INVALID_ARGUMENT", text)
                enums_as_numbers = "enum-encoding=int" in options
            case "prettyPrint" | "$prettyPrint":
                pretty = value != "false"
            case "fields" | "$fields":
                text = "Partial responses (`fields`) are not emulated; leave the parameter out."
                raise Refusal("INVALID_ARGUMENT", text)
            case _ if name not in _IGNORED:
                fields.setdefault(name, []).append(value)
    return Query(fields, enums_as_numbers, pretty)


def http_method(method: str, headers: Mapping[str, str]) -> str:
    """Return the intended method: a POST may name another method in a header."""
    if method == "POST":
        return headers.get("X-HTTP-Method-Override", method).upper()
    return method


def message(kind: type[M], match: Match, asked: Query, body: bytes) -> M:
    """Build the request message from the path, the body and the query, in order of precedence.

    Raises:
        Refusal: INVALID_ARGUMENT with every unknown name and every invalid value.
    """
    shape: Any = kind.DESCRIPTOR
    found = Violations()
    whole: dict[str, JSON] = {}
    for name, texts in asked.fields.items():
        why = query_value(name, texts, shape, whole)
        if why is not None:
            found.unknown(name, "", why)
    if match.route.body == WHOLE_BODY:
        content = parsed(body)
        if not isinstance(content, dict):
            found.unknown("", "", "Root element must be a message.")
            content = {}
        whole |= content
    elif match.route.body is not None:
        whole[match.route.body] = parsed(body)
    request = into(kind(), normal(whole, shape, "", found))
    found.raise_if_any()
    for variable, value in match.variables.items():
        _assign(request, variable, value)
    return request


def task_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a BufferTask call that the task gets. Repeated headers are joined."""
    kept: dict[str, str] = {}
    for name, value in headers.items():
        if name.lower() not in _NOT_THE_TASKS and not name.lower().startswith("x-goog-"):
            kept[name] = f"{kept[name]}, {value}" if name in kept else value
    return kept


def _assign(target: Message, variable: str, value: str) -> None:
    *outer, last = variable.split(".")
    for name in outer:
        target = getattr(target, name)
    try:
        setattr(target, last, value)
    except ValueError as error:
        raise Refusal("INVALID_ARGUMENT", "The path is not valid UTF-8.") from error


def _halves(pair: str) -> tuple[str, str]:
    name, _, value = pair.partition("=")
    return name, value
