"""An environment on this machine: tasks reach handlers, and it follows what is edited."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from google.protobuf.json_format import MessageToDict

from queuewright.blueprint import Blueprint
from queuewright.engine import DEVELOPER
from queuewright.engine.protocol import (
    CreateTaskRequest,
    GetIamPolicyRequest,
    GetQueueRequest,
    HttpRequest,
    PauseQueueRequest,
    Queue,
    Task,
)
from queuewright.errors import TargetError
from queuewright.local.environment import Environment
from queuewright.local.handlers.edits import Edits
from queuewright.local.handlers.process_place import ProcessPlace
from queuewright.local.state_folder import find_running
from tests.local.conftest import ECHO, Output, Project, Up, accepts, until

EMAILS = "projects/acme-dev/locations/europe-west1/queues/emails"
MAILER = """
handlers:
  mailer:
    service: {source: handlers/mailer}
    env: {VERSION: "1"}
queues:
  emails: {handler: mailer, path: /send, retry_config: {min_backoff: 1ms, max_backoff: 1ms}}
"""
DEAD = "print('cannot work', flush=True)\nraise SystemExit(1)\n"
# A handler that calls Cloud Tasks as any program does, for the queue that its task names.
PRODUCER = """
import http.server, os, grpc
from queuewright.engine.protocol import CreateTaskRequest, HttpRequest, Task

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        queue = self.rfile.read(int(self.headers["Content-Length"])).decode()
        channel = grpc.insecure_channel(os.environ["CLOUD_TASKS_EMULATOR_HOST"])
        call = channel.unary_unary("/google.cloud.tasks.v2.CloudTasks/CreateTask",
            CreateTaskRequest.SerializeToString, Task.FromString)
        task = Task(http_request=HttpRequest(url="https://x.invalid/", body=b"from a handler"))
        try:
            call(CreateTaskRequest(parent=queue, task=task))
            print("added", flush=True)
        except grpc.RpcError as error:
            print("refused", error.code().name, error.details(), flush=True)
        self.send_response(200)
        self.end_headers()

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""

# The same over REST, with nothing but the standard library.
REST_PRODUCER = """
import http.server, json, os, urllib.error, urllib.request

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        queue = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.call("buffered", f"{queue}/tasks:buffer", b"in the buffer")
        task = {"httpRequest": {"url": "https://x.invalid/", "body": "YXMgYSB0YXNr"}}
        self.call("created", f"{queue}/tasks", json.dumps({"task": task}).encode())
        self.send_response(200)
        self.end_headers()

    def call(self, word, path, body):
        url = f"{os.environ['CLOUD_TASKS_EMULATOR_URL']}/v2/{path}"
        try:
            urllib.request.urlopen(urllib.request.Request(url, body))
            print(word, flush=True)
        except urllib.error.HTTPError as error:
            refused = json.load(error)["error"]
            print(word, "refused", error.code, refused["status"], refused["message"], flush=True)

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.fixture
async def elsewhere(output: Output) -> AsyncIterator[str]:
    """A server that nobody here has started."""

    async def answer(request: web.BaseRequest) -> web.Response:
        body = await request.text()
        output.write(f"elsewhere got {request.path} {body}\n")
        return web.Response()

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def add(environment: Environment, body: str, queue: str = EMAILS) -> None:
    request = HttpRequest(url="https://anywhere.invalid/own", body=body.encode())
    task = Task(http_request=request)
    await environment.engine.service.create_task(
        CreateTaskRequest(parent=queue, task=task), DEVELOPER
    )


def process_place(environment: Environment, handler: str) -> ProcessPlace:
    place = environment.handlers.places[handler]
    assert isinstance(place, ProcessPlace)
    return place


async def queue(environment: Environment, name: str = EMAILS) -> Queue:
    return await environment.engine.service.get_queue(GetQueueRequest(name=name), DEVELOPER)


# What it does


async def test_a_task_reaches_its_handler_through_the_front_door(
    project: Project, up: Up, output: Output
) -> None:
    """By the queue's route and with the queue's token; the task has neither."""
    project.service("mailer")
    project.spec(MAILER)
    await add(await up(), "hello")
    await output.line_with("mailer       │ got /send hello")
    assert "→ 200" in await output.line_with("queue emails")


async def test_nobody_else_reaches_the_handler(project: Project, up: Up, output: Output) -> None:
    """Its front door wants a token, and the console says how to get one."""
    project.service("mailer")
    project.spec(MAILER)
    environment = await up()
    async with aiohttp.ClientSession() as client:
        answer = await client.post(environment.handlers.places["mailer"].address.url)
    assert answer.status == 403
    assert "warning" in await output.line_with("no token")


async def test_somebody_elses_endpoint_is_never_called(
    project: Project, up: Up, output: Output
) -> None:
    """Its task is caught, and shown as it would have been sent."""
    project.spec(
        "handlers: {partner: {url: 'https://partner.example/hooks', headers: {X-Key: abc}}}\n"
        "queues: {emails: {handler: partner, path: /orders}}\n"
    )
    await add(await up(), "order 1815")
    await output.line_with("not sent: POST https://partner.example/hooks/orders")
    await output.line_with("X-Key: abc")
    await output.line_with("order 1815")


async def test_an_image_is_caught_and_the_table_says_so(
    project: Project, up: Up, output: Output
) -> None:
    """Nothing here can run it; the table says what could."""
    project.spec(
        "handlers: {mailer: {service: {image: europe-docker.pkg.dev/p/r/i}}}\n"
        "queues: {emails: {handler: mailer, path: /send}}\n"
    )
    environment = await up()
    assert "not here: it is an image; `handlers.mailer.local" in environment.table
    await add(environment, "hello")
    await output.line_with("not sent: POST https://mailer")


async def test_a_handler_at_local_url_is_called_there(
    project: Project, up: Up, output: Output, elsewhere: str
) -> None:
    """`local.url`: nothing is started, but the door stands before it."""
    project.service("mailer", DEAD)
    project.spec(MAILER.replace("    env:", f"    local: {{url: '{elsewhere}/base'}}\n    env:"))
    environment = await up()
    await add(environment, "hello")
    await output.line_with("elsewhere got /base/send hello")
    async with aiohttp.ClientSession() as client:
        answer = await client.post(environment.handlers.places["mailer"].address.url)
    assert answer.status == 403


async def test_a_stand_in_for_somebody_elses_endpoint_is_called_directly(
    project: Project, up: Up, output: Output, elsewhere: str
) -> None:
    """`local.url` takes the place of its URL; the queue's path comes after it."""
    project.spec(
        "handlers: {partner: {url: 'https://partner.example/hooks', "
        f"local: {{url: '{elsewhere}/test'}}}}}}\n"
        "queues: {emails: {handler: partner, path: /orders}}\n"
    )
    await add(await up(), "order")
    await output.line_with("elsewhere got /test/orders order")


async def test_an_app_engine_task_reaches_its_service(
    project: Project, up: Up, output: Output
) -> None:
    """By the queue's routing; the path is the task's own."""
    project.write("ledger/main.py", "")
    project.service("ledger")
    project.spec(
        "handlers:\n  ledger:\n"
        "    app_engine: {service: ledger, source: handlers/ledger, runtime: python312,"
        " entrypoint: python main.py}\n"
        "queues: {emails: {handler: ledger}}\n"
    )
    environment = await up()
    task = Task()
    task.app_engine_http_request.relative_uri = "/entries"
    task.app_engine_http_request.body = b"1815"
    request = CreateTaskRequest(parent=EMAILS, task=task)
    await environment.engine.service.create_task(request, DEVELOPER)
    await output.line_with("got /entries 1815")


async def test_a_handler_adds_to_the_queues_that_name_it_and_to_no_other(
    project: Project, up: Up, output: Output
) -> None:
    """Elsewhere it is refused, with the line of YAML that would allow it."""
    project.service("mailer")
    project.service("producer", PRODUCER)
    project.spec(
        MAILER.replace("handlers:", "handlers:\n  producer: {service: {source: handlers/producer}}")
        + "  jobs: {handler: producer}\n"
        + "  open: {handler: mailer, enqueuers: [producer]}\n"
    )
    environment = await up()
    await add(environment, EMAILS.replace("emails", "open"), EMAILS.replace("emails", "jobs"))
    await output.line_with("added")
    await output.line_with("from a handler")
    await add(environment, EMAILS, EMAILS.replace("emails", "jobs"))
    line = await output.line_with("refused PERMISSION_DENIED")
    assert "cloudtasks.tasks.create" in line
    assert "`enqueuers: [producer]` in `queues.emails` (stacks/dev.yaml:" in line


async def test_over_rest_a_handler_may_do_the_same_and_is_refused_the_same(
    project: Project, up: Up, output: Output
) -> None:
    """Its own listener knows the caller; the refusal is also printed for the queue."""
    project.service("mailer")
    project.service("producer", REST_PRODUCER)
    project.spec(
        MAILER.replace("handlers:", "handlers:\n  producer: {service: {source: handlers/producer}}")
        + "  jobs: {handler: producer}\n"
        + "  open: {handler: mailer, enqueuers: [producer]}\n"
    )
    environment = await up()
    await add(environment, EMAILS.replace("emails", "open"), EMAILS.replace("emails", "jobs"))
    await output.line_with("│ created")
    text = output.getvalue()
    assert "│ buffered" in text
    await until(lambda: "got / in the buffer" in output.getvalue())
    await until(lambda: "got / as a task" in output.getvalue())
    await add(environment, EMAILS, EMAILS.replace("emails", "jobs"))
    line = await output.line_with("created refused 403 PERMISSION_DENIED")
    said = line.partition("PERMISSION_DENIED ")[2]
    assert "cloudtasks.tasks.create" in said
    assert "`enqueuers: [producer]` in `queues.emails` (stacks/dev.yaml:" in said
    text = output.getvalue()
    assert f"buffered refused 403 PERMISSION_DENIED {said}\n" in text
    blueprint = environment.blueprint
    account = blueprint.handlers["producer"].account
    assert account is not None
    principal = blueprint.accounts[account].member
    told = f"queue emails │ warning: denied to {principal}: {said}\n"
    assert text.count(told) == 2


async def test_the_other_commands_find_it_while_it_runs(project: Project, up: Up) -> None:
    """In the state folder, and no longer than it runs."""
    project.service("mailer")
    project.spec(MAILER)
    environment = await up()
    found = find_running(project.root / ".queuewright")
    assert found is not None
    assert found.environment == "dev"
    assert found.grpc_address == environment.grpc_address
    assert accepts(int(found.http_address.rpartition(":")[2]))
    await up.stop(environment)
    assert find_running(project.root / ".queuewright") is None


async def test_a_secret_without_a_value_here_is_a_warning(
    project: Project, up: Up, output: Output
) -> None:
    """Once, with a hint."""
    project.service("mailer")
    project.spec(
        MAILER.replace("    env:", "    secrets: {NO_SUCH_PASSWORD: smtp-password}\n    env:")
    )
    await up()
    await output.line_with("warning: NO_SUCH_PASSWORD is not set here (the secret `smtp-password`)")


async def test_the_table_says_where_everything_is(project: Project, up: Up) -> None:
    """Queues, handlers, addresses."""
    project.service("mailer")
    project.spec(MAILER)
    environment = await up()
    lines = [" ".join(line.split()) for line in environment.table.splitlines()]
    assert "emails mailer /send 500/s 1000 100 running" in lines
    url = environment.handlers.places["mailer"].address.url
    assert f"mailer service {url} handlers/mailer" in lines
    assert (
        f"Cloud Tasks gRPC {environment.grpc_address}, REST http://{environment.http_address}"
        in lines
    )


# What it keeps


async def test_waiting_tasks_survive_a_stop(project: Project, up: Up, output: Output) -> None:
    """And finds the handler at its new address."""
    project.service("mailer")
    project.spec(MAILER.replace("path: /send", "path: /send, desired_state: PAUSED"))
    first = await up()
    await add(first, "kept")
    await up.stop(first)
    project.spec(MAILER)
    await up()
    await output.line_with("got /send kept")


async def test_in_memory_nothing_is_kept(project: Project, up: Up) -> None:
    """`--memory` starts empty, and leaves nothing."""
    project.service("mailer")
    project.spec(MAILER.replace("path: /send", "path: /send, desired_state: PAUSED"))
    first = await up(in_memory=True)
    await add(first, "lost")
    await up.stop(first)
    assert not (project.root / ".queuewright" / "dev").exists()


async def test_in_memory_an_interrupted_task_is_said_to_be_gone(
    project: Project, up: Up, output: Output
) -> None:
    """It is not promised to the next start."""
    begins = "    def do_POST(self):\n"
    hangs = "print('busy', flush=True); import time; time.sleep(3600)"
    project.service("mailer", ECHO.replace(begins, f"{begins}        {hangs}\n"))
    project.spec(MAILER)
    first = await up(in_memory=True)
    await add(first, "lost")
    await output.line_with("busy")
    await up.stop(first)
    await output.line_with("interrupted; the task is gone, because `--memory` keeps nothing")


async def test_a_queue_that_is_no_longer_described_is_paused_and_keeps_its_tasks(
    project: Project, up: Up, output: Output
) -> None:
    """Its tasks have nowhere to go, but they must not be lost."""
    project.service("mailer")
    project.spec(MAILER)
    await up.stop(await up())
    project.spec(MAILER.partition("queues:")[0])
    environment = await up()
    await output.line_with(f"queue `{EMAILS}` is no longer described: it is paused")
    assert (await queue(environment)).state == 2


async def test_a_renamed_queue_keeps_its_tasks(project: Project, up: Up, output: Output) -> None:
    """It has another key in the file, but the same full name and tasks."""
    project.service("mailer")
    project.spec(MAILER.replace("path: /send", "path: /send, desired_state: PAUSED"))
    first = await up()
    await add(first, "kept")
    await up.stop(first)
    project.spec(MAILER.replace("emails: {", "letters: {renamed_from: emails, "))
    environment = await up()
    await output.line_with("got /send kept")
    assert (await queue(environment)).state == 1
    assert "no longer described" not in output.getvalue()


async def test_a_queue_renamed_while_it_runs_keeps_its_tasks(
    project: Project, up: Up, output: Output
) -> None:
    """The edit is followed, and waiting tasks stay in the same queue."""
    project.service("mailer")
    paused = MAILER.replace("path: /send", "path: /send, desired_state: PAUSED")
    project.spec(paused)
    await add(await up(), "kept")
    renamed = paused.replace("emails: {", "letters: {renamed_from: emails, ")
    project.spec(renamed.replace("PAUSED", "RUNNING"))
    await output.line_with("got /send kept")
    assert "no longer described" not in output.getvalue()


async def test_a_queue_created_by_a_call_is_left_alone(project: Project, up: Up) -> None:
    """Also by the next start."""
    project.service("mailer")
    project.spec(MAILER)
    first = await up()
    own = EMAILS.replace("emails", "mine")
    await first.engine.declare_queue(Queue(name=own))
    await up.stop(first)
    assert (await queue(await up(), own)).state == 1


async def test_a_queue_paused_by_hand_runs_again_after_a_start(project: Project, up: Up) -> None:
    """As after `pulumi up`: the YAML decides."""
    project.service("mailer")
    project.spec(MAILER)
    first = await up()
    await first.engine.service.pause_queue(PauseQueueRequest(name=EMAILS), DEVELOPER)
    await up.stop(first)
    assert (await queue(await up())).state == 1


# What it refuses


async def test_a_port_that_is_taken_is_named(project: Project, up: Up) -> None:
    """With the option that chooses another."""
    project.service("mailer")
    project.spec(MAILER)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(TargetError, match=str(port)) as refused:
            await up(grpc_port=port)
        assert "--grpc-port" in str(refused.value)
        with pytest.raises(TargetError, match=str(port)) as refused:
            await up(http_port=port, state=project.root / "other")
        assert "--http-port" in str(refused.value)


async def test_a_second_one_in_the_same_folder_is_refused(project: Project, up: Up) -> None:
    """The first keeps running."""
    project.service("mailer")
    project.spec(MAILER)
    first = await up()
    with pytest.raises(TargetError, match=f"process {os.getpid()}"):
        await up()
    assert accepts(int(first.grpc_address.rpartition(":")[2]))


# What it follows


async def test_an_edit_reloads_that_handler_alone(project: Project, up: Up, output: Output) -> None:
    """At the same address; another handler's process stays."""
    project.service("mailer")
    project.service("other")
    project.spec(
        MAILER.replace("handlers:", "handlers:\n  other: {service: {source: handlers/other}}")
    )
    environment = await up()
    other = process_place(environment, "other").process
    before = environment.handlers.places["mailer"].address, other.pid
    project.service("mailer", "print('edited')\n" + ECHO)
    await output.line_with("mailer       │ its files have changed: reloading")
    await output.line_with("mailer       │ edited")
    await output.line_with("mailer       │ reloaded")
    assert (environment.handlers.places["mailer"].address, other.pid) == before
    await add(environment, "after")
    await output.line_with("got /send after")


async def test_a_broken_edit_leaves_the_old_code_serving(
    project: Project, up: Up, output: Output
) -> None:
    """The error is printed; the next edit fixes it."""
    project.service("mailer")
    project.spec(MAILER)
    environment = await up()
    project.service("mailer", DEAD)
    await output.line_with("`mailer` ended before it served, exit code 1")
    await output.line_with("still serving the previous version")
    await add(environment, "meanwhile")
    await output.line_with("got /send meanwhile")
    project.service("mailer")
    await output.line_with("mailer       │ reloaded")


async def test_a_changed_rate_changes_the_queue_in_place(
    project: Project, up: Up, output: Output
) -> None:
    """Its tasks stay, and no process is touched."""
    project.service("mailer")
    project.spec(MAILER)
    environment = await up()
    process = process_place(environment, "mailer").process
    pid = process.pid
    project.spec(
        MAILER.replace("path: /send", "path: /s2, rate_limits: {max_dispatches_per_second: 7}")
    )
    await output.line_with("up to date")
    changed = await queue(environment)
    assert changed.rate_limits.max_dispatches_per_second == 7
    assert changed.http_target.uri_override.path_override.path == "/s2"
    assert process.pid == pid


async def test_a_changed_variable_restarts_its_handler(
    project: Project, up: Up, output: Output
) -> None:
    """At the same address."""
    project.service("mailer")
    project.spec(MAILER)
    environment = await up()
    address = environment.handlers.places["mailer"].address
    project.spec(MAILER.replace('"1"', '"2"'))
    await output.line_with("mailer       │ version 2")
    await output.line_with("up to date")
    assert environment.handlers.places["mailer"].address == address


async def test_handlers_come_and_go_with_the_file(project: Project, up: Up, output: Output) -> None:
    """A new one is started, and watched; one that is gone is stopped."""
    project.service("mailer")
    project.spec(MAILER)
    environment = await up()
    project.service("other")
    project.spec(
        MAILER.replace("handlers:", "handlers:\n  other: {service: {source: handlers/other}}")
        + "  more: {handler: other, enqueuers: [mailer]}\n"
    )
    await output.line_with("up to date")
    more = EMAILS.replace("emails", "more")
    await add(environment, "hi", more)
    await output.line_with("other        │ got /own hi")
    policy = await environment.engine.service.get_iam_policy(
        GetIamPolicyRequest(resource=more), DEVELOPER
    )
    assert "mailer-handler@" in json.dumps(MessageToDict(policy))
    place = process_place(environment, "other")
    assert place.tasks is not None
    ports = (place.door.port, place.tasks.grpc_port, place.tasks.http_port)
    project.spec(MAILER)
    await output.line_with("other        │ removed")
    await output.line_with("up to date")
    assert [port for port in ports if accepts(port)] == []


async def test_a_broken_file_changes_nothing_and_its_problems_are_shown(
    project: Project, up: Up, output: Output
) -> None:
    """The environment stays as it was, and the next save counts."""
    project.service("mailer")
    project.spec(MAILER)
    environment = await up()
    project.spec(MAILER.replace("path:", "pth:"))
    await output.line_with("stacks/dev.yaml:9:")
    await output.line_with("did you mean `path`?")
    await output.line_with("stays as it was")
    await add(environment, "still")
    await output.line_with("got /send still")
    project.spec(MAILER.replace("/send", "/mended"))
    await output.line_with("up to date")


async def test_after_the_state_file_was_deleted_edits_are_still_followed(
    project: Project, up: Up, output: Output
) -> None:
    """Each queue that cannot change is reported; handlers are reloaded as before."""
    project.service("mailer")
    project.spec(MAILER)
    environment = await up()
    (project.root / ".queuewright" / "dev" / "tasks.sqlite").unlink()
    for path in ("/second", "/third"):
        project.spec(MAILER.replace("/send", path))
        assert "error: not changed: " in await output.line_with("queue emails │ error")
        await output.line_with("not up to date")
    project.service("mailer", "print('edited')\n" + ECHO)
    await output.line_with("mailer       │ edited")
    assert (await queue(environment)).http_target.uri_override.path_override.path == "/send"


async def test_a_bug_in_following_an_edit_is_reported_and_later_edits_are_followed(
    project: Project, up: Up, output: Output
) -> None:
    """With its traceback."""
    project.service("mailer")
    project.spec(MAILER)
    bugs = [RuntimeError("a bug")]

    def read() -> Blueprint:
        if len(output.getvalue()) > 0 and bugs:
            raise bugs.pop()
        return project.blueprint()

    await up(read)
    project.spec(MAILER.replace("/send", "/second"))
    await output.line_with(
        "queuewright  │ error: following edits failed and starts again: Traceback"
    )
    await output.line_with("RuntimeError: a bug")
    project.spec(MAILER.replace("/send", "/third"))
    await output.line_with("up to date")


async def test_a_link_out_of_the_project_is_refused_by_a_reload(
    project: Project, up: Up, output: Output, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As by `check` and a new `up`; without it, the handler is reloaded."""
    project.service("mailer")
    project.spec(MAILER)
    environment = await up()
    pid = process_place(environment, "mailer").process.pid
    outside = tmp_path_factory.mktemp("outside")
    link = project.root / "handlers" / "mailer" / "etc"
    link.symlink_to(outside)
    await output.line_with(f"mailer/etc` leads out of the project, to `{outside}`")
    await output.line_with("still serving the previous version")
    assert process_place(environment, "mailer").process.pid == pid
    link.unlink()
    await output.line_with("mailer       │ reloaded")


async def test_without_reload_nothing_is_followed(
    project: Project, up: Up, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--no-reload`: no folder is watched."""
    project.service("mailer")
    project.spec(MAILER)
    watched: list[object] = []
    monkeypatch.setattr(Edits, "__init__", lambda *given: watched.append(given))
    await up(reload=False)
    assert watched == []


async def test_a_stop_leaves_no_process_and_no_port(project: Project, up: Up) -> None:
    """Handlers, doors and listeners are gone when it returns."""
    project.service("mailer")
    project.spec(MAILER)
    environment = await up()
    place = process_place(environment, "mailer")
    pid, port = place.process.pid, place.door.port
    assert pid is not None
    await up.stop(environment)
    with pytest.raises(ProcessLookupError):
        os.killpg(pid, 0)
    addresses = (environment.grpc_address, environment.http_address, f":{port}")
    assert not any(accepts(int(address.rpartition(":")[2])) for address in addresses)


async def test_a_handler_that_could_not_change_is_tried_again_at_the_next_save(
    project: Project, up: Up, output: Output
) -> None:
    """Also if the file is the same: the cause may have been elsewhere."""
    project.service("mailer")
    project.spec(MAILER)
    await up()
    changed = MAILER.replace("    env:", "    local: {command: [python, other.py]}\n    env:")
    project.spec(changed)
    await output.line_with("mailer       │ error: `mailer` ended before it served")
    await output.line_with("warning: not up to date")
    project.write("handlers/mailer/other.py", ECHO)
    project.spec(changed)
    await output.line_with("mailer       │ now runs with its new settings")
    await output.line_with("│ up to date")


async def test_a_name_of_this_machine_is_allowed_at_every_listener(
    project: Project, up: Up
) -> None:
    """REST, and a handler's own way to it."""
    project.service("mailer")
    project.spec(MAILER)
    environment = await up(allowed_hosts=("tasks",))
    place = process_place(environment, "mailer")
    assert place.tasks is not None
    rest = f"http://{environment.http_address}/v2/{EMAILS}"
    own = f"http://127.0.0.1:{place.tasks.http_port}/v2/{EMAILS}"
    async with aiohttp.ClientSession() as client:

        async def status(url: str, host: str) -> int:
            async with client.get(url, headers={"Host": host}) as answer:
                return answer.status

        assert [await status(rest, host) for host in ("tasks", "evil.example")] == [200, 403]
        refusal = "is not a name of this machine"
        for host, is_refused in (("tasks", False), ("evil.example", True)):
            async with client.get(own, headers={"Host": host}) as answer:
                assert (refusal in await answer.text()) == is_refused
