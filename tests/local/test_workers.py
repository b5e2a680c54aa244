"""Pull queues and their workers, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from queuewright.engine import ManualClock
from queuewright.local.environment import Environment
from queuewright.local.handlers.worker_place import WorkerPlace
from queuewright.local.state_folder import find_running
from queuewright.pubsub.protocol import (
    GetSubscriptionRequest,
    PublishRequest,
    PubsubMessage,
    Subscription,
)
from tests.local.conftest import Output, Project, Up, until
from tests.local.test_environment import add as add_task

TOPIC = "projects/acme-dev/topics/reports"
SUBSCRIPTION = "projects/acme-dev/subscriptions/reports"
SPEC = """
handlers:
  reporter: {worker: {source: handlers/reporter}}
queues:
  reports: {pull: {lease: 10s, min_backoff: 0s, max_backoff: 0s}, worker: reporter}
"""
TWO = SPEC.replace("reporter}}", "reporter}, instances: {min: 2, max: 5}}")
WORKER = """
from queuewright_runtime import pull

for task in pull("reports"):
    print("did", task.text(), flush=True)
"""
# It holds its task until there is a file, and says so.
HOLDS = """
import os, time
from queuewright_runtime import Pull

for task in Pull("reports", grace_s=GRACE):
    print("holds", task.text(), flush=True)
    while not os.path.exists("../../gate"):
        time.sleep(0.01)
    print("did", task.text(), flush=True)
""".replace("GRACE", "60.0")
DEAD = "print('cannot work', flush=True)\nraise SystemExit(1)\n"
# A handler that publishes to the topic that its task names.
PRODUCER = """
import http.server, os, grpc
from queuewright.pubsub.protocol import PublishRequest, PubsubMessage
from queuewright.pubsub.protocol.messages import PublishResponse

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        topic = self.rfile.read(int(self.headers["Content-Length"])).decode()
        channel = grpc.insecure_channel(os.environ["PUBSUB_EMULATOR_HOST"])
        call = channel.unary_unary("/google.pubsub.v1.Publisher/Publish",
            PublishRequest.SerializeToString, PublishResponse.FromString)
        try:
            call(PublishRequest(topic=topic, messages=[PubsubMessage(data=b"from a handler")]))
            print("published", flush=True)
        except grpc.RpcError as error:
            print("refused", error.code().name, error.details(), flush=True)
        self.send_response(200)
        self.end_headers()

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def worker(project: Project, code: str = WORKER, spec: str = SPEC) -> None:
    """A worker that is one Python file, run by our interpreter."""
    project.write("handlers/reporter/Dockerfile", 'FROM python\nCMD ["python", "main.py"]\n')
    project.write("handlers/reporter/main.py", code)
    project.spec(spec)


async def add(environment: Environment, *texts: str) -> None:
    messages = [PubsubMessage(data=text.encode()) for text in texts]
    request = PublishRequest(topic=TOPIC, messages=messages)
    await environment.pull_queues.server.publisher.publish(request)


async def subscription(environment: Environment) -> Subscription:
    request = GetSubscriptionRequest(subscription=SUBSCRIPTION)
    return await environment.pull_queues.server.subscriber.get_subscription(request)


def pids(environment: Environment) -> list[int]:
    place = environment.handlers.places["reporter"]
    assert isinstance(place, WorkerPlace)
    return place.processes.pids


def source(line: str) -> str:
    """Who printed a line."""
    return line.partition("│")[0].split(maxsplit=1)[1].strip()


# What they do


async def test_a_worker_does_what_is_enqueued(project: Project, up: Up, output: Output) -> None:
    """And the console says each step."""
    worker(project)
    environment = await up()
    assert "polls reports" in environment.table
    await output.line_with("reporter      │ runs as process")
    await add(environment, "hello")
    assert (await output.line_with("queue reports │ task")).endswith("added")
    assert "taken by reporter for" in await output.line_with("queue reports │ task")
    await output.line_with("reporter      │ did hello")
    await output.line_with("done by reporter")


async def test_two_processes_share_the_load(project: Project, up: Up, output: Output) -> None:
    """Each holds one task; `instances.max` starts no third one."""
    worker(project, HOLDS, TWO)
    environment = await up()
    assert len(pids(environment)) == 2
    await add(environment, "a", "b")
    who = {source(await output.line_with("│ holds")) for _ in range(2)}
    assert who == {"reporter 1", "reporter 2"}
    project.write("gate", "")
    for _ in who:
        await output.line_with("done by reporter")


async def test_the_task_of_a_killed_process_is_redelivered_when_its_lease_ends(
    project: Project, up: Up, output: Output
) -> None:
    """Not before; nothing is lost."""
    worker(project, HOLDS, TWO)
    clock = ManualClock()
    environment = await up(clock=clock)
    by_name = dict(zip(("reporter 1", "reporter 2"), pids(environment), strict=True))
    await add(environment, "a")
    killed = source(await output.line_with("│ holds a"))
    os.kill(by_name[killed], signal.SIGKILL)
    await output.line_with("its process ended: signal 9; starts again in 1s")
    server = environment.pull_queues.server
    (held,) = (await server.subscriber.list_held(SUBSCRIPTION, None)).messages
    assert (held.state.state, held.holder) == ("leased", killed)
    await server.advance(timedelta(microseconds=held.state.until_us - clock.now_us()))
    assert "attempt 1" in await output.line_with(f"not done by {killed} before its lease ended")
    await output.line_with("│ holds a")
    project.write("gate", "")
    assert "attempt 2" in await output.line_with("done by reporter")


async def test_a_stop_gives_back_what_is_not_done(project: Project, up: Up, output: Output) -> None:
    """The next start takes it at once, not when the lease would have ended."""
    worker(project, HOLDS.replace("60.0", "0.05"))
    environment = await up(clock=ManualClock())
    await add(environment, "a")
    await output.line_with("│ holds a")
    await up.stop(environment)
    assert "attempt 1" in await output.line_with("given back by reporter")
    await up(clock=ManualClock())
    await output.line_with("│ holds a")


async def test_a_reload_loses_no_lease(project: Project, up: Up, output: Output) -> None:
    """The old process finishes what it holds, and the new one takes what comes."""
    worker(project, HOLDS)
    environment = await up()
    before = pids(environment)
    await add(environment, "a")
    await output.line_with("│ holds a")
    project.write("handlers/reporter/main.py", WORKER.replace("did", "new did"))
    await output.line_with("its files have changed: reloading")
    await output.line_with("│ reloaded")
    assert pids(environment) != before
    project.write("gate", "")
    await output.line_with("│ did a")
    await output.line_with("done by reporter")
    await add(environment, "b")
    await output.line_with("│ new did b")
    assert "attempt 2" not in output.getvalue()


async def test_a_broken_edit_leaves_the_worker_running(
    project: Project, up: Up, output: Output
) -> None:
    """It goes on with the previous version."""
    worker(project)
    environment = await up()
    project.write("handlers/reporter/main.py", DEAD)
    await output.line_with("error: `reporter` ended when it had just begun, exit code 1")
    await output.line_with("cannot work")
    await output.line_with("still running the previous version")
    await add(environment, "hello")
    await output.line_with("│ did hello")


async def test_a_worker_that_does_not_start_is_held(
    project: Project, up: Up, output: Output
) -> None:
    """Its tasks wait, and an edit starts it."""
    worker(project, DEAD)
    environment = await up()
    await output.line_with("error: `reporter` ended when it had just begun, exit code 1")
    await output.line_with("its tasks wait; it is started again when its files")
    assert environment.held == ["reporter"]
    assert "has not started" in environment.table
    await add(environment, "hello")
    await output.line_with("waits: this handler has not started, see above")
    project.write("handlers/reporter/main.py", WORKER)
    await output.line_with("has started: it takes its waiting tasks")
    await output.line_with("│ did hello")
    assert environment.held == []


async def test_a_worker_that_ends_is_started_again(
    project: Project, up: Up, output: Output
) -> None:
    """Even without an error: on Google Cloud a worker runs until it is stopped."""
    worker(project, "print('nothing to do', flush=True)")
    environment = await up()
    await output.line_with("error: its process ended: exit code 0, but a worker runs until it")
    assert environment.held == []
    await output.line_with("│ nothing to do")
    assert "starts again in 2s" in await output.line_with("its process ended: exit code 0")


# What is kept, and what changes


async def test_tasks_survive_a_restart(project: Project, up: Up, output: Output) -> None:
    """The worker did not run when they came."""
    worker(project, DEAD)
    environment = await up()
    await add(environment, "hello")
    await up.stop(environment)
    worker(project)
    await up()
    await output.line_with("│ did hello")


async def test_a_change_that_pubsub_cannot_make_is_reported(
    project: Project, up: Up, output: Output
) -> None:
    """The queue stays as it was; everything else follows the file."""
    worker(project)
    environment = await up()
    project.spec(SPEC.replace("lease: 10s", "ordering: true, lease: 20s"))
    await output.line_with("queue reports │ error: not changed: `ordering` is off, and Pub/Sub")
    await output.line_with("warning: not up to date")
    await add(environment, "hello")
    await output.line_with("│ did hello")
    assert (await subscription(environment)).ack_deadline_seconds == 10
    project.spec(SPEC.replace("lease: 10s", "lease: 20s"))
    await output.line_with("│ up to date")
    assert (await subscription(environment)).ack_deadline_seconds == 20


async def test_such_a_change_does_not_keep_an_environment_from_starting(
    project: Project, up: Up, output: Output
) -> None:
    """Its state may be from another day."""
    worker(project)
    await up.stop(await up())
    project.spec(SPEC.replace("lease: 10s", "ordering: true"))
    environment = await up()
    await output.line_with("queue reports │ error: not changed: `ordering` is off, and Pub/Sub")
    await add(environment, "hello")
    await output.line_with("│ did hello")


async def test_a_queue_that_is_no_longer_described_keeps_its_tasks(
    project: Project, up: Up, output: Output
) -> None:
    """They are there when it is described again."""
    worker(project, DEAD)
    environment = await up()
    await add(environment, "hello")
    project.spec(SPEC.replace("reports:", "others:"))
    await output.line_with("pull queue `reports` is no longer described: it keeps its tasks")
    worker(project)
    await output.line_with("│ did hello")


async def test_the_first_pull_queue_may_come_with_an_edit(
    project: Project, up: Up, output: Output
) -> None:
    """Until then nothing of Pub/Sub runs."""
    project.service("mailer")
    mailer = "handlers:\n  mailer: {service: {source: handlers/mailer}}\n"
    project.spec(f"{mailer}queues: {{emails: {{handler: mailer, path: /send}}}}\n")
    environment = await up()
    assert environment.pull_queues.address is None
    worker(project)
    await output.line_with("reporter      │ added")
    running = find_running(project.root / ".queuewright")
    assert running is not None
    assert running.pubsub_address == environment.pull_queues.address
    await add(environment, "hello")
    await output.line_with("│ did hello")
    assert f"gRPC {running.pubsub_address}" in environment.table


async def test_whoever_the_first_pull_queue_concerns_finds_pubsub(
    project: Project, up: Up, output: Output
) -> None:
    """Enqueuers and workers get the queue's variable and so a new process; others stay."""
    project.service("web", PRODUCER)
    project.service("mailer")
    idle = "import os, time\nwhile 'SUBSCRIPTION_REPORTS' not in os.environ: time.sleep(60)\n"
    worker(project, idle + WORKER)
    handlers = """
handlers:
  web: {service: {source: handlers/web}}
  mailer: {service: {source: handlers/mailer}}
  reporter: {worker: {source: handlers/reporter}}
queues:
  calls: {handler: web, path: /}
"""
    project.spec(handlers)
    environment = await up()
    places = environment.handlers.places
    before = places["mailer"].process.pid  # type: ignore[attr-defined]
    reports = "reports: {pull: {lease: 10s}, worker: reporter, enqueuers: [web]}"
    project.spec(f"{handlers}  {reports}\n")
    await output.line_with("│ up to date")
    calls = "projects/acme-dev/locations/europe-west1/queues/calls"
    await add_task(environment, TOPIC, calls)
    await output.line_with("│ did from a handler")
    assert places["mailer"].process.pid == before  # type: ignore[attr-defined]


async def test_only_an_enqueuer_may_publish(project: Project, up: Up, output: Output) -> None:
    """As on Google Cloud; the refusal says which line of YAML would allow it."""
    project.service("web", PRODUCER)
    spec = SPEC.replace("handlers:", "handlers:\n  web: {service: {source: handlers/web}}", 1)
    spec += "  calls: {handler: web, path: /}\n"
    worker(project, WORKER, spec)
    environment = await up()
    calls = "projects/acme-dev/locations/europe-west1/queues/calls"
    await add_task(environment, TOPIC, calls)
    line = await output.line_with("queue reports │ warning: denied to serviceAccount:web")
    assert "`web` may publish to `reports` with `enqueuers: [web]` in `queues.reports`" in line
    assert "stacks/dev.yaml:8:3" in line
    assert "PERMISSION_DENIED" in await output.line_with("│ refused")
    project.spec(spec.replace("worker: reporter}", "worker: reporter, enqueuers: [web]}"))
    await output.line_with("│ up to date")
    await add_task(environment, TOPIC, calls)
    await output.line_with("│ published")
    await until(lambda: "│ did from a handler" in output.getvalue())  # before or after that line


def test_without_googles_client_the_error_says_what_to_install(project: Project) -> None:
    """`up` ends at once; nothing has been started."""
    worker(project)
    program = (
        "import sys; sys.modules['google.pubsub_v1'] = None; "
        "from queuewright.cli import main; main()"
    )
    words = [sys.executable, "-c", program, "up", "--grpc-port=0", "--http-port=0"]
    done = subprocess.run(words, cwd=project.root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "error: Pub/Sub on this machine needs the package `google-cloud-pubsub`\n"
        "  hint: install it with `pip install 'queuewright[pubsub]'`\n"
    )


@pytest.mark.slow
async def test_a_killed_worker_loses_nothing_in_real_time(
    project: Project, up: Up, output: Output
) -> None:
    """Google's client asks for its own lease, so it ends when that one does."""
    worker(project, HOLDS, TWO.replace("max_backoff: 0s", "max_backoff: 0s, max_attempts: 5"))
    environment = await up()
    by_name = dict(zip(("reporter 1", "reporter 2"), pids(environment), strict=True))
    await add(environment, "a")
    killed = source(await output.line_with("│ holds a"))
    server = environment.pull_queues.server
    (held,) = (await server.subscriber.list_held(SUBSCRIPTION, None)).messages
    os.kill(by_name[killed], signal.SIGKILL)
    await output.line_with(f"not done by {killed} before its lease ended, attempt 1 of 5")
    assert environment.engine.clock.now_us() >= held.state.until_us
    project.write("gate", "")
    await output.line_with("│ did a")
    assert "attempt 2 of 5" in await output.line_with("done by reporter")


async def test_of_two_processes_that_do_not_both_start_none_is_left(
    project: Project, up: Up, output: Output
) -> None:
    """The one that began is stopped again."""
    first = "import os\ntry:\n    os.mkdir('../../first')\nexcept FileExistsError:\n    exit(1)\n"
    worker(project, f"{first}{WORKER}", TWO)
    environment = await up()
    began = await output.line_with("runs as process")
    await output.line_with("error: `reporter` ended when it had just begun, exit code 1")
    assert environment.held == ["reporter"]
    assert pids(environment) == []
    with pytest.raises(ProcessLookupError):
        os.kill(int(began.rpartition(" ")[2]), 0)


async def test_a_reload_refuses_a_link_out_of_the_project(
    project: Project, up: Up, output: Output
) -> None:
    """As that of any other handler; the previous version keeps running."""
    worker(project)
    await up()
    link = project.root / "handlers" / "reporter" / "etc"
    link.symlink_to("/etc")
    await output.line_with("reporter/etc` leads out of the project, to `/etc`")
    await output.line_with("still running the previous version")
    link.unlink()
    await output.line_with("reloaded")
