"""The mailer with a real mail server: which mails are sent, retried or dropped."""

from __future__ import annotations

import email
import ssl
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from queuewright_runtime import PermanentError
from tests.handlers.postbox import Postbox

TASK = {"X-CloudTasks-QueueName": "emails", "X-CloudTasks-TaskName": "42"}
BODY = {"to": ["ada@example.com", "Bob <bob@example.com>"], "subject": "Grüße", "text": "Hallo"}


def test_a_mail_reaches_every_recipient(
    mailer: FlaskClient, postbox: Postbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """With SMTP_HOST the mail is sent from SMTP_FROM, and no file is written."""
    assert mailer.post("/send", json=BODY, headers=TASK).status_code == 200
    (envelope,) = postbox.mails
    assert envelope.mail_from == "queue@example.com"
    assert envelope.rcpt_tos == ["ada@example.com", "bob@example.com"]
    assert isinstance(envelope.content, bytes)
    sent = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert sent["Subject"] == "Grüße"
    assert sent["Message-ID"] == "<emails-42@example.com>"
    assert not Path("out").exists()
    assert capsys.readouterr().out.startswith("emails-42: sent to ada@example.com, Bob ")


@pytest.mark.usefixtures("postbox")
def test_it_logs_in(
    mailer: FlaskClient,
    certificate: tuple[ssl.SSLContext, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With SMTP_USER it logs in; the operator must fix a wrong password, so the task is retried."""
    context, trusted = certificate
    with Postbox(starttls=context, login=("ada", "secret")) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        monkeypatch.setenv("SMTP_PORT", str(server.port))
        monkeypatch.setenv("SMTP_TLS", "starttls")
        monkeypatch.setenv("SMTP_USER", "ada")
        monkeypatch.setenv("SMTP_PASSWORD", "wrong")
        answer = mailer.post("/send", json=BODY)
        assert answer.status_code == 503
        assert "535" in answer.text
        monkeypatch.setenv("SMTP_PASSWORD", "secret")
        assert mailer.post("/send", json=BODY).status_code == 200
        assert len(server.mails) == 1


@pytest.mark.parametrize("how", ["starttls", "tls"])
def test_it_encrypts_and_checks_the_server(
    mailer: FlaskClient,
    postbox: Postbox,
    certificate: tuple[ssl.SSLContext, Path],
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    """With STARTTLS or TLS; a server with an unknown certificate gets no mail."""
    context, trusted = certificate
    with Postbox(**{how: context}) as server:
        monkeypatch.setenv("SMTP_PORT", str(server.port))
        monkeypatch.setenv("SMTP_TLS", how)
        answer = mailer.post("/send", json=BODY)
        assert answer.status_code == 503
        assert "certificate verify failed" in answer.text
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert mailer.post("/send", json=BODY).status_code == 200
        assert len(server.mails) == 1
    assert postbox.mails == []


def test_starttls_is_the_default(
    mailer: FlaskClient, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forgotten setting never sends a password in clear text."""
    monkeypatch.delenv("SMTP_TLS")
    answer = mailer.post("/send", json=BODY)
    assert answer.status_code == 503
    assert "STARTTLS" in answer.text
    assert postbox.mails == []


@pytest.mark.parametrize(
    ("refusals", "is_permanent"),
    [
        ({"ada@example.com": "450 later", "bob@example.com": "550 unknown"}, False),
        ({"ada@example.com": "450 later", "bob@example.com": "450 later"}, False),
        ({"ada@example.com": "550 unknown", "bob@example.com": "550 unknown"}, True),
        ({"DATA": "452 too busy"}, False),
        ({"DATA": "554 looks like spam"}, True),
    ],
)
def test_a_temporary_refusal_is_retried_and_a_permanent_one_is_not(
    mailer: FlaskClient,
    postbox: Postbox,
    capsys: pytest.CaptureFixture[str],
    refusals: dict[str, str],
    is_permanent: bool,
) -> None:
    """4yz means later, 5yz means never (RFC 5321, 4.2.1)."""
    postbox.refusals = refusals
    if is_permanent:
        with pytest.raises(PermanentError):
            mailer.post("/send", json=BODY, headers=TASK)
    else:
        assert mailer.post("/send", json=BODY, headers=TASK).status_code == 503
    log = capsys.readouterr().out
    assert log.startswith("ERROR emails-42: " + ("retrying" if is_permanent else "not sent"))
    assert all(answer[4:] in log for answer in refusals.values())
    assert postbox.mails == []


def test_a_recipient_who_has_the_mail_does_not_get_it_again(
    mailer: FlaskClient, postbox: Postbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """If one of several recipients is refused, the task is given up and the log says so."""
    postbox.refusals = {"bob@example.com": "450 later"}
    with pytest.raises(PermanentError):
        mailer.post("/send", json=BODY)
    assert [envelope.rcpt_tos for envelope in postbox.mails] == [["ada@example.com"]]
    assert "bob@example.com: 450 later; delivered to all others" in capsys.readouterr().out


def test_an_unreachable_server_is_tried_again(
    mailer: FlaskClient,
    postbox: Postbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """While no one is listening the task is retried; later it succeeds."""
    with Postbox() as gone:
        pass
    monkeypatch.setenv("SMTP_PORT", str(gone.port))
    assert mailer.post("/send", json=BODY, headers=TASK).status_code == 503
    assert "ERROR emails-42: not sent, will be retried: 127.0.0.1: " in capsys.readouterr().out
    monkeypatch.setenv("SMTP_PORT", str(postbox.port))
    assert mailer.post("/send", json=BODY, headers=TASK).status_code == 200
    assert len(postbox.mails) == 1


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SMTP_FROM", "", "SMTP_FROM must be set"),
        ("SMTP_TLS", "ssl", "starttls, tls, none"),
        ("SMTP_PORT", "smtp", "not a number"),
    ],
)
def test_a_wrong_setting_keeps_the_task_and_says_what_to_set(
    mailer: FlaskClient,
    postbox: Postbox,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    said: str,
) -> None:
    """The mailer's own settings must not lose a task."""
    monkeypatch.setenv(name, value)
    answer = mailer.post("/send", json=BODY)
    assert answer.status_code == 503
    assert said in answer.text
    assert postbox.mails == []
