"""`queuewright up` as a command: what it prints, and that it leaves nothing behind."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import pytest

from queuewright.local.processes.cleanup import living
from tests.local.conftest import ECHO, PATIENCE_S, Project

SPEC = """
handlers:
  mailer:
    service: {source: handlers/mailer}
queues:
  emails: {handler: mailer, path: /send}
"""
# A server whose process tells of itself, so that a test knows what must be gone.
TELLS = "import os\nprint('pid', os.getpid(), flush=True)\n"
NEVER = f"{TELLS}import time\ntime.sleep(1000)\n"
MAIN = "from queuewright.cli import main; main()"
ADD = """
import sys, grpc
from queuewright.engine.protocol import CreateTaskRequest, HttpRequest, Task
call = grpc.insecure_channel(sys.argv[1]).unary_unary(
    "/google.cloud.tasks.v2.CloudTasks/CreateTask",
    CreateTaskRequest.SerializeToString, Task.FromString)
queue = "projects/acme-dev/locations/europe-west1/queues/emails"
for number in range(int(sys.argv[2])):
    task = Task(http_request=HttpRequest(url="https://x.invalid", body=str(number).encode()))
    call(CreateTaskRequest(parent=queue, task=task))
"""


class Command:
    """A running `queuewright up`; its standard output may go into a file of its own."""

    def __init__(self, root: Path, *options: str, output: TextIO | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", MAIN, "up", "--grpc-port=0", "--http-port=0", *options],
            cwd=root,
            stdout=output or subprocess.PIPE,
            stderr=subprocess.PIPE if output else subprocess.STDOUT,
            text=True,
        )
        words = self.process.stderr or self.process.stdout
        assert words is not None
        self.words = words
        self.lines: list[str] = []
        self._alarm = threading.Timer(PATIENCE_S, self.process.kill)
        self._alarm.start()

    def until(self, words: str) -> str:
        """The next line with these words."""
        for line in self.words:
            self.lines.append(line)
            if words in line:
                return line
        pytest.fail(f"{words!r} was not printed in\n{''.join(self.lines)}")

    def pid(self) -> int:
        """The process of the handler, which tells of itself."""
        return int(self.until("│ pid ").rpartition(" ")[2])

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Its exit code, once all that holds on to its output is gone."""
        self.lines.extend(self.words)
        return self.process.wait()

    def close(self) -> None:
        self._alarm.cancel()
        self.process.kill()
        self.process.wait()
        self.words.close()


Run = Callable[..., Command]


@pytest.fixture
def run(project: Project) -> Iterator[Run]:
    """Run the command in the project's folder."""
    running: list[Command] = []

    def start(*options: str, output: TextIO | None = None) -> Command:
        running.append(Command(project.root, *options, output=output))
        return running[-1]

    yield start
    for command in running:
        command.close()


@pytest.fixture
def mailer(project: Project) -> Project:
    project.service("mailer", TELLS + ECHO)
    project.spec(SPEC)
    return project


@pytest.mark.usefixtures("mailer")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_in_order(run: Run, number: signal.Signals) -> None:
    """Ctrl-C, `kill` and a closed terminal alike: exit code 0, and no process is left."""
    command = run()
    handler = command.pid()
    command.until("ready")
    command.send(number)
    assert command.end() == 0
    assert command.lines[-1].endswith("│ stopped\n")
    assert not living({handler})


@pytest.mark.usefixtures("mailer")
def test_the_table_comes_before_ready(run: Run) -> None:
    """Queues, handlers, addresses; then the lines of what happens."""
    command = run()
    command.until("ready; Ctrl-C stops")
    words = [line.split() for line in command.lines]
    assert ["emails", "mailer", "/send", "500/s", "1000", "100", "running"] in words


def test_ctrl_c_during_the_start_stops_everything_that_has_started(
    project: Project, run: Run
) -> None:
    """A handler that never serves, for one."""
    project.service("mailer", NEVER)
    project.spec(SPEC)
    command = run()
    handler = command.pid()
    command.send(signal.SIGINT)
    assert command.end() == 0
    assert not living({handler})


def test_ctrl_c_twice_ends_it_at_once(project: Project, run: Run) -> None:
    """Even a handler that ignores SIGTERM."""
    stubborn = "import signal\nsignal.signal(signal.SIGTERM, lambda *_: print('no', flush=True))\n"
    project.service("mailer", f"{stubborn}{TELLS}{ECHO}")
    project.spec(SPEC)
    command = run()
    handler = command.pid()
    command.until("ready")
    command.send(signal.SIGINT)
    command.until("│ no")
    command.send(signal.SIGINT)
    assert command.end() == 130
    assert not living({handler})


@pytest.mark.usefixtures("mailer")
def test_kill_9_leaves_no_process_and_loses_no_task(run: Run, project: Project) -> None:
    """What was accepted is delivered after the next start."""
    project.spec(SPEC.replace("path: /send", "path: /send, desired_state: PAUSED"))
    command = run("--json")
    ready = json.loads(command.until('"ready'))
    subprocess.run([sys.executable, "-c", ADD, ready["grpc"], "100"], check=True)
    pids = [json.loads(line)["text"] for line in command.lines if '"text": "pid ' in line]
    command.send(signal.SIGKILL)
    assert command.end() == -signal.SIGKILL
    assert not living({int(pids[0].split()[1])})
    project.spec(SPEC)
    command = run()
    got = {command.until("│ got /send").split()[-1] for _ in range(100)}
    assert got == {str(number) for number in range(100)}


@pytest.mark.usefixtures("mailer")
def test_a_second_one_on_the_same_folder_is_refused(run: Run) -> None:
    """Exit code 1, and the first is named."""
    first = run()
    first.until("ready")
    second = run()
    assert second.end() == 1
    text = "".join(second.lines)
    assert "`dev` already runs in" in text
    assert f"process {first.process.pid}" in text
    assert "Traceback" not in text


def test_a_handler_that_does_not_start_leaves_up_running(project: Project, run: Run) -> None:
    """Its name, its output and what is missing are printed; Ctrl-C stops as usual."""
    project.service("mailer", "raise ImportError('no module named smtp')")
    project.spec(SPEC)
    command = run()
    command.until("error: `mailer` ended before it served, exit code 1")
    command.until("no module named smtp")
    command.until("warning: not started, see above: `mailer`; tasks for it wait")
    command.until("ready; Ctrl-C stops")
    command.send(signal.SIGINT)
    assert command.end() == 0


def test_without_reload_a_handler_that_does_not_start_ends_up(project: Project, run: Run) -> None:
    """Exit code 1, because no edit would start it."""
    project.service("mailer", "raise ImportError('no module named smtp')")
    project.spec(SPEC)
    command = run("--no-reload")
    assert command.end() == 1
    text = "".join(command.lines)
    assert "error: `mailer` ended before it served, exit code 1" in text
    assert "no module named smtp" in text


def test_a_wrong_file_ends_up_before_anything_starts(project: Project, run: Run) -> None:
    """Every problem with its place."""
    project.spec(SPEC.replace("path", "pth"))
    command = run()
    assert command.end() == 1
    text = "".join(command.lines)
    assert "stacks/dev.yaml:8:" in text
    assert not (project.root / ".queuewright").exists()


@pytest.mark.usefixtures("mailer")
def test_the_output_can_be_json(run: Run) -> None:
    """`--json`: one object per line, and nothing else."""
    command = run("--json")
    ready = json.loads(command.until('"ready'))
    assert ready["environment"] == "dev"
    command.send(signal.SIGINT)
    assert command.end() == 0
    assert [json.loads(line)["source"] for line in command.lines][-1] == "queuewright"


@pytest.mark.usefixtures("mailer")
def test_the_log_has_cloud_tasks_format_and_its_own_stream(run: Run, project: Project) -> None:
    """Entries on standard output; the table and the handlers' lines on standard error."""
    log = project.root / "log"
    with log.open("w") as output:
        command = run("--log-format=cloud-logging", output=output)
        grpc = re.search(r"gRPC (\S+),", command.until("gRPC"))
        assert grpc is not None
        command.until("ready")
        subprocess.run([sys.executable, "-c", ADD, grpc[1], "1"], check=True)
        command.until("│ got /send 0")
        command.send(signal.SIGINT)
        assert command.end() == 0
    entries = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert [list(entry["jsonPayload"])[2] for entry in entries] == [
        "taskCreationLog",
        "attemptDispatchLog",
        "attemptResponseLog",
    ]
    assert {entry["resource"]["labels"]["queue_id"] for entry in entries} == {"emails"}
    assert entries[-1]["jsonPayload"]["attemptResponseLog"]["status"] == "OK"


def test_a_new_source_is_checked_when_the_change_is_followed(project: Project, run: Run) -> None:
    """A link out of it is refused before its code runs, and its secrets are warned of."""
    project.service("mailer")
    project.service("postman")
    project.write("handlers/postman/.env", "TOKEN=x")
    (project.root / "handlers" / "postman" / "etc").symlink_to("/etc")
    project.spec(SPEC)
    running = run()
    running.until("ready; Ctrl-C stops")
    more = SPEC.replace("queues:", "  postman: {service: {source: handlers/postman}}\nqueues:")
    project.spec(more)
    running.until("stacks/dev.yaml:7:23: handlers.postman.service.source: `")
    running.until("the environment stays as it was")
    (project.root / "handlers" / "postman" / "etc").unlink()
    project.spec(more)
    running.until("warning: stacks/dev.yaml:7:23: handlers.postman.service.source: `handlers/postm")
    running.until("/.env >> handlers/postman/.gitignore")
    running.until("│ up to date")
    running.send(signal.SIGINT)
    assert running.end() == 0
