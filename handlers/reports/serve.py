"""A Cloud Run service without a Dockerfile that reports a day's orders, in plain Python.

`POST /daily` with a day and its orders (`daily.py` describes the body) writes a table with totals
to the folder `REPORTS`. On Cloud Run the folder disappears with the instance, unless a bucket is
mounted there.

=========  =====================================================================
`REPORTS`  the folder; default `out/reports` in the working directory
`HOST`     the address to listen on; default all, use 127.0.0.1 on a laptop
`PORT`     the port; default 8080
=========  =====================================================================

Cloud Tasks retries a task until it gets a 2xx response. A body that is not a report will not be one
next time either: it is dropped with 200 and a log line of severity ERROR. If the folder cannot be
written, the response is 503 and the task is retried. A second delivery writes the same file.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from daily import Unusable, report

LARGEST = 2**20  # bytes; a task holds 1 MiB (https://cloud.google.com/tasks/docs/quotas)


class Daily(BaseHTTPRequestHandler):
    """One connection. Cloud Run has already authenticated the caller."""

    timeout = 60

    def do_POST(self) -> None:
        """Write the report of one task."""
        size = self.headers.get("Content-Length", "")
        if not size.isdecimal() or int(size) > LARGEST:
            self._answer(413 if size.isdecimal() else 411, "send at most 1 MiB, with its length")
            return
        body = self.rfile.read(int(size))
        if self.path != "/daily":
            self._answer(404, f"no such path: {self.path}; send a day's orders to /daily")
            return
        task = self.headers.get("X-CloudTasks-TaskName", "")
        try:
            path = _written(body)
        except Unusable as error:
            _log("ERROR", f"{task}: dropped, retrying cannot help: {error}")
            self._answer(200, f"dropped: {error}")
        except OSError as error:
            _log("ERROR", f"{task}: not written, will be retried: {error}")
            self._answer(503, f"not written: {error}")
        else:
            self._answer(200, f"wrote {path.name}")

    def log_message(self, *_args: object) -> None:
        """Log no requests; Cloud Run does."""

    def _answer(self, status: int, text: str) -> None:
        content = f"{text}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def serve() -> None:
    """Serve until SIGTERM, then finish running requests."""
    address = os.environ.get("HOST") or "0.0.0.0", int(os.environ.get("PORT") or 8080)
    with ThreadingHTTPServer(address, Daily) as server:
        server.daemon_threads = False
        # In another thread, because `shutdown` waits for the loop in this one.
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
        print("reports at http://{}:{}".format(*server.server_address), flush=True)
        server.serve_forever()


def _written(body: bytes) -> Path:
    """Write the report to a file named after its day; a retry replaces the file."""
    made = report(body)
    folder = Path(os.environ.get("REPORTS") or "out/reports").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{made.day}.csv"
    unfinished = path.with_suffix(f".{threading.get_ident()}.part")
    unfinished.write_text(made.table, encoding="utf-8")
    unfinished.replace(path)
    _log("INFO", f"wrote {path}; orders: {made.orders}")
    return path


def _log(severity: str, text: str) -> None:
    """Print a line; on Cloud Run (which sets `K_SERVICE`) as JSON, to keep the severity."""
    if "K_SERVICE" in os.environ:
        print(json.dumps({"severity": severity, "message": text}), flush=True)
    else:
        print(text if severity == "INFO" else f"{severity} {text}", flush=True)


if __name__ == "__main__":
    serve()
