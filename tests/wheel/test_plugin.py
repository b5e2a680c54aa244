"""The pytest plugin as people get it: a project of their own, and nothing but the wheel."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.wheel.conftest import Installed

pytestmark = pytest.mark.slow

STACK = """
project: acme-dev
location: europe-west1
handlers:
  biller:
    function: {source: functions/biller, entry_point: bill, runtime: python312}
    env: {CURRENCY: EUR}
  notifier:
    service: {source: services/notifier, runtime: python312, command: [gunicorn, "main:app"]}
queues:
  bills:
    handler: biller
    retry_config: {max_attempts: 3, min_backoff: 1m}
  notices: {handler: notifier, path: /notices, enqueuers: [biller]}
"""
BILLER = """
import json
import os
import urllib.request

import flask

from prices import total


def bill(request: flask.Request):
    order = request.get_json()
    text = f"{total(order)} {os.environ['CURRENCY']}"
    task = {"httpRequest": {"url": "https://queue.invalid/", "body": _base64(text)}}
    queue = os.environ["QUEUE_NOTICES"]
    url = f"{os.environ['CLOUD_TASKS_EMULATOR_URL']}/v2/{queue}/tasks"
    body = json.dumps({"task": task}).encode()
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as response:
        return response.read()


def _base64(text: str) -> str:
    import base64

    return base64.b64encode(text.encode()).decode()
"""
PRICES = """
def total(order):
    return sum(line["price"] * line["count"] for line in order["lines"])
"""
NOTIFIER = """
NOTICES = []


def app(environ, start_response):
    size = int(environ.get("CONTENT_LENGTH") or 0)
    NOTICES.append(environ["wsgi.input"].read(size).decode())
    start_response("204 No Content", [])
    return []
"""
TESTS = """
ORDER = {"lines": [{"price": 3, "count": 2}, {"price": 5, "count": 1}]}


def test_a_bill_is_noticed(queuewright_env):
    queuewright_env.enqueue("bills", ORDER)
    queuewright_env.drain()
    queuewright_env.assert_delivered("bills", attempts=1)
    queuewright_env.assert_delivered("notices", attempts=1)
    assert queuewright_env.module("notifier").NOTICES == ["11 EUR"]


def test_an_outage_of_a_day(queuewright_env):
    begun = queuewright_env.now
    queuewright_env.fail("notifier", during="24h")
    queuewright_env.enqueue("bills", ORDER)
    queuewright_env.drain()
    assert (queuewright_env.now - begun).total_seconds() >= 24 * 3600
    assert queuewright_env.attempts("notices").statuses[-1] == 204


def test_a_wrong_order_is_given_up(queuewright_env):
    queuewright_env.enqueue("bills", {})
    queuewright_env.drain()
    attempts = queuewright_env.attempts("bills")
    assert attempts.statuses == [500, 500, 500]
    assert {attempt.error for attempt in attempts} == {"KeyError: 'lines'"}


def test_a_claim_that_fails(queuewright_env):
    queuewright_env.enqueue("bills", ORDER, name="order-17")
    queuewright_env.drain()
    assert queuewright_env.attempts("bills").statuses == [500]
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project outside of this repository."""
    folder = tmp_path_factory.mktemp("own") / "shop"
    files = {
        "stacks/dev.yaml": STACK,
        "functions/biller/main.py": BILLER,
        "functions/biller/prices.py": PRICES,
        "services/notifier/main.py": NOTIFIER,
        "tests/test_bills.py": TESTS,
    }
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.lstrip("\n"), encoding="utf-8")
    return folder


def test_a_project_of_ones_own_runs_its_tests_with_the_plugin(
    installed: Installed, shop: Path
) -> None:
    """Which is there without any setting; the test that fails shows what happened."""
    done = subprocess.run(
        [installed.program("pytest"), "-W", "error", "--strict-markers", "-p", "no:cacheprovider"],
        cwd=shop,
        env=installed.variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    printed = done.stdout + done.stderr
    assert "1 failed, 3 passed" in printed, printed
    assert "queuewright: what happened" in printed, printed
    assert "+0s  task order-17, attempt 1 of 3: 200, done" in printed, printed
    markers = installed.run("pytest", "--markers", cwd=shop)
    assert "@pytest.mark.queuewright(environment='dev'" in markers
