"""A handler that does not start is held: its tasks wait, and everything else runs."""

from __future__ import annotations

import asyncio
import os

import pytest

from queuewright.engine import DEVELOPER
from queuewright.engine.protocol import GetQueueRequest, ListTasksRequest, Task
from queuewright.errors import TargetError
from queuewright.local.environment import Environment
from queuewright.local.state_folder import find_running
from tests.local.conftest import ECHO, Output, Project, Up
from tests.local.test_environment import DEAD, EMAILS, add

LETTERS = EMAILS.replace("emails", "letters")
SPEC = """
handlers:
  mailer: {service: {source: handlers/mailer}}
  postman: {service: {source: handlers/postman}}
queues:
  emails: {handler: mailer, path: /send, retry_config: {max_attempts: 1}}
  letters: {handler: postman, path: /post}
"""


@pytest.fixture
def broken(project: Project) -> Project:
    """`mailer` does not start; `postman` does."""
    project.service("mailer", DEAD)
    project.service("postman")
    project.spec(SPEC)
    return project


async def waiting(environment: Environment, queue: str = EMAILS) -> list[Task]:
    request = ListTasksRequest(parent=queue)
    return list((await environment.engine.service.list_tasks(request, DEVELOPER)).tasks)


@pytest.mark.usefixtures("broken")
async def test_the_other_handlers_run(up: Up, output: Output) -> None:
    """The error has the output of the handler, and says what happens next."""
    environment = await up()
    await output.line_with("mailer        │ error: `mailer` ended before it served, exit code 1")
    await output.line_with("cannot work")
    await output.line_with("mailer        │ its tasks wait; it is started again when its files")
    await add(environment, "hello", LETTERS)
    await output.line_with("postman       │ got /post hello")
    assert environment.held == ["mailer"]
    assert "has not started" in environment.table


async def test_its_tasks_wait_until_an_edit_starts_it(
    broken: Project, up: Up, output: Output
) -> None:
    """Not even their only attempt is used up, and the queue is not shown as paused."""
    environment = await up()
    await add(environment, "hello")
    await output.line_with("waits: this handler has not started, see above")
    assert [task.dispatch_count for task in await waiting(environment)] == [0]
    queue = await environment.engine.service.get_queue(GetQueueRequest(name=EMAILS), DEVELOPER)
    assert queue.state == 1
    broken.service("mailer")
    await output.line_with("mailer        │ its files have changed: reloading")
    await output.line_with("mailer        │ has started: its waiting tasks are dispatched")
    await output.line_with("mailer        │ got /send hello")
    assert environment.held == []


async def test_an_edit_that_does_not_help_keeps_it_held(
    broken: Project, up: Up, output: Output
) -> None:
    """Nothing serves the previous version, because there is none."""
    environment = await up()
    broken.service("mailer", f"print('still wrong')\n{DEAD}")
    await output.line_with("mailer        │ its files have changed: reloading")
    await output.line_with("mailer        │ its tasks wait; it is started again when its files")
    assert "previous version" not in output.getvalue()
    assert environment.held == ["mailer"]


async def test_a_save_of_the_environments_file_starts_it_again(
    broken: Project, up: Up, output: Output
) -> None:
    """Even without a change; a second save has nothing to do."""
    environment = await up()
    broken.write("handlers/mailer/main.txt", ECHO)
    fixed = SPEC.replace("handlers/mailer}", "handlers/mailer}, local: {command: python main.txt}")
    broken.spec(SPEC)
    await output.line_with("`dev` has changed")
    await output.line_with("mailer        │ its tasks wait; it is started again when its files")
    broken.spec(fixed)
    await output.line_with("mailer        │ now runs with its new settings")
    assert environment.held == []


async def test_a_handler_added_by_an_edit_is_held(project: Project, up: Up, output: Output) -> None:
    """As one that does not start with the environment."""
    project.service("mailer", DEAD)
    project.service("postman")
    project.spec(SPEC.replace("  mailer: ", "  # ").replace("  emails: ", "  # "))
    environment = await up()
    project.spec(SPEC)
    await output.line_with("│ its tasks wait; it is started again when its files")
    await output.line_with("warning: not up to date")
    await add(environment, "hello")
    await output.line_with("waits: this handler has not started")
    project.service("mailer")
    await output.line_with("got /send hello")


async def test_without_any_handler_it_runs_on(project: Project, up: Up, output: Output) -> None:
    """The developer edits the files."""
    project.service("mailer", DEAD)
    project.service("postman", DEAD)
    project.spec(SPEC)
    environment = await up()
    assert environment.held == ["mailer", "postman"]
    project.service("postman")
    await output.line_with("postman       │ has started")


async def test_the_last_lines_of_a_failed_handler_keep_their_colours(
    broken: Project, up: Up, output: Output
) -> None:
    """And nothing else passes, as in the lines that it prints while it runs."""
    broken.service("mailer", f"print('\\x1b[31mred\\x1b]0;title\\x07')\n{DEAD}")
    await up()
    await output.line_with("error: `mailer` ended before it served")
    line = await output.line_with("    \x1b[31mred")
    assert line.endswith("red\\x1b]0;title\\x07\x1b[0m")
    broken.service("mailer", f"print('\\x1b[32mgreen')\n{DEAD}")
    await output.line_with("error: `mailer` ended before it served")
    assert (await output.line_with("    \x1b[32mgreen")).endswith("green\x1b[0m")


async def test_a_handler_that_never_serves_holds_up_nothing(
    broken: Project, up: Up, output: Output
) -> None:
    """The others run after a while, and an edit ends the wait."""
    broken.service("mailer", "print('began', flush=True)\nimport time\ntime.sleep(3600)\n")
    environment = await up(patience_s=0.0)
    await output.line_with("mailer        │ warning: has not started yet: its tasks wait")
    assert "mailer" in environment.held
    await add(environment, "hello", LETTERS)
    await output.line_with("got /post hello")
    await add(environment, "bye")
    await output.line_with("waits: this handler has not started, see above")
    broken.service("mailer")
    await output.line_with("mailer        │ has started: its waiting tasks are dispatched")
    await output.line_with("got /send bye")
    assert environment.held == []


async def test_a_save_of_the_environments_file_ends_the_wait_too(
    broken: Project, up: Up, output: Output
) -> None:
    """It may say how the handler runs."""
    broken.service("mailer", "import time\ntime.sleep(3600)\n")
    broken.write("handlers/mailer/main.txt", ECHO)
    environment = await up(patience_s=0.0)
    broken.spec(
        SPEC.replace("handlers/mailer}", "handlers/mailer}, local: {command: python main.txt}")
    )
    await output.line_with("mailer        │ now runs with its new settings")
    assert "mailer" not in environment.held


async def test_a_late_handler_that_fails_stays_held(
    broken: Project, up: Up, output: Output
) -> None:
    """Its error comes when it is known."""
    gate = broken.root / "gate"
    os.mkfifo(gate)
    broken.service("mailer", f"open({str(gate)!r}).read()\n{DEAD}")
    environment = await up(patience_s=0.0)
    await output.line_with("mailer        │ warning: has not started yet: its tasks wait")
    await asyncio.to_thread(gate.write_text, "go")
    await output.line_with("mailer        │ error: `mailer` ended before it served, exit code 1")
    await output.line_with("mailer        │ its tasks wait; it is started again when its files")
    assert "mailer" in environment.held


async def test_a_stop_ends_a_late_start(broken: Project, up: Up, output: Output) -> None:
    """It leaves no process."""
    tells = "import os, time\nprint('pid', os.getpid(), flush=True)\n"
    broken.service("mailer", f"{tells}time.sleep(3600)\n")
    environment = await up(patience_s=0.0)
    pid = int((await output.line_with("│ pid ")).rpartition(" ")[2])
    await up.stop(environment)
    with pytest.raises(ProcessLookupError):
        os.killpg(pid, 0)


async def test_a_missing_program_is_held_too(project: Project, up: Up, output: Output) -> None:
    """The others run; the error says how the handler could run here, and an edit starts it."""
    project.service("mailer")
    project.write("handlers/postman/Dockerfile", 'FROM node\nCMD ["no-such-program"]\n')
    project.spec(SPEC)
    environment = await up()
    await output.line_with(
        "postman       │ error: `postman`: there is no program `no-such-program`"
    )
    await output.line_with("handlers.postman.local: {command: …}")
    await output.line_with("postman       │ its tasks wait; it is started again when its files")
    assert environment.held == ["postman"]
    await add(environment, "hello")
    await output.line_with("mailer        │ got /send hello")
    await add(environment, "bye", LETTERS)
    await output.line_with("waits: this handler has not started, see above")
    project.service("postman")
    await output.line_with("postman       │ has started: its waiting tasks are dispatched")
    await output.line_with("postman       │ got /post bye")


async def test_a_missing_local_command_is_held_too(
    project: Project, up: Up, output: Output
) -> None:
    """A change of the environment's file starts it."""
    project.service("mailer")
    project.service("postman")
    nosuch = "handlers/postman}, local: {command: [nosuch]}"
    project.spec(SPEC.replace("handlers/postman}", nosuch))
    environment = await up()
    await output.line_with("postman       │ error: `postman`: there is no program `nosuch`")
    assert environment.held == ["postman"]
    project.spec(SPEC)
    await output.line_with("postman       │ now runs with its new settings")
    assert environment.held == []


@pytest.mark.parametrize(
    "dockerfile", ['CMD ["python", "main.py", "\\u0000"]', "ENV A=\0\nCMD python main.py"]
)
async def test_a_dockerfile_with_a_character_that_no_program_can_be_given(
    dockerfile: str, project: Project, up: Up, output: Output
) -> None:
    """Its handler is held; a NUL ends words and variables."""
    project.service("mailer")
    project.service("postman")
    project.write("handlers/postman/Dockerfile", f"FROM python\n{dockerfile}\n")
    project.spec(SPEC)
    environment = await up()
    text = "its command or a variable has a character that no program can be given"
    await output.line_with(f"postman       │ error: `postman` cannot be started: {text}")
    assert environment.held == ["postman"]


async def test_without_reload_a_missing_program_ends_the_start(broken: Project, up: Up) -> None:
    """With the other errors: nothing would start it later."""
    broken.write("handlers/postman/Dockerfile", 'FROM node\nCMD ["no-such-program"]\n')
    with pytest.raises(TargetError) as refused:
        await up(reload=False)
    assert "`mailer` ended before it served, exit code 1\n    cannot work" in str(refused.value)
    assert "`postman`: there is no program `no-such-program`" in str(refused.value)
    assert find_running(broken.root / ".queuewright") is None


async def test_without_reload_every_handler_that_does_not_start_is_named(
    project: Project, up: Up
) -> None:
    """All in one error, each with its output; nothing is left running."""
    project.service("mailer", DEAD)
    project.service("postman", DEAD)
    project.spec(SPEC)
    with pytest.raises(TargetError) as refused:
        await up(reload=False)
    assert "`mailer` ended before it served, exit code 1\n    cannot work" in str(refused.value)
    assert "`postman` ended before it served" in str(refused.value)
    assert find_running(project.root / ".queuewright") is None
