"""The types of single values in a spec: their patterns, and the messages for wrong values.

The models use these types for their fields, and add ranges and defaults.
"""

from __future__ import annotations

import posixpath
import re
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from queuewright.cloud_tasks import durations, headers, names
from queuewright.cloud_tasks.limits import MAX_URL_CHARACTERS
from queuewright.spec.values import (
    Between,
    Duration,
    Size,
    duration,
    size,
    wrong,
)

# Names. Sources: a queue id, google/cloud/tasks/v2/queue.proto (`Queue.name`); a Cloud Run
# service, https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services/create
# (`serviceId`: 49 characters at most); a label,
# https://cloud.google.com/resource-manager/docs/labels-overview; a project id,
# https://cloud.google.com/resource-manager/docs/creating-managing-projects.
QUEUE_ID = rf"^{names.QUEUE_ID}$"
# A full name in the emulator's file: any well-formed project and location (`Queue.name`).
QUEUE_NAME = rf"^{names.QUEUE}$"
HANDLER_NAME = r"^[a-z]([a-z0-9-]{0,47}[a-z0-9])?$"
PREFIX = r"^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$"
PROJECT_ID = r"^([a-z0-9.-]+\.[a-z]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$"
LOCATION_ID = r"^[a-z]+(-[a-z]+)+[0-9]+$"
LABEL_KEY = r"^[a-z][a-z0-9_-]{0,62}$"
LABEL_VALUE = r"^[a-z0-9_-]{0,63}$"
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
# https://cloud.google.com/iam/docs/principal-identifiers
MEMBER = (
    r"^((serviceAccount|user|group):[^\s:@]+@[^\s:@]+\.[^\s:@]+"
    r"|domain:[^\s:@]+\.[^\s:@]+|principal(Set)?://\S+)$"
)
# A service or version: https://cloud.google.com/appengine/docs/standard/reference/app-yaml.
APP_ENGINE_ID = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
HEADER_NAME = rf"^{headers.TOKEN}$"

# Set by Cloud Run, the Functions Framework or `queuewright up`:
# https://cloud.google.com/run/docs/container-contract#env-vars.
RESERVED_VARIABLES = frozenset(
    {
        "PORT",
        "K_SERVICE",
        "K_REVISION",
        "K_CONFIGURATION",
        "FUNCTION_TARGET",
        "FUNCTION_SIGNATURE_TYPE",
        "FUNCTION_SOURCE",
        "GOOGLE_CLOUD_PROJECT",
        "CLOUD_TASKS_EMULATOR_HOST",
        "CLOUD_TASKS_EMULATOR_URL",
        "QUEUEWRIGHT_DEAD_LETTERS",
    }
)
_QUEUE_KEY = (QUEUE_ID, "a queue id", "emails")
_HANDLER_KEY = (HANDLER_NAME, "a handler name", "mailer")
LONGEST_VARIABLE = 32 * 1024  # bytes; https://cloud.google.com/run/quotas
LARGEST_CPU = 8


def _matching(pattern: str, what: str, example: str) -> tuple[object, ...]:
    """Metadata for a text that must match `pattern`; the message says it is not `what`."""

    def check(value: object) -> object:
        return _matched(value, pattern, what, example)

    return (BeforeValidator(check), WithJsonSchema({"type": "string", "pattern": pattern}))


def _matched(value: object, pattern: str, what: str, example: str) -> str:
    is_scalar = value is not None and not isinstance(value, dict | list | tuple)
    if is_scalar and not re.fullmatch(pattern, f"{value}"):
        raise wrong("{value} is not " + what, f"such as `{example}`", value)
    return _text(value)


def _former_keys(pattern: str, what: str, example: str) -> tuple[object, ...]:
    """Metadata for a list of keys, or a single key as its short form."""

    def check(value: object) -> object:
        if isinstance(value, list | tuple):
            return value
        # Checked here, so that a problem has the path of the field and not of a list item.
        return (_matched(value, pattern, what, example),)

    one = {"type": "string", "pattern": pattern}
    schema = {"anyOf": [one, {"type": "array", "items": one}]}
    return (BeforeValidator(check), Field(strict=False), WithJsonSchema(schema))


def _text(value: object) -> str:
    if not isinstance(value, str):
        is_scalar = isinstance(value, bool | int | float)
        hint = 'write it in quotes: `"{text}"`' if is_scalar else None
        raise wrong("expected text, found {value}", hint, value)
    return value


def _filled(value: object) -> str:
    if not (text := _text(value)).strip():
        raise wrong("is empty", None, value)
    return text


def _passable(text: str) -> str:
    """Reject a text that no program can be given, as an argument or in a variable.

    Both are bytes that end with NUL: https://pubs.opengroup.org/onlinepubs/9799919799/functions/exec.html.
    """
    if "\0" in text:
        hint = "remove it: a program cannot be given this character"
        raise wrong("{value} contains the character U+0000", hint, text)
    if any("\ud800" <= character <= "\udfff" for character in text):
        hint = "write the character itself"
        raise wrong("{value} contains half of a surrogate pair, which is no character", hint, text)
    return text


def _word(value: object) -> str:
    return _passable(_filled(value))


def _command(value: object) -> object:
    if isinstance(value, str):
        # Checked here, so that a problem has the path of the field and not of a list item.
        return ("/bin/sh", "-c", _word(value))
    if isinstance(value, list | tuple) and not value:
        hint = "give its words, as in `[npm, start]`, or remove it"
        raise wrong("is an empty list", hint, value)
    return value


def _folder(value: object) -> str:
    return _inside(value, "handlers/mailer")


def _file(value: object) -> str:
    return _inside(value, "schemas/email.schema.json")


def _inside(value: object, example: str) -> str:
    text = _filled(value)
    leaves = posixpath.normpath(text).split("/")[0] == ".."
    if text.startswith(("/", "~")) or "\0" in text or leaves:
        hint = f"give a path relative to the project's folder, as in `{example}`"
        raise wrong("{value} is not a path inside the project", hint, value)
    return text


def _included(value: object) -> str:
    return posixpath.normpath(_folder(value))


def _variable(name: object) -> object:
    if not isinstance(name, str) or not re.fullmatch(VARIABLE, name):
        hint = "use letters, digits and _, not starting with a digit, as in `SMTP_HOST`"
        raise wrong("{value} is not a valid variable name", hint, name)
    if name in RESERVED_VARIABLES or name.startswith("X_GOOGLE_"):
        hint = f"choose another name, as in `MY_{name}`"
        raise wrong(f"`{name}` is set by the platform", hint)
    return name


def _variable_value(value: object) -> str:
    if len((text := _passable(_text(value))).encode()) > LONGEST_VARIABLE:
        hint = "Cloud Run allows 32 KiB; put the value into a file or Secret Manager"
        raise wrong("the value is longer than 32 KiB", hint)
    return text


def _header_name(name: object) -> object:
    if not isinstance(name, str) or not re.fullmatch(HEADER_NAME, name):
        hint = "use letters, digits and -, as in `X-Api-Key`"
        raise wrong("{value} is not a valid header name", hint, name)
    if headers.is_reserved(name):
        hint = "remove it, or choose another name, as in `X-My-Header`"
        raise wrong(f"Cloud Tasks replaces `{name}` with its own value", hint)
    return name


def _header_value(value: object) -> str:
    if headers.has_control_character(text := _text(value)):
        message = "{value} contains a line break or a control character"
        raise wrong(message, "write it on one line", text)
    return text


def _url(value: object) -> str:
    text = _text(value)
    example = "such as `https://partner.example/hooks`"
    if not re.fullmatch(r"https?://[^\s/]\S*", text):
        raise wrong("{value} is not an http or https URL", example, text)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise wrong("{value} is not a URL: " + str(error).lower(), example, text) from None
    if not host:
        raise wrong("{value} has no host", example, text)
    if parts.username is not None:
        hint = "remove the part before `@`, and use `headers` instead"
        raise wrong("Cloud Tasks does not send a user and password from a URL", hint)
    if parts.fragment:
        raise wrong("the part of a URL after `#` is never sent", "remove it")
    if len(text) > MAX_URL_CHARACTERS:
        hint = f"Cloud Tasks allows {MAX_URL_CHARACTERS:,}"
        raise wrong(f"the URL has {len(text):,} characters", hint)
    return text


def _nonzero(value: object) -> object:
    """Reject a zero that Google cannot distinguish from an unset field."""
    if value in (0, timedelta()) and not isinstance(value, bool):
        least = "1ms" if isinstance(value, timedelta) else "1"
        hint = f"leave it out, or give `{least}` or more"
        raise wrong("Cloud Tasks treats 0 as not set", hint)
    return value


def _whole_seconds(value: timedelta) -> timedelta:
    # google/cloud/tasks/v2/queue.proto (`RetryConfig.max_retry_duration`): truncated to seconds.
    if value % timedelta(seconds=1):
        hint = "give whole seconds, as in `90s`"
        raise wrong("Cloud Tasks drops the fraction of {value}", hint)
    return value


def _cpu(value: float) -> float:
    # https://cloud.google.com/run/docs/configuring/services/cpu
    if value > 1 and value not in (2, 4, 6, LARGEST_CPU):
        hint = "Cloud Run allows any number up to 1, and 2, 4, 6 or 8"
        raise wrong("{value} is not a possible number of CPUs", hint, value)
    return value


def _total_seconds(text: object) -> float:
    return duration(text).total_seconds()


ProjectId = Annotated[str, *_matching(PROJECT_ID, "a Google Cloud project id", "acme-prod")]
LocationId = Annotated[str, *_matching(LOCATION_ID, "a Google Cloud region", "europe-west1")]
EmulatedProjectId = Annotated[str, *_matching(rf"^{names.PROJECT_ID}$", "a project id", "acme-dev")]
EmulatedLocationId = Annotated[
    str, *_matching(rf"^{names.LOCATION_ID}$", "a location id", "europe-west1")
]
Prefix = Annotated[str, *_matching(PREFIX, "a prefix (1 to 20 of a-z, 0-9 and -)", "feature-7")]
LabelKey = Annotated[str, *_matching(LABEL_KEY, "a label key", "team")]
LabelValue = Annotated[str, *_matching(LABEL_VALUE, "a label value (a-z, 0-9, _ and -)", "growth")]
Path = Annotated[
    str, *_matching(r"^/[^\s?#]*$", "a path (`/` first; no spaces, `?` or `#`)", "/send")
]
Host = Annotated[
    str,
    *_matching(
        r"^(\[[0-9A-Fa-f:.]+\]|[^\x00-\x20\s/?#@\\:\[\]]+)$",
        "a host without scheme, port and path",
        "127.0.0.1",
    ),
]
Url = Annotated[
    str,
    BeforeValidator(_url),
    WithJsonSchema({"type": "string", "pattern": r"^https?://[^\s/]\S*$"}),
]
Runtime = Annotated[str, *_matching(r"^[a-z]+[0-9]+$", "a Google runtime", "python312")]
EntryPoint = Annotated[str, *_matching(r"^[A-Za-z_][\w.]*$", "a function name", "handle")]
Image = Annotated[str, *_matching(r"^\S+$", "an image name", "europe-docker.pkg.dev/acme/app/api")]
AppEngineId = Annotated[
    str, *_matching(APP_ENGINE_ID, "a name (1 to 63 of a-z, 0-9 and -)", "my-service")
]
SecretId = Annotated[str, *_matching(r"^[A-Za-z0-9_-]{1,255}$", "a secret id", "smtp-password")]
SecretVersion = Annotated[
    str, *_matching(r"^(latest|[1-9][0-9]*)$", "a version number in quotes, or `latest`", '"3"')
]
Filled = Annotated[
    str, BeforeValidator(_filled), WithJsonSchema({"type": "string", "pattern": r"\S"})
]
_WORD: dict[str, object] = {"type": "string", "pattern": r"\S"}
Word = Annotated[str, BeforeValidator(_word), WithJsonSchema(_WORD)]
Folder = Annotated[
    str, BeforeValidator(_folder), WithJsonSchema({"type": "string", "pattern": r"^[^/~\s]"})
]
File = Annotated[
    str, BeforeValidator(_file), WithJsonSchema({"type": "string", "pattern": r"^[^/~\s]"})
]
Include = Annotated[
    tuple[
        Annotated[
            str,
            BeforeValidator(_included),
            WithJsonSchema({"type": "string", "pattern": r"^[^/~\s]"}),
        ],
        ...,
    ],
    Field(strict=False),
]
Variable = Annotated[
    str, BeforeValidator(_variable), WithJsonSchema({"type": "string", "pattern": VARIABLE})
]
VariableValue = Annotated[str, BeforeValidator(_variable_value)]
HeaderName = Annotated[
    str, BeforeValidator(_header_name), WithJsonSchema({"type": "string", "pattern": HEADER_NAME})
]
HeaderValue = Annotated[str, BeforeValidator(_header_value)]
Command = Annotated[
    tuple[Word, ...],
    BeforeValidator(_command),
    Field(strict=False),
    WithJsonSchema({"anyOf": [_WORD, {"type": "array", "items": _WORD, "minItems": 1}]}),
]
Number = Annotated[float, BeforeValidator(_nonzero)]
QueueKeys = Annotated[
    tuple[Annotated[str, *_matching(*_QUEUE_KEY)], ...], *_former_keys(*_QUEUE_KEY)
]
HandlerKeys = Annotated[
    tuple[Annotated[str, *_matching(*_HANDLER_KEY)], ...], *_former_keys(*_HANDLER_KEY)
]
Count = Annotated[int, BeforeValidator(_nonzero)]
Wait = Annotated[
    Duration,
    AfterValidator(_nonzero),
    WithJsonSchema({"type": "string", "pattern": durations.PATTERN.replace("^", "^(?=.*[1-9])")}),
]
WholeSeconds = Annotated[Duration, AfterValidator(_whole_seconds)]
Cpu = Annotated[float, AfterValidator(_cpu)]
# https://cloud.google.com/run/docs/configuring/services/memory-limits
Memory = Annotated[Size, Between(size, "128Mi", "32Gi")]
# https://cloud.google.com/run/docs/configuring/request-timeout
Timeout = Annotated[Duration, Between(_total_seconds, "1s", "1h")]
# The maximum of `Queue.task_ttl` in v2beta3's queue.proto; tests may want tasks to age quickly.
Retention = Annotated[Duration, Between(_total_seconds, "1s", "3650d")]
