"""Delivers a mail to a mail server or, if none is set, into a folder.

================  ================================================================================
`SMTP_HOST`       the mail server; if unset or empty, each mail is written to a file instead
`SMTP_TLS`        `starttls` (the default), `tls` (from the first byte) or `none`
`SMTP_PORT`       default 587, 465 or 25, in that order
`SMTP_USER`       the user to log in as, with `SMTP_PASSWORD`; if unset, no login
`SMTP_FROM`       the sender's address; required with `SMTP_HOST`
`OUTBOX`          the folder for the files; default `out/mail` in the working directory
================  ================================================================================
"""

from __future__ import annotations

import os
import smtplib
import ssl
from contextlib import closing, suppress
from email.message import EmailMessage
from pathlib import Path

from queuewright_runtime import PermanentError

# Well below the function's own timeout of a minute (`timeout` in the environment's file).
TIMEOUT_SECONDS = 20
PORTS = {"starttls": 587, "tls": 465, "none": 25}


class TemporaryError(Exception):
    """The mail cannot be sent now, but may be later."""


def sender() -> str:
    """Return the sender's address."""
    return _setting("SMTP_FROM") or "mailer@localhost"


def deliver(mail: EmailMessage, identity: str) -> str:
    """Send the mail or write it to a file; return a log line that says which.

    Raises:
        PermanentError: the server rejected all recipients or the content with a 5yz reply, so the
            same mail must not be sent again (RFC 5321, 4.2.1).
        TemporaryError: anything else failed, including a wrong setting.
    """
    host = _setting("SMTP_HOST")
    if not host:
        try:
            return f"wrote {_file(mail, identity)}"
        except OSError as error:
            raise TemporaryError(f"OUTBOX: {error}") from error
    if not _setting("SMTP_FROM"):
        raise TemporaryError("SMTP_HOST is set, so SMTP_FROM must be set too")
    try:
        with closing(_connected(host)) as server:
            if user := _setting("SMTP_USER"):
                server.login(user, os.environ.get("SMTP_PASSWORD", ""))
            refused = server.send_message(mail)
            with suppress(OSError, smtplib.SMTPException):  # the mail is already accepted
                server.quit()
    except smtplib.SMTPRecipientsRefused as error:
        raise _judged(error.recipients) from error
    except smtplib.SMTPDataError as error:
        raise _judged({host: (error.smtp_code, _bytes(error.smtp_error))}) from error
    except (OSError, smtplib.SMTPException) as error:
        raise TemporaryError(f"{host}: {error}") from error
    if refused:  # the others must not get it again
        raise PermanentError(f"{_listed(refused)}; delivered to all others")
    return f"sent to {mail['To']} by {host}"


def _connected(host: str) -> smtplib.SMTP:
    tls = _setting("SMTP_TLS") or "starttls"
    if tls not in PORTS:
        raise TemporaryError(f"SMTP_TLS is {tls!r}; it can be {', '.join(PORTS)}")
    given = _setting("SMTP_PORT")
    if given and not given.isdecimal():
        raise TemporaryError(f"SMTP_PORT is {given!r}, not a number")
    port = int(given or PORTS[tls])
    context = ssl.create_default_context()
    if tls == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=context)
    server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
    try:
        if tls == "starttls":
            server.starttls(context=context)
    except BaseException:
        server.close()
        raise
    return server


def _file(mail: EmailMessage, identity: str) -> Path:
    """Write the mail to the outbox, in a file named after it; a retry replaces the file."""
    folder = Path(_setting("OUTBOX") or "out/mail").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{identity}.eml"
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(bytes(mail))
    return unfinished.replace(path)


def _judged(answers: dict[str, tuple[int, bytes]]) -> Exception:
    """The error for refused recipients: permanent only if every refusal is."""
    final = all(code // 100 == 5 for code, _ in answers.values())
    return (PermanentError if final else TemporaryError)(_listed(answers))


def _listed(answers: dict[str, tuple[int, bytes]]) -> str:
    return "; ".join(
        f"{who}: {code} {text.decode(errors='replace')}" for who, (code, text) in answers.items()
    )


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def _setting(name: str) -> str:
    return os.environ.get(name, "").strip()
