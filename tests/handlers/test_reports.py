"""The report service, from a task's body to a table, and its handling of unusable bodies."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from pathlib import Path

import pytest

ORDER = {"order": 1815, "amount": "12.50", "currency": "EUR"}
DAY = {"day": "2026-11-24", "orders": [ORDER]}


def post(reports: HTTPConnection, body: object, path: str = "/daily") -> tuple[int, str]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    reports.request("POST", path, content, {"X-CloudTasks-TaskName": "42"})
    answer = reports.getresponse()
    return answer.status, answer.read().decode()


def test_a_days_orders_become_a_table(reports: HTTPConnection, tmp_path: Path) -> None:
    """One line per order, and a total per currency, exact to the cent."""
    orders = [
        ORDER,
        {"order": 7, "amount": "0.1", "currency": "EUR"},
        {"order": 8, "amount": "0.2", "currency": "EUR"},
        {"order": 9, "amount": "-3", "currency": "CHF"},
    ]
    assert post(reports, {**DAY, "orders": orders}) == (200, "wrote 2026-11-24.csv\n")
    assert (tmp_path / "out/reports/2026-11-24.csv").read_text() == (
        "order,amount,currency\n"
        "1815,12.50,EUR\n"
        "7,0.10,EUR\n"
        "8,0.20,EUR\n"
        "9,-3.00,CHF\n"
        "total,-3.00,CHF\n"
        "total,12.80,EUR\n"
    )


def test_a_report_delivered_twice_is_one_file(reports: HTTPConnection, tmp_path: Path) -> None:
    """Cloud Tasks delivers at least once; a second delivery replaces the file."""
    post(reports, DAY)
    assert post(reports, {**DAY, "orders": []})[0] == 200
    (file,) = (tmp_path / "out" / "reports").iterdir()
    assert file.read_text() == "order,amount,currency\n"


HOPELESS: list[tuple[object, str]] = [
    (b"", "not JSON"),
    (b"[" * 100_000, "not JSON"),
    ([1], "not an object"),
    ({"orders": []}, "`day`"),
    ({**DAY, "day": "yesterday"}, "'yesterday'"),
    ({**DAY, "day": "../../2026"}, "`day`"),
    ({"day": "2026-11-24"}, "`orders`"),
    ({**DAY, "orders": [1]}, "1 is not an order"),
    ({**DAY, "orders": [{**ORDER, "order": True}]}, "`order` is True"),
    ({**DAY, "orders": [{**ORDER, "amount": 12.5}]}, "`amount` is 12.5"),
    ({**DAY, "orders": [{**ORDER, "amount": "=1+1"}]}, "`amount`"),
    ({**DAY, "orders": [{**ORDER, "currency": "euro"}]}, "`currency`"),
    ({**DAY, "orders": [ORDER, ORDER]}, "order 1815 is listed twice"),
]


@pytest.mark.parametrize(("body", "reason"), HOPELESS, ids=[reason for _, reason in HOPELESS])
def test_a_hopeless_day_is_dropped_with_a_reason(
    reports: HTTPConnection, capsys: pytest.CaptureFixture[str], body: object, reason: str
) -> None:
    """A task that can never succeed gets a 200, so it is not retried, and is logged."""
    status, text = post(reports, body)
    assert status == 200
    assert text.startswith("dropped: ")
    log = capsys.readouterr().out
    assert log.startswith("ERROR 42: dropped, retrying cannot help: ")
    assert reason in log
    assert not Path("out").exists()


def test_a_folder_that_cannot_be_written_keeps_the_task(
    reports: HTTPConnection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The operator must fix the folder, so the task is retried."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("REPORTS", str(tmp_path / "file"))
    assert post(reports, DAY)[0] == 503


def test_only_posts_to_daily_are_reports(reports: HTTPConnection) -> None:
    """Another path, a missing length or one too large is a mistake: no 2xx, so the task stays."""
    assert post(reports, DAY, "/send")[0] == 404
    reports.putrequest("POST", "/daily")
    reports.endheaders()
    assert reports.getresponse().status == 411
    reports.close()
    reports.putrequest("POST", "/daily")
    reports.putheader("Content-Length", str(2**20 + 1))
    reports.endheaders()
    assert reports.getresponse().status == 413
    assert not Path("out").exists()


def test_on_cloud_run_a_log_line_carries_its_severity(
    reports: HTTPConnection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cloud Logging reads `severity` and `message` from JSON lines."""
    monkeypatch.setenv("K_SERVICE", "reports")
    post(reports, b"")
    entry = json.loads(capsys.readouterr().out)
    assert entry["severity"] == "ERROR"
    assert entry["message"].startswith("42: dropped")
