"""A dead letter as it is read, and the task that it becomes again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from google.protobuf.json_format import ParseDict

from queuewright.dead_letters import PREFIX, REASONS, dead_letter, replayed
from queuewright.engine.protocol import Task
from queuewright_runtime import letters as runtime
from queuewright_runtime.attempt import TaskAttempt
from tests.runtime.undertaker import DEAD, DIED, request

QUEUE = "projects/acme-dev/locations/europe-west1/queues/emails"
BORN = datetime(2026, 11, 25, 1, 2, 5, tzinfo=UTC)


def buried(error: BaseException | str = "no", *, is_app_engine: bool = False) -> Task:
    """A letter as Cloud Tasks shows it."""
    attempt = TaskAttempt("emails", "17", 3, 3, DIED, is_app_engine=is_app_engine)
    story = runtime.story_of("failed", 3, 500, error, DIED)
    came = request(b'{"to": "ada"}', {"X-Own": "1"})
    task = ParseDict(runtime.letter(came, attempt, DEAD["emails"], story), Task())
    task.create_time.FromDatetime(BORN)
    task.schedule_time.FromDatetime(BORN)
    task.view = 2
    sent = task.app_engine_http_request if is_app_engine else task.http_request
    sent.headers["User-Agent"] = "Google-Cloud-Tasks"
    return task


def test_what_the_library_writes_is_read() -> None:
    """Each header of ours, and the request."""
    try:
        raise ValueError("Käse\nfehlt")
    except ValueError as error:
        letter = dead_letter(buried(error))
    assert (letter.task, letter.reason, letter.attempts, letter.status) == ("17", "failed", 3, 500)
    assert letter.error == "ValueError: Käse\nfehlt"
    assert letter.traceback.endswith("ValueError: Käse\nfehlt\n")
    assert (letter.died, letter.scheduled, letter.created) == (DIED, DIED, BORN)
    assert (letter.method, letter.url) == ("POST", "https://mailer.example/send?x=1")
    assert letter.body == b'{"to": "ada"}'
    assert letter.headers["X-Own"] == "1"
    assert not [name for name in letter.headers if name.startswith(PREFIX)]


def test_the_library_and_the_reader_have_the_same_words() -> None:
    """They cannot import each other."""
    assert PREFIX == runtime.PREFIX
    assert set(REASONS) == set(runtime.Reason.__args__)  # type: ignore[attr-defined]


def test_a_task_that_somebody_else_added_is_a_letter_too() -> None:
    """Nothing tells why it is dead."""
    task = Task(name=f"{QUEUE}-dead/tasks/1")
    task.http_request.url = "https://a.example/"
    task.create_time.FromDatetime(BORN)
    letter = dead_letter(task)
    assert (letter.task, letter.reason, letter.attempts, letter.error) == ("1", "unknown", 0, "")
    assert letter.died == BORN


def test_a_letter_becomes_the_task_that_it_was() -> None:
    """With its own body and headers, and a name that is the same every time."""
    letter = buried()
    task = replayed(letter, QUEUE, deadline=timedelta(seconds=90))
    assert task.name.startswith(f"{QUEUE}/tasks/")
    assert task.name == replayed(letter, QUEUE).name
    assert task.http_request.body == b'{"to": "ada"}'
    assert task.http_request.url == "https://mailer.example/send?x=1"
    assert dict(task.http_request.headers) == {"Content-Type": "application/json", "X-Own": "1"}
    assert (task.dispatch_deadline.seconds, task.view) == (90, 0)
    assert not task.HasField("schedule_time")
    assert not task.HasField("create_time")


def test_a_letter_that_comes_again_is_another_task() -> None:
    """The task of the first may have been done in the meantime."""
    first, second = buried(), buried()
    second.create_time.FromDatetime(BORN + timedelta(days=2))
    assert first.name == second.name
    assert replayed(first, QUEUE).name != replayed(second, QUEUE).name


def test_an_app_engine_task_stays_one() -> None:
    """Its queue sends no others."""
    task = replayed(buried(is_app_engine=True), QUEUE)
    assert task.app_engine_http_request.relative_uri == "/send?x=1"
    assert set(task.app_engine_http_request.headers) == {"Content-Type", "X-Own"}
