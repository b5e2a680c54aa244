"""Runs `docs/guides/emulator.md`: each fence that can run on this machine, with a real engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from queuewright.cli import commands
from queuewright.client import connect, connect_beta
from queuewright.engine import DEVELOPER, Engine, Signer, events, log_entry
from queuewright.engine.protocol import GetQueueRequest
from queuewright.local.queues.emulated import emulated_queue, engine_settings, queue_options
from queuewright.spec import EmulatedQueue, EmulatorSettings, parse_emulator
from queuewright.spec.values import duration
from tests.clients.engine_ports import engine_ports

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "guides" / "emulator.md").read_text("utf-8")
QUEUE = "projects/acme-dev/locations/europe-west1/queues/hooks"


def fences(heading: str, language: str) -> list[str]:
    """The fenced blocks of one language under a heading."""
    section = re.split(r"^## ", TEXT.split(f"## {heading}\n")[1], flags=re.M)[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    with engine_ports() as found:
        yield found


def placed(text: str, ports: dict[str, int]) -> str:
    """The fence, with this engine's ports."""
    return text.replace("8123", str(ports["grpc"])).replace("8124", str(ports["rest"]))


@pytest.mark.parametrize("number", [0, 1], ids=["grpc", "rest"])
def test_the_python_clients_reach_the_engine(ports: dict[str, int], number: int) -> None:
    """As on the page, except for the port."""
    names: dict[str, Any] = {}
    exec(compile(placed(fences("Python", "python")[number], ports), "guide", "exec"), names)
    with names["client"] as client:
        parent = f"projects/guide-{number}/locations/europe-west1"
        created = client.create_queue(parent=parent, queue={"name": f"{parent}/queues/q"})
        assert [queue.name for queue in client.list_queues(parent=parent)] == [created.name]


async def test_the_asynchronous_client_reaches_the_engine(ports: dict[str, int]) -> None:
    """As on the page, except for the port."""
    names: dict[str, Any] = {}
    exec(compile(placed(fences("Python", "python")[2], ports), "guide", "exec"), names)
    client = await names["connected"]()
    location = await client.get_location(request={"name": "projects/p/locations/l"})
    assert location.location_id == "l"
    await client.transport.close()


def test_the_curl_commands_work(ports: dict[str, int]) -> None:
    """Create a queue, create a task, list, pause."""
    (commands,) = fences("curl", "bash")
    created, task, listed, paused = answers_of_curl(commands, ports)
    assert created["name"] == QUEUE
    assert task["name"].startswith(f"{QUEUE}/tasks/")
    assert listed.keys() <= {"tasks"}
    assert paused["state"] == "PAUSED"


def answers_of_curl(commands: str, ports: dict[str, int]) -> list[Any]:
    """Run the commands; the JSON of each answer."""
    if shutil.which("curl") is None and os.environ.get("CI") != "true":
        pytest.skip("`curl` is not on this machine; install it to run the guide's commands")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", placed(commands, ports).replace("curl ", "curl -sSf ")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    decoder, answers, rest = json.JSONDecoder(), [], done.stdout.strip()
    while rest:
        answer, end = decoder.raw_decode(rest)
        answers.append(answer)
        rest = rest[end:].strip()
    return answers


def test_the_examples_of_leases_work(ports: dict[str, int]) -> None:
    """As on the page: the worker does the task, and curl leases another one."""
    location = "projects/acme-dev/locations/europe-west1"
    queue = {"name": f"{location}/queues/reports", "type_": "PULL"}
    with connect_beta(f"127.0.0.1:{ports['grpc']}") as client:
        client.create_queue(parent=location, queue=queue)
    names: dict[str, Any] = {}
    (example,) = fences("Pull queues", "python")
    exec(compile(placed(example, ports), "guide", "exec"), names)
    with names["client"]:
        assert names["work"]() == ["2026-01"]
        assert names["work"]() == []
    _, commands = fences("Pull queues", "bash")
    _, leased, shown = answers_of_curl(commands, ports)
    assert leased["tasks"][0]["pullMessage"] == {"payload": "MjAyNi0wMg==", "tag": "monthly"}
    assert shown == {
        "stats": {
            "tasksCount": "1",
            "oldestEstimatedArrivalTime": leased["tasks"][0]["scheduleTime"],
            "executedLastMinuteCount": "1",
            "concurrentDispatchesCount": "1",
        }
    }


def test_every_option_of_the_command_is_on_the_page_and_no_other() -> None:
    """In the table under "Start it"."""
    section = re.split(r"^## ", TEXT.split("## Start it\n")[1], flags=re.M)[0]
    rows = "".join(line for line in section.splitlines() if line.startswith("| `"))
    command = commands.get_command(click.Context(commands), "emulator")
    assert command is not None
    options = {name for each in command.params for name in each.opts}
    assert set(re.findall(r"`(--[a-z-]+)", rows)) == options


def test_a_handlers_example_reaches_its_queue(
    ports: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on the page: its request becomes a task."""
    names: dict[str, Any] = {}
    (example,) = fences("In the handlers of `queuewright up`", "python")
    exec(compile(example, "guide", "exec"), names)
    monkeypatch.setenv("CLOUD_TASKS_EMULATOR_URL", f"http://127.0.0.1:{ports['rest']}")
    location = "projects/handlers/locations/europe-west1"
    with connect(f"127.0.0.1:{ports['grpc']}") as client:
        target = {"uri_override": {"host": "handler.example"}}
        queue = client.create_queue(
            parent=location, queue={"name": f"{location}/queues/q", "http_target": target}
        )
        client.pause_queue(name=queue.name)
        names["enqueue"](queue.name, {"to": "ada@example.com"})
        request = {"parent": queue.name, "response_view": "FULL"}
        (task,) = client.list_tasks(request=request)
    assert json.loads(task.http_request.body) == {"to": "ada@example.com"}


def test_every_key_of_the_file_is_on_the_page_and_no_other() -> None:
    """With its default."""
    section = re.split(r"^## ", TEXT.split("## Queues and settings in a file\n")[1], flags=re.M)[0]
    told: dict[str, str] = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            told |= dict.fromkeys(re.findall(r"`(\w+)`", cells[0]), cells[2])
    fields = EmulatedQueue.model_fields | EmulatorSettings.model_fields
    assert told.keys() == fields.keys()
    for name, info in EmulatorSettings.model_fields.items():
        default = info.default
        if isinstance(default, bool):
            assert told[name] == f"`{str(default).lower()}`"
        elif default:
            assert duration(told[name].strip("`")) == default


async def test_the_example_of_a_file_becomes_queues() -> None:
    """As on the page: the engine accepts each queue."""
    (example,) = fences("Queues and settings in a file", "yaml")
    spec = parse_emulator(example)
    engine = Engine(settings=engine_settings(spec.settings))
    for name, asked in spec.queues.items():
        await engine.declare_queue(emulated_queue(name, asked), queue_options(asked))
    request = GetQueueRequest(name="projects/acme-shared/locations/us-central1/queues/audit")
    audit = await engine.service.get_queue(request, DEVELOPER)
    assert audit.http_target.uri_override.port == 8081
    assert engine.service.is_pull_queue("projects/acme-dev/locations/europe-west1/queues/exports")
    await engine.stop()


def test_the_example_of_a_log_is_what_the_engine_writes() -> None:
    """Every key except the hash in `insertId`."""
    (example,) = fences("Logs as in Cloud Logging", "json")
    shown = json.loads(example)
    moment = 1_769_860_800_500_000
    written = log_entry(
        events.AttemptEnded(
            time_us=moment,
            queue="projects/acme-dev/locations/europe-west1/queues/emails",
            task="projects/acme-dev/locations/europe-west1/queues/emails/tasks/1815",
            schedule_us=moment - 20_000,
            attempt=1,
            response_count=1,
            max_attempts=100,
            result=503,
            duration_us=12_042,
            next_retry_us=moment + 100_000,
            target_address="POST http://127.0.0.1:8080/",
            target_type="HTTP",
            sampling_ratio=None,
            outcome="will_retry",
            message="",
        )
    )
    assert written == {**shown, "insertId": (written or {})["insertId"]}
    assert shown.keys() == (written or {}).keys()


async def test_the_example_with_a_manual_clock_runs() -> None:
    """As on the page."""
    names: dict[str, Any] = {}
    (example,) = fences("In tests, with a manual clock", "python")
    exec(compile(example, "guide", "exec"), names)
    await names["test_a_day_of_retries"]()


def test_the_token_check_accepts_a_token_of_the_engine() -> None:
    """Google's library verifies it with the certificates at the guide's address."""
    signer = Signer()
    body = json.dumps(signer.certificates()).encode()

    class Response:
        status = 200
        data = body

    asked: list[str] = []

    def request(url: str, **_: object) -> Response:
        asked.append(url)
        return Response()

    names: dict[str, Any] = {}
    (example,) = fences("Check the tokens", "python")
    exec(compile(example, "guide", "exec"), names)
    names["Request"] = lambda: request
    token = signer.oidc(
        "a@p.iam.gserviceaccount.com", "http://127.0.0.1:8080/", time.time_ns() // 1_000
    )
    assert names["caller"](token) == "a@p.iam.gserviceaccount.com"
    assert asked == ["http://127.0.0.1:8124/oauth2/v1/certs"]


def test_docker_publishes_on_this_machine_only() -> None:
    """Anybody who reaches a port can create tasks."""
    texts = [TEXT, *((ROOT / name).read_text("utf-8") for name in ("Dockerfile", "README.md"))]
    published = re.findall(r"(?:--publish|-p) (\S+)", "\n".join(texts))
    assert len(published) >= 4
    assert all(address.startswith("127.0.0.1:") for address in published)
