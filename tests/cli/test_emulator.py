"""`queuewright emulator`, as a process of its own."""

from __future__ import annotations

import http.client
import json
import os
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.emulator_process import PATIENCE_S, Handler, emulator, ended

LOCATION = "projects/p-of-mine/locations/us-central1"
QUEUE = f"{LOCATION}/queues/jobs"
CLOUD_LOGGING = ("--log-format", "cloud-logging")


def entries(log: Path) -> list[dict[str, Any]]:
    """What is in a log."""
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()]


def test_it_serves_the_queues_it_was_given(tmp_path: Path) -> None:
    """Without a project, on ports that the system chose, until it is interrupted."""
    with emulator(tmp_path, "--memory", "--queue", QUEUE) as running:
        assert running.client.get_queue(name=QUEUE).name == QUEUE
        assert running.stop() == ["stopping (Ctrl-C again: at once)", "stopped"]
    assert list(tmp_path.iterdir()) == []


def test_a_malformed_queue_name_is_an_error(tmp_path: Path) -> None:
    """In Google's own words."""
    done = ended(tmp_path, "--memory", "--queue", "jobs")
    assert done.returncode == 1
    assert done.stderr.startswith("error: --queue `jobs`: Queue name must be formatted")
    assert done.stderr.endswith(
        "\n  hint: such as `--queue projects/my-project/locations/us-central1/queues/jobs`\n"
    )


def test_what_a_worker_does_is_printed(tmp_path: Path) -> None:
    """Who holds what, until when, and the number of the attempt."""
    with emulator(tmp_path, "--memory", "--pull-queue", QUEUE) as running:
        posted(
            running.http,
            f"{QUEUE}/tasks",
            {"task": {"name": f"{QUEUE}/tasks/t", "pullMessage": {}}},
        )
        assert running.line_with("task t added")["queue"] == QUEUE
        answer = posted(
            running.http, f"{QUEUE}/tasks:lease", {"maxTasks": 1, "leaseDuration": "90s"}
        )
        line = running.line_with("leased")
        assert (line["text"], line["attempt"]) == ("task t leased for 1m30s, attempt 1", 1)
        proof = {"scheduleTime": answer["tasks"][0]["scheduleTime"]}
        posted(running.http, f"{QUEUE}/tasks/t:acknowledge", proof)
        assert running.line_with("acknowledged")["event"] == "AcknowledgeTask"


def posted(address: str, path: str, body: dict[str, Any]) -> Any:
    """The answer of v2beta2 to a POST."""
    host, _, port = address.rpartition(":")
    with closing(http.client.HTTPConnection(host, int(port), timeout=PATIENCE_S)) as connection:
        connection.request("POST", f"/v2beta2/{path}", json.dumps(body))
        return json.load(connection.getresponse())


def test_a_second_one_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    """With the options that this command has, and nothing else on standard error."""
    with emulator(tmp_path) as running:
        done = ended(tmp_path)
        assert done.returncode == 1
        assert done.stderr == (
            "error: `emulator` already runs in `.queuewright`: "
            f"process {running.pid}, on {running.grpc} and {running.http}\n"
            "  hint: stop it first, or start this one with "
            "`--state DIR --port N --http-port M`\n"
        )


def test_a_port_in_use_is_an_error_with_the_option_that_chooses_another(tmp_path: Path) -> None:
    """Only once: gRPC's library is kept from printing it, too."""
    with emulator(tmp_path, "--memory") as running:
        for option, kind, address in (
            ("--port", "gRPC", running.grpc),
            ("--http-port", "HTTP", running.http),
        ):
            port = address.rpartition(":")[2]
            done = ended(tmp_path, "--memory", option, port)
            assert done.returncode == 1
            assert done.stderr == (
                f"error: port {port} on 127.0.0.1 cannot be used for {kind}: "
                "address already in use\n"
                f"  hint: stop the program that uses it, or choose another port with `{option}` "
                "(0 lets the system choose)\n"
            )


def test_an_existing_queue_stays_as_it_is(tmp_path: Path) -> None:
    """`--queue` only makes sure that it exists; a program's changes stay."""
    with emulator(tmp_path, "--queue", QUEUE) as running:
        limits = {"max_dispatches_per_second": 7}
        running.client.update_queue(queue={"name": QUEUE, "rate_limits": limits})
        running.client.pause_queue(name=QUEUE)
    with emulator(tmp_path, "--queue", QUEUE) as running:
        kept = running.client.get_queue(name=QUEUE)
        assert (kept.rate_limits.max_dispatches_per_second, kept.state.name) == (7, "PAUSED")


def test_the_log_is_as_cloud_tasks_writes_it(tmp_path: Path) -> None:
    """Creation, dispatch and response of each attempt, one JSON object per line."""
    log = tmp_path / "log"
    retry = {"min_backoff": {"nanos": 1_000_000}, "max_backoff": {"nanos": 1_000_000}}
    with Handler(503) as handler, emulator(tmp_path, "--memory", *CLOUD_LOGGING, log=log) as e:
        e.client.create_queue(parent=LOCATION, queue={"name": QUEUE, "retry_config": retry})
        url = f"{handler.url}/work"
        task = e.client.create_task(parent=QUEUE, task={"http_request": {"url": url}})
        assert (handler.got(), handler.got()) == (("/work", b""), ("/work", b""))
    written = entries(log)
    told = [entry["jsonPayload"] for entry in written]
    assert {entry["task"] for entry in told} == {task.name}
    assert [list(entry)[2] for entry in told] == [
        "taskCreationLog",
        "attemptDispatchLog",
        "attemptResponseLog",
        "attemptDispatchLog",
        "attemptResponseLog",
    ]
    failed, done = told[2]["attemptResponseLog"], told[4]["attemptResponseLog"]
    assert (failed["status"], failed["dispatchCount"], failed["responseCount"]) == (
        "UNAVAILABLE",
        "1",
        "1",
    )
    assert failed["retryTime"] == done["scheduleTime"]
    assert (done["status"], done["dispatchCount"], done["responseCount"]) == ("OK", "2", "2")
    assert {entry["targetAddress"] for each in told for entry in list(each.values())[2:]} == {
        f"POST {url}"
    }
    assert [entry["severity"] for entry in written] == ["INFO", "INFO", "ERROR", "INFO", "INFO"]


@pytest.mark.parametrize(("ratio", "count"), [(0.0, 0), (1.0, 3)])
def test_the_log_is_sampled_as_the_queue_says(tmp_path: Path, ratio: float, count: int) -> None:
    """Nothing at 0, everything at 1."""
    log = tmp_path / "log"
    with emulator(tmp_path, "--memory", *CLOUD_LOGGING, log=log) as running:
        config = {"sampling_ratio": ratio}
        running.client.create_queue(
            parent=LOCATION, queue={"name": QUEUE, "stackdriver_logging_config": config}
        )
        running.client.pause_queue(name=QUEUE)
        for _ in range(3):
            task = {"http_request": {"url": "https://a.example/"}}
            running.client.create_task(parent=QUEUE, task=task)
        assert running.line_with("paused")["queue"] == QUEUE
    assert len(entries(log)) == count


def test_a_request_that_is_not_http_is_one_line_of_the_engine(tmp_path: Path) -> None:
    """On the stream of all other lines, without a traceback."""
    with emulator(tmp_path, "--memory") as running:
        host, _, port = running.http.rpartition(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"GET / HTTP/9.9x\r\n\r\n")
            assert b" 400 " in client.recv(100)
        said = running.line_with("malformed")
        assert (said["source"], said["level"]) == ("engine", "warning")
        assert said["text"].startswith("a malformed HTTP request was refused: Bad status line")
        assert "\n" not in said["text"]


CONFIG = """
project: p-of-mine
location: us-central1
settings:
  task_name_reuse: 0s
  app_engine_url: {{default: {url}}}
queues:
  jobs:
    url: {url}/send
    rate_limits: {{max_dispatches_per_second: 50, max_burst_size: 3}}
    retry_config: {{min_backoff: 1ms, max_backoff: 1ms}}
  projects/other/locations/l/queues/paused: {{desired_state: PAUSED}}
"""


def test_a_file_makes_the_queues_and_the_settings(tmp_path: Path) -> None:
    """Google's client finds them; their tasks go where the file says, and are retried."""
    with Handler(503) as handler:
        (tmp_path / "emulator.yaml").write_text(CONFIG.format(url=handler.url))
        with emulator(tmp_path, "--memory", "--config", "emulator.yaml") as running:
            client = running.client
            queue = client.get_queue(name=QUEUE)
            limits = queue.rate_limits
            assert (limits.max_dispatches_per_second, limits.max_burst_size) == (50, 3)
            paused = client.get_queue(name="projects/other/locations/l/queues/paused")
            assert paused.state.name == "PAUSED"
            named = {"name": f"{QUEUE}/tasks/same", "http_request": {"url": "https://a.example/x"}}
            client.create_task(parent=QUEUE, task=named)
            assert [handler.got()[0] for _ in range(2)] == ["/send", "/send"]
            running.line_with("attempt 2")
            client.create_task(parent=QUEUE, task=named)  # the name is free at once
            assert handler.got()[0] == "/send"
            task = {"app_engine_http_request": {"relative_uri": "/engine"}}
            client.create_task(parent=QUEUE, task=task)
            assert handler.got()[0] == "/engine"


def test_options_add_queues_to_those_of_the_file(tmp_path: Path) -> None:
    """For a queue in both, the file decides."""
    (tmp_path / "emulator.yaml").write_text(CONFIG.format(url="http://127.0.0.1:1"))
    words = ("--config", "emulator.yaml", "--queue", f"{LOCATION}/queues/more", "--queue", QUEUE)
    with emulator(tmp_path, "--memory", *words) as running:
        names = [queue.name for queue in running.client.list_queues(parent=LOCATION)]
        assert names == [QUEUE, f"{LOCATION}/queues/more"]
        limits = running.client.get_queue(name=QUEUE).rate_limits
        assert limits.max_dispatches_per_second == 50


def test_a_start_makes_the_files_queues_as_it_says_and_keeps_their_tasks(tmp_path: Path) -> None:
    """A program's changes are undone; waiting tasks stay."""
    file = tmp_path / "emulator.yaml"
    file.write_text("queues:\n  " + QUEUE + ": {desired_state: PAUSED}\n")
    with emulator(tmp_path, "--config", "emulator.yaml") as running:
        task = {"http_request": {"url": "https://a.example/"}}
        made = running.client.create_task(parent=QUEUE, task=task)
        limits = {"max_dispatches_per_second": 7}
        running.client.update_queue(queue={"name": QUEUE, "rate_limits": limits})
    with emulator(tmp_path, "--config", "emulator.yaml") as running:
        queue = running.client.get_queue(name=QUEUE)
        assert (queue.rate_limits.max_dispatches_per_second, queue.state.name) == (500, "PAUSED")
        assert running.client.get_task(name=made.name).name == made.name


def test_a_wrong_file_is_an_error_before_anything_starts(tmp_path: Path) -> None:
    """Every problem with its place; the state is not touched."""
    (tmp_path / "emulator.yaml").write_text("setings: {}\nqueues: {my_queue: {}}\n")
    done = ended(tmp_path, "--config", "emulator.yaml")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "emulator.yaml:1:1: setings: unknown key\n"
        "  hint: did you mean `settings`?\n"
        "emulator.yaml:2:10: queues.my_queue: neither a queue id nor a full name\n"
        "  hint: give the id, 1 to 100 of A-Z, a-z, 0-9 and -, "
        "or the full name: `projects/P/locations/L/queues/Q`\n"
        "2 problems\n"
    )
    assert [file.name for file in tmp_path.iterdir()] == ["emulator.yaml"]


def status(address: str, host: str) -> int:
    """The status of a request that names this host."""
    host_name, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host_name, int(port), timeout=PATIENCE_S)
    with closing(connection):
        connection.request("GET", f"/v2/{LOCATION}/queues", headers={"Host": host})
        return connection.getresponse().status


def test_a_name_of_this_machine_can_be_allowed(tmp_path: Path) -> None:
    """More than one, with `--allow-host`."""
    words = ("--memory", "--allow-host", "tasks", "--allow-host", "other")
    with emulator(tmp_path, *words) as running:
        hosts = ("tasks:8124", "other", "evil.example")
        assert [status(running.http, host) for host in hosts] == [200, 200, 403]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("http://x", "`http://x` is not a host name\n  hint: give `x`"),
        ("https://User@Tasks:8124/p?q#r", "hint: give a name such as `tasks`"),
        ("tasks:8124", "`tasks:8124` is not a host name\n  hint: give `tasks`"),
        ("tasks.", "hint: give `tasks`"),
        ("[::1]:8124", "hint: give `[::1]`"),
        ("*.example", "hint: give a name such as `tasks`, or `*` for any name"),
        ("", "it is empty\n  hint: give a name such as `tasks`"),
        (" ", "it is empty"),
        ("a\x1bb", r"`a\x1bb` is not a host name"),
    ],
)
def test_a_name_that_no_request_has_is_refused(tmp_path: Path, name: str, said: str) -> None:
    """A request names a host; allowing anything else would have no effect."""
    done = ended(tmp_path, "--memory", "--allow-host", name)
    assert done.returncode == 2
    assert said in done.stderr


def test_two_options_with_the_same_port_are_refused(tmp_path: Path) -> None:
    """Also where one of them has its default."""
    done = ended(tmp_path, "--memory", "--http-port", "9999", "--pubsub-port", "9999")
    assert done.returncode == 2
    assert "`--http-port` and `--pubsub-port` are both 9999\n  hint: " in done.stderr
    done = ended(tmp_path, "--topic", "projects/p/topics/t", "--port", "8085")
    assert "`--port` and `--pubsub-port` are both 8085\n  hint: " in done.stderr


@pytest.mark.parametrize("port", ["-1", "65536", "http", ""])
def test_an_impossible_port_is_refused(tmp_path: Path, port: str) -> None:
    """With the range, or in plain words."""
    done = ended(tmp_path, "--memory", "--port", port)
    assert done.returncode == 2
    assert "not in the range 0<=x<=65535" in done.stderr or "not a valid port" in done.stderr


def test_a_state_folder_without_state_is_refused(tmp_path: Path) -> None:
    """`--memory` would ignore it silently."""
    done = ended(tmp_path, "--memory", "--state", "x")
    assert done.returncode == 2
    assert "--memory keeps nothing, so it has no use for --state" in done.stderr


def test_its_file_may_come_through_a_pipe(tmp_path: Path) -> None:
    """As in `--config <(command)`."""
    read, write = os.pipe()
    with os.fdopen(read), os.fdopen(write, "w") as pipe:
        pipe.write(f"queues: {{{QUEUE}: {{max: 1}}}}\n")
        pipe.close()
        done = ended(tmp_path, "--memory", "--config", f"/dev/fd/{read}", pass_fds=(read,))
    assert done.returncode == 1
    assert f"/dev/fd/{read}:1:65: queues." in done.stderr
    assert "unknown key" in done.stderr


def test_an_address_that_others_reach_is_warned_about(tmp_path: Path) -> None:
    """Anybody who reaches it can make this machine send requests."""
    with emulator(tmp_path, "--memory", "--host", "0.0.0.0") as running:
        assert running.http.startswith("127.0.0.1:")
        assert status(running.http, running.http) == 200, "not that of 0.0.0.0, which is refused"
    assert "anybody who reaches 0.0.0.0 can create tasks" in running.before[0]["text"]
    assert "the names that `--allow-host` gives" in running.before[0]["text"]


def test_output_that_nobody_reads_stops_nothing(tmp_path: Path) -> None:
    """Tasks are created and SIGTERM ends it, though the pipe has been full for long."""
    with emulator(tmp_path, "--memory", "--queue", QUEUE) as running:
        running.client.pause_queue(name=QUEUE)
        task = {"http_request": {"url": "https://a.example/"}}
        for _ in range(1_000):  # each prints a line; a pipe holds 64 KiB
            running.client.create_task(parent=QUEUE, task=task, timeout=20.0)
        assert running.terminate() == 0
