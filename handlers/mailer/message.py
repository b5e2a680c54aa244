"""Composes a mail from a task's body. Pure: sends nothing and reads no environment variables.

The body of a task is a JSON object:

=============  ==================================================================================
`to`           required: an address, `"Ada <ada@example.com>"`, or a list of addresses
`subject`      required: one line
`text`         the text; defaults to the subject
`template`     the name of a template in `templates/`; defaults to `plain`
`values`       an object with the template's variables
`attachments`  a list of `{"name": "a.jpg", "type": "image/jpeg", "base64": "…"}`; a whole task
               holds 1 MiB (https://cloud.google.com/tasks/docs/quotas), or 750 KB before base64
=============  ==================================================================================

Attachments contain the file itself, because the producer's disk is not this one.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from pathlib import Path
from typing import cast

import jinja2

from queuewright_runtime import PermanentError

# Quoted-printable and base64 only: not every mail server accepts 8-bit text.
POLICY = SMTP.clone(cte_type="7bit")
KEYS = ("to", "subject", "text", "template", "values", "attachments")
TEMPLATES = Path(__file__).parent / "templates"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(TEMPLATES),
    autoescape=jinja2.select_autoescape(("html",)),
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
)


def compose(body: bytes, *, sender: str, identity: str) -> tuple[EmailMessage, list[str]]:
    """Return the mail for a task's body, and remarks for the log.

    Args:
        body: a JSON object as described above.
        sender: the address in `From`.
        identity: identifies this mail; letters, digits, `-` and `_`.

    Raises:
        PermanentError: the body is wrong; the text says how.
    """
    task = _object(body)
    subject = _line(task, "subject")
    mail = EmailMessage(policy=POLICY)
    mail["From"] = sender
    mail["To"] = ", ".join(_recipients(task.get("to")))
    mail["Subject"] = subject
    mail["Date"] = formatdate()
    mail["Message-ID"] = f"<{identity}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    text, html = _rendered(task, subject)
    mail.set_content(text)
    if html is not None:
        mail.add_alternative(html, subtype="html")
    for name, kind, content in _attachments(task.get("attachments")):
        main, _, sub = kind.partition("/")
        mail.add_attachment(content, maintype=main, subtype=sub, filename=name)
    known = ", ".join(KEYS)
    remarks = [f"ignored unknown key `{key}`; known: {known}" for key in task if key not in KEYS]
    return mail, remarks


def _object(body: bytes) -> dict[str, object]:
    try:
        task: object = json.loads(body)
        json.dumps(task, ensure_ascii=False).encode()  # rejects unpaired surrogates
    except (ValueError, RecursionError) as error:
        raise PermanentError(f"the body is not JSON: {error}") from None
    if not isinstance(task, dict):
        raise PermanentError("the body is JSON, but not an object like {“to”: …, “subject”: …}")
    return cast("dict[str, object]", task)


def _line(task: Mapping[str, object], key: str) -> str:
    value = task.get(key)
    line = " ".join(value.split()) if isinstance(value, str) else ""
    if not line or _CONTROL.search(line):
        raise PermanentError(f"`{key}` is missing, empty or not text")
    return line


def _recipients(to: object) -> list[str]:
    entries = to if isinstance(to, list) else [to]
    texts = [entry for entry in entries if isinstance(entry, str) and entry.strip()]
    if not texts or len(texts) < len(entries):
        raise PermanentError("`to` must be an address or a list of addresses")
    return [_addresses(text) for text in texts]


def _addresses(text: str) -> str:
    """Return the text if it consists of one or more addresses that are valid in a header."""
    try:
        header = POLICY.header_factory("To", text)
        hidden = _CONTROL.search(str(header))  # `=?utf-8?q?=C2=85?=` decodes to a line break
        fine = header.addresses and not header.defects and not hidden
    except (ValueError, IndexError, AttributeError, TypeError, MessageError):
        fine = False  # the standard library raises various errors for a bad address
    if not fine:
        raise PermanentError(f"`to` is not a mail address: {text!r}")
    return text


def _rendered(task: Mapping[str, object], subject: str) -> tuple[str, str | None]:
    """Return the mail as text and, if the template has one, as HTML."""
    name, values, text = task.get("template", "plain"), task.get("values", {}), task.get("text")
    known = sorted(path.stem for path in TEMPLATES.glob("*.txt"))
    if name not in known:
        raise PermanentError(f"`template` is {name!r}; it can be {', '.join(known)}")
    if not isinstance(values, dict) or not isinstance(text, str | None):
        raise PermanentError("`values` must be an object and `text` a string")
    context = {**values, "subject": subject, "text": subject if text is None else text}
    try:
        plain = _environment.get_template(f"{name}.txt").render(context)
        if f"{name}.html" not in _environment.list_templates():
            return plain, None
        return plain, _environment.get_template(f"{name}.html").render(context)
    except jinja2.UndefinedError as error:
        raise PermanentError(f"template `{name}`: {error.message}; add it to `values`") from None
    except (TypeError, ValueError) as error:
        raise PermanentError(f"template `{name}` cannot use these `values`: {error}") from None


def _attachments(given: object) -> Iterator[tuple[str, str, bytes]]:
    for entry in given if isinstance(given, list) else [] if given is None else [given]:
        if not isinstance(entry, dict):
            raise PermanentError("`attachments` must be a list of objects")
        name = _line(entry, "name")
        kind = entry.get("type", "application/octet-stream")
        if not isinstance(kind, str) or not re.fullmatch(r"[a-z0-9.+-]+/[a-z0-9.+-]+", kind):
            raise PermanentError(f"attachment {name!r}: `type` must be like image/jpeg")
        try:
            content = base64.b64decode("".join(_line(entry, "base64").split()), validate=True)
        except ValueError as error:
            raise PermanentError(f"attachment {name!r}: `base64` is not base64: {error}") from None
        yield name, kind, content
