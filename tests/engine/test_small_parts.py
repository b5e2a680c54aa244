"""Names, ids, pages, filters, masks and grants."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queuewright.engine.protocol import messages as m
from queuewright.engine.protocol import names
from queuewright.engine.protocol.status import attempt_status, code_name
from queuewright.engine.rules.filters import queue_filter
from queuewright.engine.rules.masks import updated
from queuewright.engine.rules.queue_config import QueueOptions, complete
from queuewright.engine.service.iam import ROLES, Access, check_policy
from queuewright.engine.service.pages import LIFETIME_US, PageTokens, page_size
from queuewright.engine.state.task_ids import TaskIds
from queuewright.errors import Refusal

LOCATION = "projects/p/locations/l"


@settings(deadline=None)
@given(key=st.integers(0, 2**64 - 1), number=st.integers(0, 2**64 - 1))
def test_an_unnamed_tasks_id_leads_back_to_its_number(key: int, number: int) -> None:
    text = TaskIds(key).text(number)
    assert len(text) == 20
    assert TaskIds(key).number(text) == number


@pytest.mark.parametrize("text", ["", "1", "x" * 20, "99999999999999999999", "²" * 20])
def test_other_ids_lead_to_no_number(text: str) -> None:
    assert TaskIds(1).number(text) is None


@pytest.mark.parametrize(
    "name",
    ["", "q", f"{LOCATION}/queues/", f"{LOCATION}/queues/a_b", f"{LOCATION}/queues/{'q' * 101}",
     f"{LOCATION}/queues/q/", "projects//locations/l/queues/q", f"{LOCATION}/queues/q\n"],
)  # fmt: skip
def test_a_malformed_queue_name_is_refused_in_googles_words(name: str) -> None:
    with pytest.raises(Refusal, match="Queue name must be formatted") as refused:
        names.check_queue(name)
    assert isinstance(refused.value.details[0], m.Help)


def test_a_project_may_belong_to_a_domain() -> None:
    name = "projects/example.com:p-1/locations/l/queues/Q-1"
    assert names.check_queue(name) == name


@pytest.mark.parametrize("task_id", ["", "a.b", "é", "x" * 501, "a b"])
def test_a_malformed_task_id_is_refused_in_googles_words(task_id: str) -> None:
    with pytest.raises(Refusal) as refused:
        names.task_name(f"{LOCATION}/queues/q/tasks/{task_id}")
    assert refused.value.message == (
        f'Task ID "{task_id}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), '
        "or underscores (_). Task ID must between 1 and 500 characters."
    )


def test_a_name_that_is_no_tasks_is_refused() -> None:
    with pytest.raises(Refusal, match="Task name must be formatted"):
        names.task_name("projects/p/tasks/t")


def test_a_page_token_leads_on_for_two_hours() -> None:
    pages = PageTokens(1)
    token = pages.token("query", "last", 0)
    assert pages.after(token, "query", LIFETIME_US - 1) == "last"
    with pytest.raises(Refusal, match="expired"):
        pages.after(token, "query", LIFETIME_US)


def test_a_page_token_of_another_request_or_engine_is_refused() -> None:
    token = PageTokens(1).token("query", 5, 0)
    with pytest.raises(Refusal, match="another request"):
        PageTokens(1).after(token, "other", 0)
    with pytest.raises(Refusal, match="invalid"):
        PageTokens(2).after(token, "query", 0)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_no_text_is_taken_for_a_page_token(text: str) -> None:
    if text:
        with pytest.raises(Refusal, match="page token is invalid"):
            PageTokens(1).after(text, "query", 0)


def test_a_page_has_as_many_entries_as_asked_for_up_to_the_most() -> None:
    assert [page_size(asked, 1000) for asked in (0, 1, 1000, 5000)] == [1000, 1, 1000, 1000]
    with pytest.raises(Refusal, match="negative"):
        page_size(-1, 1000)


def queue(**fields: Any) -> m.Queue:
    config = m.Queue(name=f"{LOCATION}/queues/emails", state=1, **fields)
    complete(config, QueueOptions(), lambda _: 10)
    return config


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("state: PAUSED", False),
        ("state = RUNNING", True),
        ("state=running", True),
        ("state != PAUSED", True),
        ("rateLimits.maxDispatchesPerSecond >= 500", True),
        ("rate_limits.max_dispatches_per_second < 500", False),
        ("retryConfig.minBackoff = 0.1s", True),
        ("retryConfig.maxBackoff > 1h", None),
        ("retryConfig.maxBackoff > 3599s", True),
        ("name:EMAILS", True),
        ('name="projects/p/locations/l/queues/emails"', True),
        ("httpTarget:*", False),
        ("rateLimits:*", True),
        ("NOT state:PAUSED", True),
        ("state:PAUSED OR retryConfig.maxAttempts=100", True),
        ("state:RUNNING retryConfig.maxAttempts=7", False),
        ("state:RUNNING AND (state:PAUSED OR name:mail)", True),
        ("purgeTime > \"2020-01-01T00:00:00Z\"", False),
        ("colour = red", None),
        ("state", None),
        ("state = ", None),
        ("state = PURPLE", None),
        ("(state = RUNNING", None),
        ("state = RUNNING)", None),
        ('name = "unclosed', None),
        ("rateLimits = 5", None),
        ("(" * 500 + "state=RUNNING" + ")" * 500, None),
    ],
)  # fmt: skip
def test_a_filter_says_which_queues_are_listed_or_is_refused(
    text: str, matches: bool | None
) -> None:
    if matches is None:
        with pytest.raises(Refusal, match="Invalid filter"):
            queue_filter(text)
    else:
        assert queue_filter(text)(queue()) is matches


@pytest.mark.parametrize("path", ["retry_config.max_attempts", "retryConfig.maxAttempts"])
def test_a_mask_writes_what_it_names_and_nothing_else(path: str) -> None:
    current = queue(rate_limits=m.RateLimits(max_dispatches_per_second=5))
    result = updated(current, m.Queue(retry_config=m.RetryConfig(max_attempts=7)), [path])
    assert result.retry_config.max_attempts == 7
    assert result.retry_config.max_doublings == 16
    assert result.rate_limits.max_dispatches_per_second == 5


@pytest.mark.parametrize("paths", [[], ["*"]])
def test_an_empty_mask_writes_everything_that_can_be_written(paths: list[str]) -> None:
    current = queue(rate_limits=m.RateLimits(max_dispatches_per_second=5))
    current.purge_time.seconds = 9
    result = updated(current, m.Queue(name="other", state=2), paths)
    assert not result.HasField("rate_limits")
    assert result.name == current.name
    assert result.state == 1
    assert result.purge_time.seconds == 9


def test_a_mask_of_output_only_fields_changes_nothing() -> None:
    current = queue()
    wanted = m.Queue(state=2, rate_limits=m.RateLimits(max_burst_size=3))
    paths = ["state", "name", "purgeTime", "rateLimits.maxBurstSize"]
    assert updated(current, wanted, paths) == current


def test_a_mask_clears_what_is_not_given() -> None:
    current = queue(http_target=m.HttpTarget(http_method=2))
    assert not updated(current, m.Queue(), ["httpTarget"]).HasField("http_target")
    assert updated(current, m.Queue(), ["http_target.http_method"]).http_target.http_method == 0


@pytest.mark.parametrize(
    "path", ["colour", "rate_limits.colour", "name.x", "", "http_target.header_overrides.header"]
)
def test_a_mask_that_names_no_field_is_refused(path: str) -> None:
    with pytest.raises(Refusal, match="Invalid field path"):
        updated(queue(), m.Queue(), [path])


def test_a_grant_is_for_one_queue_a_project_or_everything() -> None:
    access = Access()
    access.grant("user:a", "roles/cloudtasks.enqueuer", f"{LOCATION}/queues/q")
    access.grant("user:b", "roles/cloudtasks.enqueuer", "projects/p")
    access.grant("user:c", "roles/cloudtasks.enqueuer", None)
    create = "cloudtasks.tasks.create"
    allowed = {
        (who, where): access.allows(f"user:{who}", create, f"projects/{where}/locations/l/queues/q")
        for who in "abcd"
        for where in ("p", "z")
    }
    assert [key for key, value in allowed.items() if value] == [
        ("a", "p"), ("b", "p"), ("c", "p"), ("c", "z"),
    ]  # fmt: skip


def test_a_queues_own_policy_counts_for_that_queue() -> None:
    policy = m.Policy(bindings=[m.Binding(role="roles/cloudtasks.viewer", members=["user:a"])])
    access = Access()
    assert access.allows("user:a", "cloudtasks.queues.get", "q", policy)
    assert not access.allows("user:a", "cloudtasks.tasks.create", "q", policy)
    assert not access.allows("user:b", "cloudtasks.queues.get", "q", policy)


def test_a_denial_is_in_googles_words_followed_by_ours() -> None:
    access = Access(lambda _principal, permission, _resource: f"Ask for {permission}.")
    with pytest.raises(Refusal) as refused:
        access.check("user:a", "cloudtasks.tasks.create", "projects/p/locations/l/queues/q")
    assert refused.value.code == "PERMISSION_DENIED"
    assert refused.value.message == (
        'The principal (user or service account) lacks IAM permission "cloudtasks.tasks.create" '
        'for the resource "projects/p/locations/l/queues/q" (or the resource may not exist). '
        "Ask for cloudtasks.tasks.create."
    )


def test_an_enqueuer_may_not_look_at_tasks_or_the_queue() -> None:
    assert ROLES["roles/cloudtasks.enqueuer"] == {
        "cloudtasks.tasks.create", "cloudtasks.tasks.fullView",
    }  # fmt: skip
    assert not any(
        "tasks." in name for name in ROLES["roles/cloudtasks.queueAdmin"] if ".tasks." in name
    )


def test_a_policy_with_a_condition_is_refused_rather_than_half_kept() -> None:
    binding = m.Binding(role="roles/viewer", members=["user:a"], condition=m.Expr(expression="x"))
    with pytest.raises(Refusal, match="not emulated"):
        check_policy(m.Policy(bindings=[binding]))
    with pytest.raises(Refusal, match="unknown type"):
        check_policy(m.Policy(bindings=[m.Binding(role="roles/viewer", members=["ada"])]))
    with pytest.raises(Refusal, match="not supported"):
        check_policy(m.Policy(bindings=[m.Binding(role="viewer", members=["user:a"])]))


@pytest.mark.parametrize(
    ("http_code", "name"),
    [(200, "OK"), (299, "OK"), (302, "UNKNOWN"), (400, "INVALID_ARGUMENT"), (404, "NOT_FOUND"),
     (418, "FAILED_PRECONDITION"), (429, "RESOURCE_EXHAUSTED"), (500, "UNKNOWN"),
     (502, "INTERNAL"), (503, "UNAVAILABLE"), (599, "INTERNAL"), (-1, "DEADLINE_EXCEEDED"),
     (-2, "UNAVAILABLE")],
)  # fmt: skip
def test_an_http_code_has_a_canonical_name(http_code: int, name: str) -> None:
    assert code_name(http_code) == name


def test_the_status_of_an_attempt_reads_as_the_real_services() -> None:
    status = attempt_status(502)
    assert (status.code, status.message) == (13, "INTERNAL(13): HTTP status code 502")
