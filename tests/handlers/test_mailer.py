"""The mailer, from a task's body to an `.eml` file, and its handling of unusable tasks."""

from __future__ import annotations

import base64
import email
import email.policy
import json
import re
from email.message import EmailMessage
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from queuewright_runtime import PermanentError

TASK = {"X-CloudTasks-QueueName": "emails", "X-CloudTasks-TaskName": "42"}


def mail(path: Path) -> EmailMessage:
    parsed = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def only(folder: str) -> EmailMessage:
    (path,) = Path(folder).iterdir()
    return mail(path)


def content(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def test_without_a_mail_server_a_mail_becomes_a_file(
    mailer: FlaskClient, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without SMTP_HOST the mail is an `.eml` file in out/mail, and the log names its path."""
    body = {"to": "Ada <ada@example.com>", "subject": "Grüße", "text": "Es läuft.\nEnde."}
    answer = mailer.post("/send", json=body, headers=TASK)
    assert answer.status_code == 200
    path = tmp_path / "out/mail/emails-42.eml"
    written = mail(path)
    assert written["To"] == "Ada <ada@example.com>"
    assert written["From"] == "mailer@localhost"
    assert written["Subject"] == "Grüße"
    assert content(written, "plain") == "Es läuft.\nEnde.\n"
    assert not written.defects
    assert capsys.readouterr().out == f"emails-42: wrote {path.resolve()}\n"


def test_outbox_names_the_folder(
    mailer: FlaskClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is created if it does not exist."""
    monkeypatch.setenv("OUTBOX", str(tmp_path / "far" / "away"))
    mailer.post("/send", json={"to": "a@example.com", "subject": "x"}, headers=TASK)
    assert [path.name for path in (tmp_path / "far/away").iterdir()] == ["emails-42.eml"]


def test_a_subject_is_enough(mailer: FlaskClient) -> None:
    """Without a text, the subject is the text."""
    mailer.post("/send", json={"to": ["a@example.com", "b@example.com"], "subject": "Hello"})
    written = only("out/mail")
    assert content(written, "plain") == "Hello\n"
    assert written["To"] == "a@example.com, b@example.com"


@pytest.mark.parametrize("text", ["é", "é" * 500])
def test_a_mail_is_ascii_so_every_server_accepts_it(mailer: FlaskClient, text: str) -> None:
    """No mail needs a server that accepts 8-bit text."""
    mailer.post("/send", json={"to": "a@example.com", "subject": "é👩‍🚀", "text": text})
    (path,) = Path("out/mail").iterdir()
    path.read_bytes().decode("ascii")
    assert mail(path)["Subject"] == "é👩‍🚀"
    assert content(mail(path), "plain") == text + "\n"


def test_html_in_a_task_is_escaped(mailer: FlaskClient) -> None:
    """Markup in a task is shown as text, not interpreted."""
    text = "<script>alert(1)</script>"
    mailer.post("/send", json={"to": "a@example.com", "subject": "<b>", "text": text})
    written = only("out/mail")
    assert content(written, "plain").strip() == text
    assert "<script>" not in content(written, "html")
    assert "&lt;script&gt;" in content(written, "html")
    assert "<b>" not in content(written, "html")


def test_a_template_is_filled_with_values(mailer: FlaskClient) -> None:
    """`template` names a file, `values` has its variables."""
    values = {"name": "a.jpg", "width": 1600, "height": 1067}
    body = {"to": "a@example.com", "subject": "x", "template": "thumbnail", "values": values}
    mailer.post("/send", json=body)
    assert "1600 × 1067 pixels" in content(only("out/mail"), "plain")
    assert "<b>a.jpg</b>" in content(only("out/mail"), "html")


def test_an_attachment_arrives_byte_for_byte(mailer: FlaskClient) -> None:
    """Attachments travel in the task as base64, with or without line breaks."""
    data = bytes(range(256)) * 20
    attachments = [
        {"name": "a.jpg", "type": "image/jpeg", "base64": base64.b64encode(data).decode()},
        {"name": "b", "base64": base64.encodebytes(data).decode()},
    ]
    body = {"to": "a@example.com", "subject": "x", "attachments": attachments}
    mailer.post("/send", json=body)
    first, second = only("out/mail").iter_attachments()
    assert (first.get_filename(), first.get_content_type()) == ("a.jpg", "image/jpeg")
    assert first.get_content() == data
    assert second.get_content_type() == "application/octet-stream"
    assert second.get_content() == data


def test_a_task_delivered_twice_is_one_mail(mailer: FlaskClient) -> None:
    """Cloud Tasks delivers at least once; a second delivery replaces the file."""
    body = {"to": "a@example.com", "subject": "x"}
    mailer.post("/send", json=body, headers=TASK)
    first = only("out/mail")["Message-ID"]
    mailer.post("/send", json=body, headers={**TASK, "X-CloudTasks-TaskRetryCount": "1"})
    assert only("out/mail")["Message-ID"] == first == "<emails-42@localhost>"


@pytest.mark.parametrize("name", ["x" * 500, "../../../etc/passwd", "a/b", "ä", ""])
def test_no_task_name_leads_out_of_the_outbox(mailer: FlaskClient, name: str) -> None:
    """Whatever task name a caller sends, the file is in the outbox."""
    headers = {**TASK, "X-CloudTasks-TaskName": name}
    answer = mailer.post("/send", json={"to": "a@example.com", "subject": "x"}, headers=headers)
    assert answer.status_code == 200
    (path,) = Path("out/mail").iterdir()
    assert path.suffix == ".eml"
    assert [entry.name for entry in Path().iterdir()] == ["out"]


GOOD = {"to": "a@example.com", "subject": "x"}
FILE = {"name": "a", "type": "image/png", "base64": "AAAA"}
HOPELESS = {
    b"": "not JSON",
    b"hello": "not JSON",
    b"\xff\xfe": "not JSON",
    b"[" * 100_000: "not JSON",
    b'{"to": "a@example.com", "subject": "\\ud800"}': "not JSON",
    b"[1]": "not an object",
    b"null": "not an object",
    **{
        json.dumps(body).encode(): reason
        for body, reason in [
            ({}, "`subject`"),
            ({"to": "a@example.com"}, "`subject`"),
            ({**GOOD, "subject": 5}, "`subject`"),
            ({**GOOD, "subject": "a\0b"}, "`subject`"),
            ({"subject": "x"}, "`to`"),
            ({**GOOD, "to": None}, "`to`"),
            ({**GOOD, "to": ""}, "`to`"),
            ({**GOOD, "to": []}, "`to`"),
            ({**GOOD, "to": ["a@example.com", 5]}, "`to`"),
            ({**GOOD, "to": "nobody"}, "'nobody'"),
            ({**GOOD, "to": "a@"}, "'a@'"),
            ({**GOOD, "to": "@example.com"}, "'@example.com'"),
            ({**GOOD, "to": "a@example.com\nBcc: b@example.com"}, "not a mail address"),
            ({**GOOD, "to": "=?utf-8?q?x=0ABcc:_b?= <a@example.com>"}, "not a mail address"),
            ({**GOOD, "to": "=?utf-8?q?x=C2=85Bcc:_b?= <a@example.com>"}, "not a mail address"),
            ({**GOOD, "to": "a b c@@ <>"}, "not a mail address"),
            ({**GOOD, "to": "nobody:;"}, "not a mail address"),
            ({**GOOD, "text": ["x"]}, "`text`"),
            ({**GOOD, "values": 1}, "`values`"),
            ({**GOOD, "template": "nosuch"}, "it can be plain, thumbnail"),
            ({**GOOD, "template": "../main"}, "it can be plain, thumbnail"),
            ({**GOOD, "template": {}}, "it can be plain, thumbnail"),
            ({**GOOD, "template": "thumbnail"}, "'width' is undefined; add it to `values`"),
            ({**GOOD, "attachments": ["a.jpg"]}, "list of objects"),
            ({**GOOD, "attachments": {"path": "/etc/passwd"}}, "`name`"),
            ({**GOOD, "attachments": [{**FILE, "base64": "%"}]}, "not base64"),
            ({**GOOD, "attachments": [{**FILE, "base64": "é"}]}, "not base64"),
            ({**GOOD, "attachments": [{**FILE, "type": "image"}]}, "image/jpeg"),
            ({**GOOD, "attachments": [{**FILE, "type": 3}]}, "image/jpeg"),
        ]
    },
}


@pytest.mark.parametrize("body", HOPELESS, ids=[f"{body[:60]!r}" for body in HOPELESS])
def test_a_hopeless_task_is_given_up_with_a_reason(
    mailer: FlaskClient, capsys: pytest.CaptureFixture[str], body: bytes
) -> None:
    """A task that can never succeed becomes a dead letter at once, and is logged."""
    with pytest.raises(PermanentError, match=re.escape(HOPELESS[body])):
        mailer.post("/send", data=body, headers=TASK)
    log = capsys.readouterr().out
    assert log.startswith("ERROR emails-42: retrying cannot help: ")
    assert HOPELESS[body] in log
    assert not Path("out").exists()


def test_a_mail_with_an_unknown_key_is_sent(
    mailer: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """A producer may be newer than the mailer: unknown keys are logged and ignored."""
    mailer.post("/send", json={**GOOD, "cc": "b@example.com"}, headers=TASK)
    assert only("out/mail")["Subject"] == "x"
    assert capsys.readouterr().out.startswith(
        "WARNING emails-42: ignored unknown key `cc`; known: to, "
    )


def test_on_cloud_run_a_log_line_carries_its_severity(
    mailer: FlaskClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cloud Logging reads `severity` and `message` from JSON lines."""
    monkeypatch.setenv("K_SERVICE", "mailer")
    with pytest.raises(PermanentError):
        mailer.post("/send", data=b"", headers=TASK)
    entry = json.loads(capsys.readouterr().out)
    assert entry["severity"] == "ERROR"
    assert entry["message"].startswith("emails-42: retrying cannot help")


def test_only_posts_to_send_are_mails(mailer: FlaskClient) -> None:
    """Another path or method is a configuration mistake, so the task is kept: no 2xx."""
    assert mailer.post("/", json=GOOD).status_code == 404
    assert mailer.get("/send").status_code == 405
    assert not Path("out").exists()


def test_an_outbox_that_cannot_be_written_keeps_the_task(
    mailer: FlaskClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The operator must fix the folder, so the task is retried."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("OUTBOX", str(tmp_path / "file"))
    assert mailer.post("/send", json=GOOD).status_code == 503
