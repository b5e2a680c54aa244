"""`tasks show`, `run`, `delete` and the lists of tasks that are gone, word for word."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from queuewright.engine import (
    DEVELOPER,
    Answer,
    Caller,
    Engine,
    Excerpt,
    InProcessSender,
    ManualClock,
    OutgoingRequest,
)
from queuewright.engine.protocol import CreateTaskRequest, HttpRequest, Queue, RetryConfig, Task
from queuewright.history import History, history_service
from tests.cli.conftest import Background, Run

QUEUE = "projects/acme-dev/locations/europe-west1/queues/emails"
GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "emulator.md").read_text("utf-8")
SHOWN = GUIDE.split("## What happened to a task\n")[1].split("```text\n")[1].split("```")[0]
"""The example of the guide, word for word."""
BUSY = Answer(503, excerpt=Excerpt((("content-type", "application/json"),), b'{"error": "busy"}'))


class Kept(Background):
    """An engine with a manual clock and a history; its handler gives the prepared answers."""

    answers: list[Answer]
    line: str

    async def _start(self) -> str:
        self.answers = []
        self.line = "mail server is down"
        self.history = History.opened(None)
        self.clock = ManualClock()
        self.engine = Engine(
            clock=self.clock,
            seed=1,
            on_event=self.history.record,
            sender=InProcessSender(self._answer),
        )
        await self.engine.start()
        retry = RetryConfig(max_attempts=3, max_doublings=3)
        retry.min_backoff.seconds, retry.max_backoff.seconds = 10, 300
        await self.engine.declare_queue(Queue(name=QUEUE, retry_config=retry))
        services = [history_service(self.history)]
        return f"127.0.0.1:{await self.engine.serve_grpc(port=0, services=services)}"

    def _answer(self, request: OutgoingRequest) -> Answer:
        task = dict(request.headers)["X-CloudTasks-TaskName"]
        retries = int(dict(request.headers)["X-CloudTasks-TaskRetryCount"])
        running = self.history.attempt(f"{QUEUE}/tasks/{task}", retries + 1)
        self.history.printed(self.line, self.clock.now_us(), [running])
        return self.answers.pop(0) if self.answers else Answer(200)

    def add(self, task_id: str, body: bytes, caller: Caller = DEVELOPER) -> None:
        http = HttpRequest(url="https://mailer.example/send", body=body, headers={"X-Trace": "7"})
        task = Task(name=f"{QUEUE}/tasks/{task_id}", http_request=http)
        request = CreateTaskRequest(parent=QUEUE, task=task)
        self._do(self.engine.service.create_task(request, caller))

    def drain(self) -> None:
        self._do(self.engine.drain())

    def advance(self, span: str) -> None:
        self._do(self.engine.advance(span))

    def stop(self) -> None:
        super().stop()
        self.history.close()


@pytest.fixture
def kept(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    """The project's queue on an engine with a history, where the commands find it."""
    assert project.exists()
    background = Kept()
    monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", background.address)
    yield background
    background.stop()


def test_show_tells_the_story_of_a_task_that_failed(run: Run, kept: Kept) -> None:
    """Its attempts as a timeline with log lines, the reasons, and what it sent."""
    kept.answers = [BUSY, Answer(404), Answer(500)]
    kept.add("t1", b'{"to": "ada"}', Caller(label="signup"))
    kept.drain()
    assert run("tasks", "show", "emails", "t1").out == SHOWN


def test_show_writes_a_structured_line_as_cloud_logging_does(run: Run, kept: Kept) -> None:
    """Its message, which may have several lines, and how severe it is."""
    kept.line = '{"severity": "ERROR", "message": "no mail\\nTraceback: \\u001b[8m", "task": "t1"}'
    kept.add("t1", b"{}")
    kept.drain()
    assert (
        ": 200 in 1ms\n  │ ERROR: no mail\n  │ Traceback: \\x1b[8m\n\n"
        in run("tasks", "show", "emails", "t1").out
    )


def test_a_dead_letter_is_no_finished_task(run: Run, kept: Kept) -> None:
    """Its handler answered 200 about it; see `queuewright dead-letters`."""
    told = b"the task is among the dead letters: PermanentError: no such address\n"
    kept.answers = [Answer(200, excerpt=Excerpt(body=told))]
    kept.add("t1", b"{}")
    kept.drain()
    shown = run("tasks", "show", "emails", "t1").out
    assert "state     failed: it is a dead letter: PermanentError: no such address\n" in shown
    assert "attempt 1 of 3: 200 (the handler kept it as a dead letter) in 1ms\n" in shown
    assert "failed: it is a dead letter" in run("tasks", "emails", "--failed").out
    assert "t1" not in run("tasks", "emails", "--finished").out


def test_show_as_json_has_the_same(run: Run, kept: Kept) -> None:
    """For programs: a body is JSON, text or base64."""
    kept.answers = [BUSY]
    kept.add("t1", b"\xff\x00")
    kept.drain()
    shown: dict[str, Any] = json.loads(run("tasks", "show", "emails", "t1", "--json").out)
    assert (shown["state"], shown["attempts_ended"]) == ("finished", 2)
    assert shown["request"] == {
        "method": "POST",
        "url": "https://mailer.example/send",
        "headers": {"User-Agent": "Google-Cloud-Tasks", "X-Trace": "7"},
        "bytes": 2,
        "base64": "/wA=",
    }
    first, second = shown["attempts"]
    assert (first["http_code"], first["reason"]) == (503, "10s, the first wait")
    assert first["answer"]["json"] == {"error": "busy"}
    assert first["log"] == [{"text": "mail server is down", "certainty": "alone"}]
    assert (second["outcome"], second["next"]) == ("succeeded", None)


def test_show_a_task_that_waits(run: Run, kept: Kept) -> None:
    """What it sends comes from the engine, its attempts from the history."""
    kept.answers = [Answer(500)]
    kept.add("t1", b"\x89PNG\r\n")
    kept.advance("1s")
    assert run("tasks", "show", "emails", "t1").out == (
        "task      projects/acme-dev/locations/europe-west1/queues/emails/tasks/t1\n"
        "state     waiting\n"
        "created   2026-01-01T00:00:00Z\n"
        "due       2026-01-01T00:00:10Z\n"
        "\n"
        "2026-01-01T00:00:00Z  attempt 1 of 3: 500 in 1ms\n"
        "  │ mail server is down\n"
        "  again at 2026-01-01T00:00:10Z: 10s, the first wait\n"
        "\n"
        "POST https://mailer.example/send\n"
        "User-Agent: Google-Cloud-Tasks\n"
        "X-Trace: 7\n"
        "\n"
        "00000000  89 50 4e 47 0d 0a                                .PNG..\n"
    )


def test_tasks_that_are_gone_are_listed_by_how_they_ended(run: Run, kept: Kept) -> None:
    """The latest first; a text finds what is in a body."""
    kept.add("good", b"hello ada")
    kept.drain()
    kept.answers = [Answer(500)] * 3
    kept.add("bad", b"hello bob")
    kept.drain()
    kept.answers = [Answer(500)]
    kept.add("gone", b"", Caller(label="signup"))
    kept.advance("1s")
    assert run("tasks", "delete", "emails", "gone").err == (
        f"deleted 1 task of `emails`, dev on this machine ({kept.address})\n"
    )

    def listed(*options: str) -> list[str]:
        out = re.sub(r" +\S+ ago +", "  ", run("tasks", "emails", *options).out)
        return [re.sub(" +$", "", line) for line in out.splitlines()[1:]]

    assert listed("--failed") == ["bad  failed: all 3 attempts failed  3         500"]
    assert listed("--finished") == ["good  finished  1         200"]
    assert listed("--deleted") == ["gone  deleted  1         500"]
    assert listed("--failed", "--finished", "--text", "ada") == ["good  finished  1         200"]
    rows = run("tasks", "list", "emails", "--failed", "--finished", "--json").out.splitlines()
    assert [json.loads(row)["id"] for row in rows] == ["bad", "good"]
    nothing = run("tasks", "emails", "--finished", "--text", "nobody")
    assert nothing.err == (
        f"no such tasks of `emails` in the history, dev on this machine ({kept.address})\n"
    )


def test_run_starts_an_attempt_now(run: Run, kept: Kept) -> None:
    """Which the story tells."""
    kept.answers = [Answer(500)]
    kept.add("t1", b"")
    kept.advance("1s")
    assert run("tasks", "run", "emails", "t1").out == f"{QUEUE}/tasks/t1\n"
    kept.advance("0s")
    shown = json.loads(run("tasks", "show", "emails", "t1", "--json").out)
    assert shown["state"] == "finished"
    assert [attempt["by_hand"] for attempt in shown["attempts"]] == [False, True]


def test_delete_all_needs_a_yes(run: Run, kept: Kept) -> None:
    """From the option, or from somebody who is asked."""
    kept.answers = [Answer(500)] * 2
    kept.add("t1", b"")
    kept.add("t2", b"")
    kept.advance("1s")
    refused = run("tasks", "delete", "emails", "--all")
    assert refused.code == 2
    assert refused.err.endswith("Error: delete 2 tasks of `emails`?\n  hint: agree with `--yes`\n")
    assert len(run("tasks", "emails", "--json").out.splitlines()) == 2
    assert run("tasks", "delete", "emails", "--all", "--yes").err == (
        f"deleted 2 tasks of `emails`, dev on this machine ({kept.address})\n"
    )
    assert run("tasks", "emails", "--json").out == ""


def test_a_task_that_is_not_there_is_named(run: Run, kept: Kept) -> None:
    """By every command."""
    where = f"dev on this machine ({kept.address})"
    assert run("tasks", "show", "emails", "t9").err == (
        f"error: `{QUEUE}/tasks/t9`: there is no such task in {where}\n"
        "  hint: `queuewright tasks` lists them\n"
    )
    kept.add("t1", b"")
    deleted = run("tasks", "delete", "emails", "t9")
    assert (deleted.code, deleted.err) == (
        1,
        f"deleted 0 tasks of `emails`, {where}\nerror: no such task in `emails`: t9\n",
    )
    assert run("tasks", "run", "emails", "t9").code == 1


def test_an_engine_without_a_history_says_so(run: Run, engine: Background) -> None:
    """Google's API is all there is then."""
    assert run("enqueue", "emails", "hi", "--name", "t1").code == 0
    shown = run("tasks", "show", "emails", "t1")
    assert shown.err == f"dev on this machine ({engine.address}) has no history\n"
    assert "state     waiting\n" in shown.out
    assert run("tasks", "emails", "--failed").err == (
        f"error: dev on this machine ({engine.address}) has no history\n"
        "  hint: it is another emulator, or an old one\n"
    )


def test_outside_of_any_project_an_emulator_is_found_by_its_address(
    run: Run, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its queues by their ids."""
    monkeypatch.chdir("/")
    kept.add("t1", b"")
    kept.drain()
    assert "state     finished\n" in run("tasks", "show", "emails", "t1").out
    assert run("tasks", "email").err == (
        f"error: the emulator on this machine ({kept.address}) has no queue `email`\n"
        "  hint: did you mean `emails`?\n"
    )
    monkeypatch.delenv("CLOUD_TASKS_EMULATOR_HOST")
    assert run("tasks", "emails").err == (
        "error: nothing runs here, and there is no `stacks` folder in `/` or above it\n"
        "  hint: go to the project, give an emulator's `--state`, or set "
        "CLOUD_TASKS_EMULATOR_HOST\n"
    )


@pytest.mark.usefixtures("project")
def test_google_cloud_has_no_history(run: Run) -> None:
    """Said before anything is asked."""
    assert run("tasks", "emails", "--failed", "--env", "dev").err == (
        "error: dev on Google Cloud has no history\n"
        "  hint: Google Cloud forgets a task when it ends; `up` and `emulator` keep a history\n"
    )
