"""A day of the example that ships: a bad address, and an hour without a mail server."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest

from queuewright.testing import InProcessEnvironment
from tests.components.projects import ROOT

HOUR = timedelta(hours=1)
NOBODY = "nobody@example.com"


class MailServer:
    """A mail server that is down for an hour; it knows every address but one."""

    def __init__(self, env: InProcessEnvironment, down: datetime) -> None:
        self._env, self._down = env, down
        self.sent: list[str] = []

    def connected(self, _host: str) -> MailServer:
        if self._down <= self._env.now < self._down + HOUR:
            raise ConnectionRefusedError(111, "Connection refused")
        return self

    def send_message(self, mail: EmailMessage) -> dict[str, tuple[int, bytes]]:
        if mail["To"] == NOBODY:
            raise smtplib.SMTPRecipientsRefused({NOBODY: (550, b"no such user")})
        self.sent.append(mail["Subject"])
        return {}

    def quit(self) -> None:
        """Nothing to end."""

    def close(self) -> None:
        """Nothing to end."""


@pytest.fixture
def env() -> Iterator[InProcessEnvironment]:
    with InProcessEnvironment.started("dev", ROOT) as running:
        running.set_variables("mailer", SMTP_HOST="mail.example.com")
        yield running


@pytest.fixture
def server(env: InProcessEnvironment, monkeypatch: pytest.MonkeyPatch) -> MailServer:
    """Down from nine to ten."""
    server = MailServer(env, env.now + 9 * HOUR)
    monkeypatch.setattr(env.module("mailer", "delivery"), "_connected", server.connected)
    return server


def test_a_day_loses_no_mail(env: InProcessEnvironment, server: MailServer) -> None:
    """A bad address is a dead letter at once; an outage costs retries; a replay delivers the rest.

    A mail every ten minutes of 24 hours; those of the outage's last 15 minutes are only retried.
    """
    begun = env.now
    for minutes in range(0, 24 * 60, 10):
        mail = {"to": "ada@example.com", "subject": f"mail {minutes}"}
        env.enqueue("emails", mail, delay=timedelta(minutes=minutes))
    env.enqueue("emails", {"to": NOBODY, "subject": "lost"}, name="bad", delay="5h")
    env.advance(24 * HOUR)
    assert env.now - begun == 24 * HOUR
    assert env.tasks("emails") == []

    bad, *of_outage = env.dead_letters("emails")
    assert (bad.id, bad.reason, bad.attempts, bad.time) == ("bad", "permanent", 1, begun + 5 * HOUR)
    assert bad.error.endswith(f"PermanentError: {NOBODY}: 550 no such user")
    assert "raise smtplib.SMTPRecipientsRefused" in bad.traceback
    assert [letter.payload for letter in of_outage] == [
        {"to": "ada@example.com", "subject": f"mail {minutes}"} for minutes in range(540, 590, 10)
    ]
    assert {(each.reason, each.attempts, each.status) for each in of_outage} == {("failed", 8, 503)}
    assert len(server.sent) == 24 * 6 - len(of_outage)

    last = {"to": "ada@example.com", "subject": "mail 590"}
    retried = [each for each in env.attempts("emails") if each.payload == last]
    assert [each.status for each in retried] == [503] * 7 + [200]

    assert env.replay("emails") == 1 + len(of_outage)
    env.drain()
    assert sorted(server.sent) == sorted(f"mail {each}" for each in range(0, 24 * 60, 10))
    (bad,) = env.dead_letters("emails")
    assert bad.payload == {"to": NOBODY, "subject": "lost"}
