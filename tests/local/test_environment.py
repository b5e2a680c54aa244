"""An environment on this machine: tasks reach handlers, and it follows what is edited."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from google.protobuf.json_format import MessageToDict

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
from queuewright.local.console.table import ready_table
from queuewright.local.environment import Environment
from queuewright.local.state_folder import find_running
from tests.local.conftest import ECHO, Ears, Project, accepts, until

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

Up = Callable[..., Any]


@pytest.fixture
async def elsewhere(ears: Ears) -> AsyncIterator[str]:
    """A server that nobody here has started."""

    async def answer(request: web.BaseRequest) -> web.Response:
        body = await request.text()
        ears.write(f"elsewhere got {request.path} {body}\n")
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


async def queue(environment: Environment, name: str = EMAILS) -> Queue:
    return await environment.engine.service.get_queue(GetQueueRequest(name=name), DEVELOPER)


# What it does


async def test_a_task_reaches_its_handler_through_the_front_door(
    project: Project, up: Up, ears: Ears
) -> None:
    """By the queue's route and with the queue's token: the task itself knows neither."""
    project.service("mailer")
    project.spec(MAILER)
    await add(await up(), "hello")
    await ears.hear("mailer       │ got /send hello")
    assert "→ 200" in await ears.hear("queue emails")


async def test_nobody_else_reaches_the_handler(project: Project, up: Up, ears: Ears) -> None:
    """Its front door asks for a token, and the console says what would give one."""
    project.service("mailer")
    project.spec(MAILER)
    environment = await up()
    async with aiohttp.ClientSession() as client:
        answer = await client.post(environment.stations["mailer"].address.url)
    assert answer.status == 403
    assert "warning" in await ears.hear("no token")


async def test_an_endpoint_that_is_not_ours_is_never_called(
    project: Project, up: Up, ears: Ears
) -> None:
    """Its task is caught, and shown as it would have been sent."""
    project.spec(
        "handlers: {partner: {url: 'https://partner.example/hooks', headers: {X-Key: abc}}}\n"
        "queues: {emails: {handler: partner, path: /orders}}\n"
    )
    await add(await up(), "order 1815")
    await ears.hear("not sent: POST https://partner.example/hooks/orders")
    await ears.hear("X-Key: abc")
    await ears.hear("order 1815")


async def test_an_image_is_caught_and_the_table_says_so(
    project: Project, up: Up, ears: Ears
) -> None:
    """Nothing here can run it; what would is said."""
    project.spec(
        "handlers: {mailer: {service: {image: europe-docker.pkg.dev/p/r/i}}}\n"
        "queues: {emails: {handler: mailer, path: /send}}\n"
    )
    environment = await up()
    assert "not here: it is an image; `handlers.mailer.local" in ready_table(environment)
    await add(environment, "hello")
    await ears.hear("not sent: POST https://mailer")


async def test_what_runs_already_is_called_there(
    project: Project, up: Up, ears: Ears, elsewhere: str
) -> None:
    """`local.url`: nothing is started, but the door stands before it."""
    project.service("mailer", DEAD)
    project.spec(MAILER.replace("    env:", f"    local: {{url: '{elsewhere}/base'}}\n    env:"))
    environment = await up()
    await add(environment, "hello")
    await ears.hear("elsewhere got /base/send hello")
    async with aiohttp.ClientSession() as client:
        answer = await client.post(environment.stations["mailer"].address.url)
    assert answer.status == 403


async def test_a_stand_in_for_somebody_elses_endpoint_is_called_directly(
    project: Project, up: Up, ears: Ears, elsewhere: str
) -> None:
    """`local.url` takes the place of its URL; the queue's path comes after it."""
    project.spec(
        "handlers: {partner: {url: 'https://partner.example/hooks', "
        f"local: {{url: '{elsewhere}/test'}}}}}}\n"
        "queues: {emails: {handler: partner, path: /orders}}\n"
    )
    await add(await up(), "order")
    await ears.hear("elsewhere got /test/orders order")


async def test_an_app_engine_task_reaches_its_service(project: Project, up: Up, ears: Ears) -> None:
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
    await ears.hear("got /entries 1815")


async def test_a_handler_adds_to_the_queues_that_name_it_and_to_no_other(
    project: Project, up: Up, ears: Ears
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
    await ears.hear("added")
    await ears.hear("from a handler")
    await add(environment, EMAILS, EMAILS.replace("emails", "jobs"))
    line = await ears.hear("refused PERMISSION_DENIED")
    assert "cloudtasks.tasks.create" in line
    assert "`enqueuers: [producer]` in `queues.emails` (stacks/dev.yaml:" in line


async def test_over_rest_a_handler_may_do_the_same_and_is_refused_the_same(
    project: Project, up: Up, ears: Ears
) -> None:
    """Its own listener knows who calls; what is refused is told beside the queue, too."""
    project.service("mailer")
    project.service("producer", REST_PRODUCER)
    project.spec(
        MAILER.replace("handlers:", "handlers:\n  producer: {service: {source: handlers/producer}}")
        + "  jobs: {handler: producer}\n"
        + "  open: {handler: mailer, enqueuers: [producer]}\n"
    )
    environment = await up()
    await add(environment, EMAILS.replace("emails", "open"), EMAILS.replace("emails", "jobs"))
    await ears.hear("│ created")
    text = ears.getvalue()
    assert "│ buffered" in text
    await until(lambda: "got / in the buffer" in ears.getvalue())
    await until(lambda: "got / as a task" in ears.getvalue())
    await add(environment, EMAILS, EMAILS.replace("emails", "jobs"))
    line = await ears.hear("created refused 403 PERMISSION_DENIED")
    said = line.partition("PERMISSION_DENIED ")[2]
    assert "cloudtasks.tasks.create" in said
    assert "`enqueuers: [producer]` in `queues.emails` (stacks/dev.yaml:" in said
    text = ears.getvalue()
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
    await environment.stop()
    assert find_running(project.root / ".queuewright") is None


async def test_a_secret_that_is_not_set_here_is_named(project: Project, up: Up, ears: Ears) -> None:
    """Once, with the way out."""
    project.service("mailer")
    project.spec(
        MAILER.replace("    env:", "    secrets: {NO_SUCH_PASSWORD: smtp-password}\n    env:")
    )
    await up()
    await ears.hear("warning: NO_SUCH_PASSWORD is not set here (the secret `smtp-password`)")


async def test_the_table_says_where_everything_is(project: Project, up: Up) -> None:
    """Queues, handlers, addresses."""
    project.service("mailer")
    project.spec(MAILER)
    environment = await up()
    lines = [" ".join(line.split()) for line in ready_table(environment).splitlines()]
    assert "emails mailer /send 500/s 1000 100 running" in lines
    url = environment.stations["mailer"].address.url
    assert f"mailer service {url} handlers/mailer" in lines
    assert (
        f"Cloud Tasks gRPC {environment.grpc_address}, REST http://{environment.http_address}"
        in lines
    )


# What it keeps


async def test_what_is_waiting_survives_a_stop(project: Project, up: Up, ears: Ears) -> None:
    """And finds the handler at its new address."""
    project.service("mailer")
    project.spec(MAILER.replace("path: /send", "path: /send, desired_state: PAUSED"))
    first = await up()
    await add(first, "kept")
    await first.stop()
    project.spec(MAILER)
    await up()
    await ears.hear("got /send kept")


async def test_in_memory_nothing_is_kept(project: Project, up: Up) -> None:
    """`--memory` starts empty, and leaves nothing."""
    project.service("mailer")
    project.spec(MAILER.replace("path: /send", "path: /send, desired_state: PAUSED"))
    first = await up(in_memory=True)
    await add(first, "lost")
    await first.stop()
    assert not (project.root / ".queuewright" / "dev").exists()


async def test_a_queue_that_is_no_longer_described_is_paused_and_keeps_its_tasks(
    project: Project, up: Up, ears: Ears
) -> None:
    """Its tasks have nowhere to go; but nobody has said that they may be lost."""
    project.service("mailer")
    project.spec(MAILER)
    await (await up()).stop()
    project.spec(MAILER.partition("queues:")[0])
    environment = await up()
    await ears.hear(f"queue `{EMAILS}` is no longer described: it is paused")
    assert (await queue(environment)).state == 2


async def test_a_renamed_queue_keeps_its_tasks(project: Project, up: Up, ears: Ears) -> None:
    """In the file it has another key; its full name stays, and so do those that wait."""
    project.service("mailer")
    project.spec(MAILER.replace("path: /send", "path: /send, desired_state: PAUSED"))
    first = await up()
    await add(first, "kept")
    await first.stop()
    project.spec(MAILER.replace("emails: {", "letters: {renamed_from: emails, "))
    environment = await up()
    await ears.hear("got /send kept")
    assert (await queue(environment)).state == 1
    assert "no longer described" not in ears.getvalue()


async def test_a_queue_renamed_while_it_runs_keeps_its_tasks(
    project: Project, up: Up, ears: Ears
) -> None:
    """The edit is followed, and what waits goes on waiting in the same queue."""
    project.service("mailer")
    paused = MAILER.replace("path: /send", "path: /send, desired_state: PAUSED")
    project.spec(paused)
    await add(await up(), "kept")
    renamed = paused.replace("emails: {", "letters: {renamed_from: emails, ")
    project.spec(renamed.replace("PAUSED", "RUNNING"))
    await ears.hear("got /send kept")
    assert "no longer described" not in ears.getvalue()


async def test_a_queue_that_somebody_made_by_a_call_is_left_alone(project: Project, up: Up) -> None:
    """Also by the next start."""
    project.service("mailer")
    project.spec(MAILER)
    first = await up()
    own = EMAILS.replace("emails", "mine")
    await first.engine.declare_queue(Queue(name=own))
    await first.stop()
    assert (await queue(await up(), own)).state == 1


async def test_a_queue_paused_by_hand_runs_again_after_a_start(project: Project, up: Up) -> None:
    """As after `pulumi up`: the YAML says what is."""
    project.service("mailer")
    project.spec(MAILER)
    first = await up()
    await first.engine.service.pause_queue(PauseQueueRequest(name=EMAILS), DEVELOPER)
    await first.stop()
    assert (await queue(await up())).state == 1


# What it refuses


async def test_every_handler_that_does_not_start_is_named(project: Project, up: Up) -> None:
    """All at once, each with its last words; and nothing is left running."""
    project.service("one", DEAD)
    project.service("two", DEAD)
    project.service("mailer")
    project.spec(
        MAILER.replace(
            "handlers:",
            "handlers:\n  one: {service: {source: handlers/one}}\n"
            "  two: {service: {source: handlers/two}}",
        )
    )
    with pytest.raises(TargetError) as refused:
        await up()
    assert "`one` ended before it served, exit code 1\n    cannot work" in str(refused.value)
    assert "`two` ended before it served" in str(refused.value)
    assert find_running(project.root / ".queuewright") is None


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
    """And the first runs on."""
    project.service("mailer")
    project.spec(MAILER)
    first = await up()
    with pytest.raises(TargetError, match=f"process {os.getpid()}"):
        await up()
    assert accepts(int(first.grpc_address.rpartition(":")[2]))


# What it follows


async def test_an_edit_reloads_that_handler_alone(project: Project, up: Up, ears: Ears) -> None:
    """At the same address; another handler's process stays."""
    project.service("mailer")
    project.service("other")
    project.spec(
        MAILER.replace("handlers:", "handlers:\n  other: {service: {source: handlers/other}}")
    )
    environment = await up()
    other = environment.stations["other"].handler
    assert other is not None
    before = environment.stations["mailer"].address, other.pid
    project.service("mailer", "print('edited')\n" + ECHO)
    await ears.hear("mailer       │ its files have changed: reloads")
    await ears.hear("mailer       │ edited")
    await ears.hear("mailer       │ reloaded")
    assert (environment.stations["mailer"].address, other.pid) == before
    await add(environment, "after")
    await ears.hear("got /send after")


async def test_a_broken_edit_leaves_the_old_code_serving(
    project: Project, up: Up, ears: Ears
) -> None:
    """The error is printed; the next edit mends it."""
    project.service("mailer")
    project.spec(MAILER)
    environment = await up()
    project.service("mailer", DEAD)
    await ears.hear("`mailer` ended before it served, exit code 1")
    await ears.hear("the code from before goes on serving")
    await add(environment, "meanwhile")
    await ears.hear("got /send meanwhile")
    project.service("mailer")
    await ears.hear("mailer       │ reloaded")


async def test_a_changed_rate_changes_the_queue_in_place(
    project: Project, up: Up, ears: Ears
) -> None:
    """Its tasks stay, and no process is touched."""
    project.service("mailer")
    project.spec(MAILER)
    environment = await up()
    handler = environment.stations["mailer"].handler
    assert handler is not None
    pid = handler.pid
    project.spec(
        MAILER.replace("path: /send", "path: /s2, rate_limits: {max_dispatches_per_second: 7}")
    )
    await ears.hear("all is as described")
    changed = await queue(environment)
    assert changed.rate_limits.max_dispatches_per_second == 7
    assert changed.http_target.uri_override.path_override.path == "/s2"
    assert handler.pid == pid


async def test_a_changed_variable_restarts_its_handler(
    project: Project, up: Up, ears: Ears
) -> None:
    """At the same address."""
    project.service("mailer")
    project.spec(MAILER)
    environment = await up()
    address = environment.stations["mailer"].address
    project.spec(MAILER.replace('"1"', '"2"'))
    await ears.hear("mailer       │ version 2")
    await ears.hear("all is as described")
    assert environment.stations["mailer"].address == address


async def test_handlers_come_and_go_with_the_file(project: Project, up: Up, ears: Ears) -> None:
    """A new one is started, and watched; one that is gone is stopped."""
    project.service("mailer")
    project.spec(MAILER)
    environment = await up()
    project.service("other")
    project.spec(
        MAILER.replace("handlers:", "handlers:\n  other: {service: {source: handlers/other}}")
        + "  more: {handler: other, enqueuers: [mailer]}\n"
    )
    await ears.hear("all is as described")
    more = EMAILS.replace("emails", "more")
    await add(environment, "hi", more)
    await ears.hear("other        │ got /own hi")
    policy = await environment.engine.service.get_iam_policy(
        GetIamPolicyRequest(resource=more), DEVELOPER
    )
    assert "mailer-handler@" in json.dumps(MessageToDict(policy))
    station = environment.stations["other"]
    assert station.door is not None
    assert station.tasks is not None
    ports = (station.door.port, station.tasks.grpc_port, station.tasks.http_port)
    project.spec(MAILER)
    await ears.hear("other        │ removed")
    await ears.hear("all is as described")
    assert [port for port in ports if accepts(port)] == []


async def test_a_broken_file_changes_nothing_and_its_problems_are_placed(
    project: Project, up: Up, ears: Ears
) -> None:
    """The environment runs on as it was, and the next save counts."""
    project.service("mailer")
    project.spec(MAILER)
    environment = await up()
    project.spec(MAILER.replace("path:", "pth:"))
    await ears.hear("stacks/dev.yaml:9:")
    await ears.hear("did you mean `path`?")
    await ears.hear("runs on as it was")
    await add(environment, "still")
    await ears.hear("got /send still")
    project.spec(MAILER.replace("/send", "/mended"))
    await ears.hear("all is as described")


async def test_without_reload_nothing_is_followed(project: Project, up: Up) -> None:
    """`--no-reload`."""
    project.service("mailer")
    project.spec(MAILER)
    environment = await up(reload=False)
    assert environment._watch is None


async def test_a_stop_leaves_no_process_and_no_port(project: Project, up: Up) -> None:
    """Handlers, doors and listeners are gone when it returns."""
    project.service("mailer")
    project.spec(MAILER)
    environment = await up()
    station = environment.stations["mailer"]
    assert station.handler is not None
    assert station.door is not None
    pid, port = station.handler.pid, station.door.port
    assert pid is not None
    await environment.stop()
    with pytest.raises(ProcessLookupError):
        os.killpg(pid, 0)
    addresses = (environment.grpc_address, environment.http_address, f":{port}")
    assert not any(accepts(int(address.rpartition(":")[2])) for address in addresses)
