"""`tasks` while an attempt runs: the result of the one before stays to be seen."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import pytest

from queuewright.cli.ended_attempts import ended_attempts
from queuewright.client import connect
from tests.cli.conftest import Background, Run

QUEUE = "projects/acme-dev/locations/europe-west1/queues/own"
PATIENCE_S = 60


@dataclass
class Target:
    """Answers the first attempt with 500, and the others with 200 after `may_answer`."""

    url: str = ""
    has_failed: threading.Event = field(default_factory=threading.Event)
    has_two: threading.Event = field(default_factory=threading.Event)
    may_answer: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def target() -> Iterator[Target]:
    target = Target()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            is_first = not target.has_failed.is_set()
            target.has_failed.set()
            if not is_first:
                target.has_two.set()
                target.may_answer.wait(PATIENCE_S)
            self.send_response(500 if is_first else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        target.url = f"http://127.0.0.1:{server.server_port}/"
        try:
            yield target
        finally:
            target.may_answer.set()
            server.shutdown()
            thread.join()


def test_the_result_of_the_attempt_before_is_shown(
    run: Run, target: Target, engine: Background
) -> None:
    """In the table and in JSON."""
    client = connect(engine.address)
    queue = {"name": QUEUE, "retry_config": {"min_backoff": {"nanos": 1_000_000}}}
    client.create_queue(parent=QUEUE.rpartition("/queues/")[0], queue=queue)
    assert run("enqueue", "own", "hi", "--url", target.url).code == 0
    assert target.has_two.wait(PATIENCE_S)
    assert "running; before: UNKNOWN(2): HTTP status code 500" in run("tasks", "own").out
    row = json.loads(run("tasks", "own", "--json").out)
    assert (row["running"], row["attempts"], row["last_status"]) == (True, 2, "UNKNOWN")
    target.may_answer.set()


def test_another_emulator_is_no_error() -> None:
    """It has no such service, and only what Google's API says is shown."""
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    assert ended_attempts(f"127.0.0.1:{port}", QUEUE, [f"{QUEUE}/tasks/t"]) == {}
    server.stop(None).wait()
