"""`queuewright emulator` as a process of its own, and a handler that it can call."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from queuewright.client import connect

PROGRAM = (sys.executable, "-c", "from queuewright.cli import main; main()", "emulator")
PORTS = ("--port", "0", "--http-port", "0")
PATIENCE_S = 60.0
"""An emulator that lives for longer than this is killed, and its test has failed."""


class Emulator:
    """A running emulator, as a program meets it."""

    def __init__(self, process: subprocess.Popen[str], lines: Iterator[str]) -> None:
        self._process = process
        self.pid = process.pid
        self._lines = (json.loads(line) for line in lines)
        self.before: list[dict[str, Any]] = []
        """The lines before it was ready."""
        for ready in self._lines:
            if ready["text"].startswith("ready"):
                break
            self.before.append(ready)
        self.grpc: str = ready["grpc"]
        self.http: str = ready["http"]
        self.client = connect(self.grpc)

    def line_with(self, text: str) -> dict[str, Any]:
        """The next line with this text."""
        return next(line for line in self._lines if text in line["text"])

    def stop(self) -> list[str]:
        """Interrupt it; the texts of the rest of its lines."""
        self._process.send_signal(signal.SIGINT)
        return [line["text"] for line in self._lines]

    def terminate(self) -> int:
        """Its exit code after SIGTERM, with nobody reading what it prints."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(PATIENCE_S)


@contextmanager
def emulator(folder: Path, *words: str, log: Path | None = None) -> Iterator[Emulator]:
    """Run it in a folder, with `--json`; its log, if it writes one, goes into a file."""
    command = [*PROGRAM, *PORTS, "--json", *words]
    with (log or Path(os.devnull)).open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=output if log else subprocess.PIPE,
            stderr=subprocess.PIPE if log else None,
            text=True,
        )
    alarm = threading.Timer(PATIENCE_S, process.kill)
    alarm.start()
    with process:
        try:
            said = process.stderr or process.stdout
            assert said is not None
            yield Emulator(process, said)
            process.send_signal(signal.SIGINT)
            said.read()
        except BaseException:
            process.kill()
            raise
        finally:
            alarm.cancel()
    assert process.returncode == 0


def ended(
    folder: Path, *words: str, pass_fds: tuple[int, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run it where it ends by itself; it inherits the descriptors `pass_fds`."""
    command = [*PROGRAM, *PORTS, *words]
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        pass_fds=pass_fds,
    )


class Handler(ThreadingHTTPServer):
    """A handler that answers what it is told to, then 200; `url` is its address."""

    def __init__(self, *answers: int) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.answers = list(answers)
        self._received: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def got(self) -> tuple[str, bytes]:
        """Path and body of the next request."""
        return self._received.get(timeout=PATIENCE_S)

    def answer(self, path: str, body: bytes) -> int:
        """The status for a request."""
        self._received.put((path, body))
        return self.answers.pop(0) if self.answers else 200

    def __enter__(self) -> Handler:
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Request(BaseHTTPRequestHandler):
    server: Handler

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(self.server.answer(self.path, body))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass
