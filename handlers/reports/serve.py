"""A Cloud Run service without a Dockerfile: it adds up a day's orders, with Python alone.

`POST /daily` with a day and its orders (`daily.py` describes the body) writes a table with totals
below `REPORTS`. On Cloud Run the folder is gone with the instance, unless a bucket is mounted
there.

=========  =====================================================================
`REPORTS`  the folder, default `out/reports` below the working directory
`HOST`     the address to listen on, default all; on a laptop, better 127.0.0.1
`PORT`     the port, default 8080
=========  =====================================================================

Cloud Tasks repeats a task until it gets a 2xx answer. What is no report now will be none the next
time: it is dropped with 200 and a line of severity ERROR. A folder that cannot be written answers
503, and the task comes back. Doing a task twice writes the same file.
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
    """One connection; whoever calls is known to Cloud Run, which let the request in."""

    timeout = 60

    def do_POST(self) -> None:
        """Write the report that one task asks for."""
        size = self.headers.get("Content-Length", "")
        if not size.isdecimal() or int(size) > LARGEST:
            self._answer(413 if size.isdecimal() else 411, "send a task's body and its length")
            return
        body = self.rfile.read(int(size))
        if self.path != "/daily":
            self._answer(404, f"no such path: {self.path}; a day's orders go to /daily")
            return
        task = self.headers.get("X-CloudTasks-TaskName", "")
        try:
            path = _written(body)
        except Unusable as error:
            _log("ERROR", f"{task}: dropped, repeating it cannot help: {error}")
            self._answer(200, f"dropped: {error}")
        except OSError as error:
            _log("ERROR", f"{task}: not written, to be repeated: {error}")
            self._answer(503, f"not written: {error}")
        else:
            self._answer(200, f"wrote {path.name}")

    def log_message(self, *_args: object) -> None:
        """Say nothing of each request; Cloud Run has a line for it already."""

    def _answer(self, status: int, text: str) -> None:
        content = f"{text}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def serve() -> None:
    """Serve until told to stop; what has begun is finished."""
    address = os.environ.get("HOST") or "0.0.0.0", int(os.environ.get("PORT") or 8080)
    with ThreadingHTTPServer(address, Daily) as server:
        server.daemon_threads = False
        # From another thread: `shutdown` waits for the loop that this one is in.
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
        print("reports at http://{}:{}".format(*server.server_address), flush=True)
        server.serve_forever()


def _written(body: bytes) -> Path:
    """Write the report under its day's name; a repetition replaces it."""
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
    """Print a line; on Cloud Run (which sets `K_SERVICE`) as JSON, so that severity is kept."""
    if "K_SERVICE" in os.environ:
        print(json.dumps({"severity": severity, "message": text}), flush=True)
    else:
        print(text if severity == "INFO" else f"{severity} {text}", flush=True)


if __name__ == "__main__":
    serve()
