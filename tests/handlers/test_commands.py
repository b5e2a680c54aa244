"""The shipped handlers, started by the same commands as on Google Cloud."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from queuewright.packages import runtime_folder
from queuewright.spec import load

ROOT = Path(__file__).parents[2]
HANDLERS = ROOT / "handlers"


@contextmanager
def running(command: list[str], folder: Path, **env: str) -> Iterator[str]:
    """Run a server on a port that the system chooses; yield its URL, read from its output."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={
            **os.environ,
            "PATH": path,
            "PORT": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "GUNICORN_LOG_LEVEL": "info",  # the functions framework prints its port
            **env,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        lines = iter(process.stdout)
        port = next(
            found[1] for line in lines if (found := re.search(r"://[\w.:\[\]]+:(\d+)", line))
        )
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate()


def post(url: str, body: bytes, **headers: str) -> tuple[int, str]:
    sent = {name.replace("_", "-"): text for name, text in headers.items()}
    request = urllib.request.Request(url, data=body, headers=sent)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.status, answer.read().decode()


def test_the_command_of_the_dockerfile_serves(photo: Callable[..., bytes], tmp_path: Path) -> None:
    """The shell form of CMD starts gunicorn on PORT, and it makes a thumbnail."""
    folder = HANDLERS / "thumbnails"
    (line,) = re.findall(r"^CMD (exec .+)$", (folder / "Dockerfile").read_text(), re.M)
    with running(["/bin/sh", "-c", line], folder, THUMBNAILS=str(tmp_path / "small")) as url:
        status, _ = post(f"{url}/", photo(600, 400))
    assert status == 200
    assert len(list((tmp_path / "small").glob("*.jpg"))) == 1


def test_the_functions_framework_serves(tmp_path: Path) -> None:
    """`functions-framework --target handle` in the mailer's folder is enough, with the library."""
    command = [sys.executable, "-m", "functions_framework", "--target", "handle"]
    body = b'{"to": "ada@example.com", "subject": "Hello"}'
    library = str(runtime_folder())  # in the function's package
    with running(
        command, HANDLERS / "mailer", OUTBOX=str(tmp_path / "mail"), PYTHONPATH=library
    ) as url:
        status, answer = post(f"{url}/send", body)
    assert status == 200
    (path,) = (tmp_path / "mail").glob("*.eml")
    assert answer == f"wrote {path}\n"


def test_the_command_of_the_reports_serves(tmp_path: Path) -> None:
    """Plain Python runs the folder that is deployed as it is."""
    service = load("prod", ROOT).handlers["reports"].service
    assert service is not None
    folder = tmp_path / "reports"
    variables = {"REPORTS": str(folder), "HOST": "127.0.0.1"}
    with running(list(service.command), HANDLERS / "reports", **variables) as url:
        status, _ = post(f"{url}/daily", b'{"day": "2026-11-24", "orders": []}')
    assert status == 200
    assert [file.name for file in folder.iterdir()] == ["2026-11-24.csv"]


def test_the_entrypoint_of_the_ledger_serves(tmp_path: Path) -> None:
    """Both App Engine's entrypoint and the local command."""
    ledger = load("staging", ROOT).handlers["ledger"]
    assert ledger.app_engine is not None
    lines = str(ledger.app_engine.entrypoint), ledger.local.command[-1]
    body = b'{"order": 1815, "amount": "12.50", "currency": "EUR"}'
    for number, line in enumerate(lines):
        book, command = tmp_path / str(number), ["/bin/sh", "-c", f"exec {line}"]
        with running(command, HANDLERS / "ledger", LEDGER=str(book)) as url:
            status, _ = post(f"{url}/", body, X_AppEngine_QueueName="books")
        assert status == 200
        assert [file.name for file in book.iterdir()] == ["1815.txt"]
