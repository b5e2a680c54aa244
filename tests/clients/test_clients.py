"""Google's own clients, each in a process of its own, against an engine in another."""

from __future__ import annotations

import json
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.clients.engine_ports import engine_ports
from tests.clients.programs import HERE, ROOT, go_program, java_program, node_program, run

PARENT = "projects/acme-dev/locations/europe-west1"

EXPECTED = [
    ["create", "RUNNING", 5],
    ["create again", True],
    ["update", 10, 1000],
    ["pause", "PAUSED"],
    ["create task", "ok", 0],
    ["list", ["flaky", "ok"]],
    ["get", "PUT", "hello"],
    ["run", 1, True],
    ["resume", "RUNNING"],
    ["retry", True],
    ["purge", True],
    ["delete", True],
]
"""What every client has to see, step by step."""


class Target:
    """Where the tasks go: answers `/flaky` with 500 twice and keeps what came, by queue."""

    def __init__(self) -> None:
        self.came: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
        target = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                came = target.came[self.headers["X-Scenario"]]
                retries = self.headers["X-CloudTasks-TaskRetryCount"]
                reason = self.headers.get("X-CloudTasks-TaskPreviousResponse", "")
                came.append((self.path, retries, reason))
                self.send_response(500 if self.path == "/flaky" and int(retries) < 2 else 200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    started = Target()
    yield started
    started.close()


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    with engine_ports() as found:
        yield found


@pytest.fixture(scope="module")
def node() -> list[str]:
    return node_program("scenario.mjs")


@pytest.fixture(scope="module")
def go() -> list[str]:
    return go_program(".", "scenario")


@pytest.fixture(scope="module")
def java() -> list[str]:
    return java_program("Scenario.java")


@pytest.fixture(scope="module")
def python() -> list[str]:
    return [sys.executable, str(HERE / "python_scenario.py")]


@pytest.mark.parametrize(
    "client",
    [
        "python",
        pytest.param("node", marks=pytest.mark.slow),
        pytest.param("go", marks=pytest.mark.slow),
        pytest.param("java", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_the_shared_scenario(
    request: pytest.FixtureRequest,
    ports: dict[str, int],
    target: Target,
    client: str,
    protocol: str,
) -> None:
    """Create a queue, update with a mask, create, list, get, run, retry, purge, delete.

    Each step looks the same through every client, and what the target got is what was sent.
    """
    command = request.getfixturevalue(client)
    queue = f"{client}-{protocol}"
    seen = run([*command, protocol, str(ports[protocol]), PARENT, queue, target.url], ROOT)
    assert json.loads(seen) == EXPECTED
    assert target.came[queue] == [
        ("/ok", "0", ""),
        ("/flaky", "0", ""),
        ("/flaky", "1", "500"),
        ("/flaky", "2", "500"),
    ]


def test_the_lock_file_names_no_registry() -> None:
    """Where packages come from is the business of whoever installs them."""
    lock = (HERE / "node" / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert "://registry" not in lock
