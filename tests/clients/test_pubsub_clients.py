"""Google's own Pub/Sub clients, each in a process of its own, against a server in another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.programs import HERE, ROOT, go_program, node_program, run

SERVER = Path(__file__).parents[1] / "pubsub" / "server_process.py"

EXPECTED = [
    ["topic", True, True],
    ["subscription", 10, True],
    ["stream", 20, "free-00", "free-19"],
    ["order", ["0", "1", "2", "2", "3", "4"]],
    ["pull", 1, "late"],
    ["acknowledge", True],
    ["exactly once", "in time: SUCCESS", "purged: INVALID_ACK_ID"],
    ["delete", True, True],
]
"""What every client has to see, step by step."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Pub/Sub in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        assert process.wait(timeout=30) == 0
        process.stdout.close()


@pytest.fixture(scope="module")
def node() -> list[str]:
    return node_program("pubsub.mjs")


@pytest.fixture(scope="module")
def go() -> list[str]:
    return go_program("./pubsub", "pubsub")


@pytest.fixture(scope="module")
def python() -> list[str]:
    return [sys.executable, str(HERE / "pubsub_scenario.py")]


@pytest.mark.parametrize(
    "client",
    [
        "python",
        pytest.param("node", marks=pytest.mark.slow),
        pytest.param("go", marks=pytest.mark.slow),
    ],
)
def test_the_shared_scenario_of_pubsub(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    client: str,
) -> None:
    """Create, publish, stream with a filter, in order with a nack, pull, acknowledge, delete."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", address)
    seen = run([*request.getfixturevalue(client), f"acme-{client}"], ROOT)
    assert json.loads(seen) == EXPECTED
