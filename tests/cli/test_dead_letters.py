"""`queuewright dead-letters` against a real engine."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from google.cloud import tasks_v2
from google.protobuf.json_format import ParseDict

from queuewright.cli import buried, dead_letters
from queuewright.cli.buried import time_now
from queuewright.cli.project import find_target
from queuewright.client import connect
from queuewright.engine.protocol import Queue, Task
from queuewright_runtime import letters as runtime
from queuewright_runtime.attempt import TaskAttempt
from tests.cli.conftest import Background, Outcome, Run
from tests.runtime.undertaker import DEAD, DIED, QUEUE, request

EMAILS = QUEUE.removesuffix("-dead")


@pytest.fixture
def grave(project: Path, engine: Background) -> Background:
    """The project's `emails` keeps dead letters, in a paused queue of the engine."""
    file = project / "stacks" / "dev.yaml"
    text = file.read_text("utf-8")
    file.write_text(text.replace("    path: /send\n", "    path: /send\n    dead_letters: true\n"))
    engine.declare(Queue(name=QUEUE, state=Queue.State.PAUSED))
    return engine


def bury(engine: Background, task: str, error: str = "boom", status: int = 500) -> str:
    """Add a dead letter as a handler does; return its id."""
    attempt = TaskAttempt("emails", task, 3, 3)
    reason: runtime.Reason = "permanent" if status == 0 else "failed"
    died = DIED + timedelta(seconds=len(tasks(engine, QUEUE)))
    story = runtime.story_of(reason, 3, status or None, error, died)
    body = json.dumps({"to": task}).encode()
    made = ParseDict(
        runtime.letter(request(body, {"X-Own": task}), attempt, DEAD["emails"], story), Task()
    )
    asked = tasks_v2.CreateTaskRequest(parent=QUEUE)
    tasks_v2.CreateTaskRequest.pb(asked).task.CopyFrom(made)
    return str(connect(engine.address).create_task(asked).name.rpartition("/")[2])


def tasks(engine: Background, queue: str) -> list[tasks_v2.Task]:
    asked = tasks_v2.ListTasksRequest(parent=queue, response_view=tasks_v2.Task.View.FULL)
    return list(connect(engine.address).list_tasks(asked))


def rows(outcome: Outcome) -> list[dict[str, object]]:
    assert outcome.code == 0, outcome.err
    return [json.loads(line) for line in outcome.out.splitlines()]


def test_the_letters_of_a_queue_are_counted_in_its_row(run: Run, grave: Background) -> None:
    """And the attempts are those of the file; their queue has no row of its own."""
    bury(grave, "ada")
    found = {each["id"]: each for each in rows(run("queues", "--json"))}
    assert set(found) == {"emails", "entries"}
    assert (found["emails"]["dead_letters"], found["emails"]["max_attempts"]) == (1, 8)
    assert "dead_letters" not in found["entries"]
    assert "DEAD LETTERS" in run("queues").out


def test_letters_are_listed_with_what_happened(run: Run, grave: Background) -> None:
    """As a table and as JSON; the oldest first."""
    for task in ("ada", "bob"):
        bury(grave, task, f"ValueError: {task} [bold]has\x1b[31m moved")
    printed = run("dead-letters", "list", "emails")
    assert printed.code == 0
    assert "ValueError: ada [bold]has" in printed.out
    assert "\x1b[31m" not in printed.out
    found = rows(run("dead-letters", "list", "emails", "--json"))
    assert [each["task"] for each in found] == ["ada", "bob"]
    assert (found[0]["attempts"], found[0]["status"], found[0]["reason"]) == (3, 500, "failed")
    assert found[0]["body"] == '{"to": "ada"}'
    assert run("dead-letters", "list", "emails", "--text", "zoe").err == (
        "2 dead letters, none of which matches\n"
    )


def test_a_letter_is_shown_whole(run: Run, grave: Background) -> None:
    """By its own id or the task's, in words and as JSON."""
    letter = bury(grave, "ada")
    for name in ("ada", letter, letter[:8]):
        shown = run("dead-letters", "show", "emails", name).out
        assert "task      ada" in shown
        assert "its last attempt failed" in shown
        assert "X-Own: ada" in shown
        assert shown.endswith('{"to": "ada"}\n')
    data = json.loads(run("dead-letters", "show", "emails", "ada", "--json").out)
    assert (data["id"], data["method"]) == (letter, "POST")
    missing = run("dead-letters", "show", "emails", "eve")
    assert (missing.code, missing.err.splitlines()[0]) == (
        1,
        "error: no dead letter of `emails` is `eve`",
    )


def test_replay_sends_every_task_again(run: Run, grave: Background) -> None:
    """With its body and headers; the letters are gone."""
    for task in ("ada", "bob"):
        bury(grave, task)
    outcome = run("dead-letters", "replay", "emails", "--all")
    assert (outcome.code, outcome.out) == (0, "2 dead letters replayed\n")
    assert tasks(grave, QUEUE) == []
    sent = {each.http_request.body: each for each in tasks(grave, EMAILS)}
    assert set(sent) == {b'{"to": "ada"}', b'{"to": "bob"}'}
    ada = sent[b'{"to": "ada"}'].http_request
    assert (ada.url, ada.headers["X-Own"]) == ("https://mailer.example/send?x=1", "ada")
    assert not [name for name in ada.headers if name.startswith("X-Queuewright-")]
    assert sent[b'{"to": "ada"}'].dispatch_deadline.total_seconds() == 60  # the function's timeout


def test_a_dry_run_only_counts(run: Run, grave: Background) -> None:
    """Of `replay` and of `discard`."""
    bury(grave, "ada")
    assert run("dead-letters", "replay", "emails", "--all", "--dry-run").out == (
        "1 dead letter would be replayed\n"
    )
    assert rows(run("dead-letters", "discard", "emails", "--all", "--dry-run", "--json")) == [
        {"count": 1}
    ]
    assert len(tasks(grave, QUEUE)) == 1
    assert tasks(grave, EMAILS) == []


def test_a_replay_that_was_stopped_halfway_doubles_nothing(
    run: Run, grave: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task was added, and its letter not yet deleted."""
    bury(grave, "ada")
    with monkeypatch.context() as broken:

        def crash(*_: object) -> None:
            raise KeyboardInterrupt

        broken.setattr(buried.Graveyard, "discard", crash)
        with pytest.raises(KeyboardInterrupt):
            list(
                buried.Graveyard.of(find_target(None, None), "emails").replay(
                    [tasks_v2.Task.pb(each) for each in tasks(grave, QUEUE)], None, DIED
                )
            )
    assert (len(tasks(grave, QUEUE)), len(tasks(grave, EMAILS))) == (1, 1)
    again = run("dead-letters", "replay", "emails", "--all")
    assert (again.out, again.err) == (
        "0 dead letters replayed\n",
        "1 had been replayed before\n",
    )
    assert (len(tasks(grave, QUEUE)), len(tasks(grave, EMAILS))) == (0, 1)


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        (["--text", "ADA"], {"ada"}),
        (["--text", "timeout"], {"bob"}),
        (["--status", "503"], {"bob"}),
        (["--reason", "permanent"], {"eve"}),
        (["--older", "0s"], {"ada", "bob", "eve"}),
        (["--newer", "1ms"], set()),
        (["--status", "500", "--text", "bob"], set()),
        (["bob", "eve"], {"bob", "eve"}),
    ],
)
def test_letters_are_chosen(
    run: Run, grave: Background, options: list[str], chosen: set[str]
) -> None:
    """By every condition that is given."""
    bury(grave, "ada")
    bury(grave, "bob", "timeout", 503)
    bury(grave, "eve", "no such address", 0)
    found = rows(run("dead-letters", "replay", "emails", *options, "--json"))
    assert {each["task"] for each in found} == chosen
    assert len(tasks(grave, QUEUE)) == 3 - len(chosen)


def test_a_rate_spreads_the_tasks(run: Run, grave: Background) -> None:
    """Each is due so much later than the one that died before it."""
    for task in ("ada", "bob", "eve"):
        bury(grave, task)
    assert run("dead-letters", "replay", "emails", "--all", "--rate", "0.1").code == 0
    due = {each.http_request.body: each.schedule_time for each in tasks(grave, EMAILS)}
    ada, bob, eve = (due[f'{{"to": "{each}"}}'.encode()] for each in ("ada", "bob", "eve"))
    assert ada < bob  # the first is due at once
    assert (eve - bob).total_seconds() == 10
    for task in ("ada", "bob"):
        bury(grave, f"{task}2")
    slow = run("dead-letters", "replay", "emails", "--all", "--rate", "0.0000001")
    assert slow.code == 1
    assert "Cloud Tasks allows at most 30" in slow.err


def test_discard_asks_first(run: Run, grave: Background) -> None:
    """Without a terminal, it wants `--yes`."""
    bury(grave, "ada")
    refused = run("dead-letters", "discard", "emails", "ada")
    assert refused.code == 2
    assert "agree with `--yes`" in refused.err
    assert run("dead-letters", "discard", "emails", "ada", "--yes").out == (
        "1 dead letter discarded\n"
    )
    assert tasks(grave, QUEUE) == tasks(grave, EMAILS) == []


def test_letters_older_than_they_are_kept_are_left_out(
    run: Run, grave: Background, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They can only be discarded."""
    file = project / "stacks" / "dev.yaml"
    text = file.read_text("utf-8")
    file.write_text(text.replace("dead_letters: true", "dead_letters: {keep: 14d}"), "utf-8")
    bury(grave, "ada")
    assert len(rows(run("dead-letters", "list", "emails", "--json"))) == 1
    monkeypatch.setattr(dead_letters, "time_now", lambda: time_now() + timedelta(days=14))
    listed = run("dead-letters", "list", "emails")
    assert "1 dead letter older than 14d left out" in listed.err
    assert run("dead-letters", "replay", "emails", "--all").out == "0 dead letters replayed\n"
    assert len(tasks(grave, QUEUE)) == 1
    assert run("dead-letters", "discard", "emails", "--expired", "--yes").code == 0
    assert tasks(grave, QUEUE) == []


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["replay", "emails"], 2, "name letters, choose them with options, or give `--all`"),
        (["replay", "emails", "ada", "--all"], 2, "give letters or `--all`, not both"),
        (["replay", "emails", "zoe"], 1, "no dead letter of `emails` is `zoe`"),
        (["discard", "emails", "--expired", "--all"], 2, "`--expired` goes alone"),
        (["list", "entries"], 1, "queue `entries` keeps no dead letters"),
        (["list", "emials"], 1, "did you mean `emails`?"),
    ],
)
@pytest.mark.usefixtures("grave")
def test_what_does_not_make_sense_is_refused(
    run: Run, words: list[str], code: int, text: str
) -> None:
    """With the way out."""
    outcome = run("dead-letters", *words)
    assert outcome.code == code
    assert text in outcome.err


@pytest.mark.parametrize("command", ["show", "replay", "discard"])
def test_an_empty_id_names_no_letter(run: Run, grave: Background, command: str) -> None:
    """A script's unset variable must not choose every letter."""
    for task in ("ada", "bob"):
        bury(grave, task)
    agreed = ("--yes",) if command == "discard" else ()
    refused = run("dead-letters", command, "emails", "", *agreed)
    assert refused.code == 1
    assert "no dead letter of `emails` is ``" in refused.err
    assert len(tasks(grave, QUEUE)) == 2
    assert tasks(grave, EMAILS) == []


def test_the_beginning_of_several_ids_is_refused(run: Run, grave: Background) -> None:
    """With 17 letters, two ids begin with the same of 16 digits."""
    ids = [bury(grave, f"task-{number}") for number in range(17)]
    digit = next(each[0] for each in ids if sum(other[0] == each[0] for other in ids) > 1)
    for command in (("discard", "--yes"), ("replay",)):
        refused = run("dead-letters", *command, "emails", digit)
        assert refused.code == 1
        assert f"`{digit}` names " in refused.err
        assert "give more of its id" in refused.err
    assert len(tasks(grave, QUEUE)) == 17


@pytest.mark.parametrize("rate", ["1e-300", "1e-20", "5e-324"])
def test_a_rate_near_zero_is_too_slow(run: Run, grave: Background, rate: str) -> None:
    for task in ("ada", "bob"):
        bury(grave, task)
    slow = run("dead-letters", "replay", "emails", "--all", "--rate", rate)
    assert slow.code == 1
    assert "Cloud Tasks allows at most 30" in slow.err
    assert len(tasks(grave, QUEUE)) == 2


def test_a_rate_that_is_no_number_is_refused(run: Run, grave: Background) -> None:
    bury(grave, "ada")
    refused = run("dead-letters", "replay", "emails", "--all", "--rate", "nan")
    assert refused.code == 2
    assert "nan" in refused.err
    assert len(tasks(grave, QUEUE)) == 1
