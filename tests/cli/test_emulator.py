"""`queuewright emulator`, as a process of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.emulator_process import Handler, emulator, ended

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
        assert running.stop() == ["stopping", "stopped"]
    assert list(tmp_path.iterdir()) == []


def test_a_malformed_queue_is_said(tmp_path: Path) -> None:
    """With Google's own words for what a name must be."""
    done = ended(tmp_path, "--memory", "--queue", "jobs")
    assert done.returncode == 1
    assert done.stderr.startswith("error: --queue `jobs`: Queue name must be formatted")


def test_a_queue_that_is_there_already_stays_as_it_is(tmp_path: Path) -> None:
    """`--queue` asks that it be there; what a program has set since is the program's."""
    with emulator(tmp_path, "--queue", QUEUE) as running:
        limits = {"max_dispatches_per_second": 7}
        running.client.update_queue(queue={"name": QUEUE, "rate_limits": limits})
        running.client.pause_queue(name=QUEUE)
    with emulator(tmp_path, "--queue", QUEUE) as running:
        kept = running.client.get_queue(name=QUEUE)
        assert (kept.rate_limits.max_dispatches_per_second, kept.state.name) == (7, "PAUSED")


def test_the_log_is_as_cloud_tasks_writes_it(tmp_path: Path) -> None:
    """Creation, dispatch and response of each attempt, one JSON object a line, and no words."""
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
        assert running.hear("paused")["queue"] == QUEUE
    assert len(entries(log)) == count
