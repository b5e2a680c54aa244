"""An engine in a process of its own, and where it listens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@contextmanager
def engine_ports() -> Iterator[dict[str, int]]:
    """Run `engine_process.py`; its ports by protocol, `grpc` and `rest`."""
    process = subprocess.Popen(
        [sys.executable, HERE / "engine_process.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        assert process.wait(timeout=30) == 0
        process.stdout.close()
