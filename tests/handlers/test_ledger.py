"""The ledger books each order once, and drops or keeps tasks that it cannot book."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask.testing import FlaskClient

TASK = {"X-AppEngine-QueueName": "books", "X-AppEngine-TaskName": "42"}
ORDER = {"order": 1815, "amount": "12.50", "currency": "EUR"}


def booked(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in (folder / "book").iterdir()}


def test_an_order_is_booked(
    ledger: FlaskClient, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The ledger has the order's entry, and the log says so."""
    answer = ledger.post("/", json=ORDER, headers=TASK)
    assert (answer.status_code, answer.text) == (200, "booked order 1815: 12.50 EUR\n")
    assert booked(tmp_path) == {"1815.txt": "12.50 EUR\n"}
    assert capsys.readouterr().out == "booked order 1815: 12.50 EUR\n"


def test_an_order_delivered_twice_is_booked_once(ledger: FlaskClient, tmp_path: Path) -> None:
    """Cloud Tasks delivers at least once; the second delivery changes nothing."""
    ledger.post("/", json=ORDER, headers=TASK)
    answer = ledger.post("/", json=ORDER, headers=TASK)
    assert (answer.status_code, answer.text) == (200, "order 1815 was already booked\n")
    assert booked(tmp_path) == {"1815.txt": "12.50 EUR\n"}


def test_an_order_with_another_amount_does_not_replace_the_booking(
    ledger: FlaskClient, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The first booking stays; the contradicting task is dropped and logged."""
    ledger.post("/", json=ORDER, headers=TASK)
    answer = ledger.post("/", json={**ORDER, "amount": "21.50"}, headers=TASK)
    assert answer.status_code == 200
    assert "ERROR 42: dropped" in (log := capsys.readouterr().out)
    assert "order 1815 is already booked with 12.50 EUR, not 21.50 EUR" in log
    assert booked(tmp_path) == {"1815.txt": "12.50 EUR\n"}


def test_only_cloud_tasks_may_book(ledger: FlaskClient, tmp_path: Path) -> None:
    """App Engine removes Cloud Tasks' headers from other requests."""
    assert ledger.post("/", json=ORDER).status_code == 403
    assert not (tmp_path / "book").exists()


HOPELESS: list[tuple[bytes, str]] = [
    (b"", "not JSON"),
    (b"[" * 100_000, "not JSON"),
    (b"[1]", "not an object"),
    *(
        (json.dumps({**ORDER, **wrong}).encode(), reason)
        for wrong, reason in [
            ({"order": "../1815"}, "`order`"),
            ({"order": True}, "`order`"),
            ({"order": 0}, "`order`"),
            ({"amount": 12.5}, "`amount`"),
            ({"amount": "12.5"}, "`amount`"),
            ({"currency": None}, "`currency`"),
        ]
    ),
]


@pytest.mark.parametrize(
    ("body", "reason"), HOPELESS, ids=[f"{body[:60]!r}" for body, _ in HOPELESS]
)
def test_a_hopeless_task_is_dropped_with_a_reason(
    ledger: FlaskClient, capsys: pytest.CaptureFixture[str], body: bytes, reason: str
) -> None:
    """A task that can never be booked gets a 200, so it is not retried, and is logged."""
    answer = ledger.post("/", data=body, headers=TASK)
    assert answer.status_code == 200
    assert answer.text.startswith("dropped: ")
    assert reason in capsys.readouterr().out


def test_a_ledger_that_cannot_be_written_keeps_the_task(
    ledger: FlaskClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The operator must fix the folder, so the task is retried."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LEDGER", str(tmp_path / "file"))
    assert ledger.post("/", json=ORDER, headers=TASK).status_code == 503


def test_on_app_engine_a_log_line_carries_its_severity(
    ledger: FlaskClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cloud Logging reads `severity` and `message` from JSON lines."""
    monkeypatch.setenv("GAE_ENV", "standard")
    ledger.post("/", data=b"", headers=TASK)
    entry = json.loads(capsys.readouterr().out)
    assert entry["severity"] == "ERROR"
    assert entry["message"].startswith("42: dropped")
