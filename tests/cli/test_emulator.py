"""`queuewright emulator`, as a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from queuewright.client import connect

QUEUE = "projects/p-of-mine/locations/us-central1/queues/jobs"
PROGRAM = (sys.executable, "-c", "from queuewright.cli import main; main()", "emulator")


def test_it_serves_the_queues_it_was_given(tmp_path: Path) -> None:
    """Without a project, on ports that the system chose, until it is interrupted."""
    words = ("--port", "0", "--http-port", "0", "--memory", "--json", "--queue", QUEUE)
    with subprocess.Popen([*PROGRAM, *words], cwd=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = (json.loads(line) for line in process.stdout)
        ready = next(line for line in lines if line["text"].startswith("ready"))
        assert connect(ready["grpc"]).get_queue(name=QUEUE).name == QUEUE
        process.send_signal(signal.SIGINT)
        assert [line["text"] for line in lines] == ["stopping", "stopped"]
    assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_malformed_queue_is_said(tmp_path: Path) -> None:
    """With Google's own words for what a name must be."""
    words = ("--port", "0", "--http-port", "0", "--memory", "--queue", "jobs")
    ended = subprocess.run(
        [*PROGRAM, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: --queue `jobs`: Queue name must be formatted")
