"""A table is trusted once breaking the rule has broken the table.

Each mutation is a rule done wrong, most of them as some emulator does it; beside it stands the
case that catches it. The case passes without the mutation: that is `test_table`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from queuewright.engine.dispatch import attempts, dispatcher, registry
from queuewright.engine.dispatch.tokens import Signer
from queuewright.engine.protocol.messages import Task, UriOverride
from queuewright.engine.rules import http_request, task_message
from queuewright.engine.rules import schedule as queue
from queuewright.engine.rules.bucket import TokenBucket
from queuewright.engine.rules.http_request import AttemptFacts
from queuewright.engine.rules.retry import RetryPolicy
from queuewright.engine.service import batch as batch_calls
from queuewright.engine.service import calls, task_view
from queuewright.engine.service import queues as queue_calls
from queuewright.engine.service import tasks as task_calls
from queuewright.engine.service.pages import PageTokens
from tests.conformance.runner import DeviationError, run, table

CASES = {case.name: case for case in table()}

Patch = Callable[[pytest.MonkeyPatch], None]
MUTATIONS: list[tuple[Patch, str]] = []


def caught_by(*cases: str) -> Callable[[Patch], Patch]:
    """Enter a mutation, with the cases that have to fail under it."""

    def enter(mutation: Patch) -> Patch:
        MUTATIONS.extend((mutation, case) for case in cases)
        return mutation

    return enter


@caught_by("backoff-googles-example", "backoff-one-doubling")
def backoff_stops_growing_after_its_doublings(patch: pytest.MonkeyPatch) -> None:
    def wrong(policy: RetryPolicy, failures: int) -> int:
        doublings = min(failures - 1, policy.max_doublings)
        return min(policy.min_backoff_us << doublings, policy.max_backoff_us)

    patch.setattr(dispatcher, "backoff_us", wrong)


@caught_by("backoff-googles-example", "backoff-default-longest")
def backoff_has_no_longest(patch: pytest.MonkeyPatch) -> None:
    right = dispatcher.backoff_us
    patch.setattr(
        dispatcher,
        "backoff_us",
        lambda policy, failures: right(_with(policy, max_backoff_us=10**18), failures),
    )


@caught_by("backoff-counts-from-the-failure")
def backoff_counts_from_the_dispatch(patch: pytest.MonkeyPatch) -> None:
    right = dispatcher.Dispatcher._next_us

    def wrong(self: Any, attempt: Any, now_us: int) -> int | None:
        next_us = right(self, attempt, now_us)
        return None if next_us is None else next_us - (now_us - attempt.dispatch_us)

    patch.setattr(dispatcher.Dispatcher, "_next_us", wrong)


@caught_by("both-bounds-must-be-reached")
def attempts_alone_end_a_task(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        dispatcher,
        "is_exhausted",
        lambda policy, attempts, _: policy.max_attempts != -1 and attempts >= policy.max_attempts,
    )


@caught_by("duration-alone-is-not-enough")
def duration_alone_ends_a_task(patch: pytest.MonkeyPatch) -> None:
    right = dispatcher.is_exhausted
    patch.setattr(
        dispatcher,
        "is_exhausted",
        lambda policy, attempts, elapsed_us: (
            right(policy, attempts, elapsed_us) or 0 < policy.max_retry_duration_us <= elapsed_us
        ),
    )


@caught_by("unlimited-both-ends-with-retention")
def unlimited_is_a_hundred(patch: pytest.MonkeyPatch) -> None:
    right = dispatcher.is_exhausted
    patch.setattr(
        dispatcher,
        "is_exhausted",
        lambda policy, attempts, elapsed_us: attempts >= 3 or right(policy, attempts, elapsed_us),
    )


@caught_by("attempts-counted-with-the-first")
def max_attempts_counts_retries_only(patch: pytest.MonkeyPatch) -> None:
    right = dispatcher.is_exhausted
    patch.setattr(
        dispatcher,
        "is_exhausted",
        lambda policy, attempts, elapsed_us: right(policy, attempts - 1, elapsed_us),
    )


@caught_by("retry-config-of-the-task")
def the_tasks_own_retry_configuration_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(attempts.Attempt, "retry", property(lambda self: self.queue.retry))


@caught_by("burst-then-rate", "retries-take-tokens", "fractional-rate")
def the_rate_is_not_minded(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(TokenBucket, "take", lambda _, now_us: now_us >= 0)


@caught_by("burst-then-rate")
def the_bucket_begins_empty(patch: pytest.MonkeyPatch) -> None:
    right = TokenBucket.__init__

    def wrong(self: Any, rate: Any, burst: int, now_us: int) -> None:
        right(self, rate, burst, now_us)
        self._level = 0

    patch.setattr(TokenBucket, "__init__", wrong)


@caught_by("tokens-come-back")
def the_bucket_has_no_brim(patch: pytest.MonkeyPatch) -> None:
    right = TokenBucket.__init__

    def wrong(self: Any, rate: Any, burst: int, now_us: int) -> None:
        right(self, rate, burst, now_us)
        self._full *= 1_000

    patch.setattr(TokenBucket, "__init__", wrong)


@caught_by("concurrency")
def concurrency_is_not_minded(patch: pytest.MonkeyPatch) -> None:
    right = registry.limits
    patch.setattr(
        registry,
        "limits",
        lambda config: queue.QueueLimits(right(config).rate, right(config).burst, 5_000),
    )


@caught_by("never-early")
def tasks_start_a_little_early(patch: pytest.MonkeyPatch) -> None:
    right = queue.QueueCore.add
    patch.setattr(
        queue.QueueCore, "add", lambda self, task, due_us: right(self, task, due_us - 1_000)
    )


@caught_by("paused-dispatches-nothing", "task-views")
def a_paused_queue_goes_on(patch: pytest.MonkeyPatch) -> None:
    right = queue.QueueCore.start_due

    def wrong(self: Any, now_us: int) -> list[int]:
        self.paused = False
        return right(self, now_us)

    patch.setattr(queue.QueueCore, "start_due", wrong)


@caught_by("mask-one-field", "mask-nested-target")
def a_mask_is_taken_for_all_fields(patch: pytest.MonkeyPatch) -> None:
    right = queue_calls.updated
    patch.setattr(queue_calls, "updated", lambda current, wanted, _: right(current, wanted, ()))


@caught_by("mask-empty-resets")
def an_empty_mask_writes_only_what_is_given(patch: pytest.MonkeyPatch) -> None:
    right = queue_calls.updated

    def wrong(current: Any, wanted: Any, paths: list[str]) -> Any:
        given = [field.name for field, _ in wanted.ListFields()]
        return right(current, wanted, paths or given)

    patch.setattr(queue_calls, "updated", wrong)


@caught_by("task-name-taken-after-success", "task-name-taken-after-delete", "task-gone")
def names_of_past_tasks_are_free(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        calls.Calls,
        "_is_taken",
        lambda self, queue, task_id: self._store.find(queue.number, task_id) is not None,
    )


@caught_by("task-name-taken-after-success", "task-name-reuse-setting")
def names_of_past_tasks_are_taken_for_ever(patch: pytest.MonkeyPatch) -> None:
    for module in (calls, dispatcher):
        patch.setattr(module, "name_reuse_us", lambda *_: 10**15)


@caught_by("queue-existed-recently", "update-recently-deleted")
def names_of_past_queues_are_free(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(registry.Registry, "existed_recently", lambda *_: False)


@caught_by("counts-http")
def executions_of_http_targets_count_5xx(patch: pytest.MonkeyPatch) -> None:
    _facts(patch, lambda facts: facts.response_count)


@caught_by("counts-app-engine")
def executions_of_app_engine_leave_out_5xx(patch: pytest.MonkeyPatch) -> None:
    _facts(patch, lambda facts: facts.execution_count)


@caught_by("counts-http", "eta-of-a-retry")
def a_retry_looks_like_a_first_attempt(patch: pytest.MonkeyPatch) -> None:
    def wrong(**facts: Any) -> AttemptFacts:
        first = {"retry_count": 0, "response_count": 0, "execution_count": 0, "schedule_us": 0}
        return AttemptFacts(**{**facts, **first})

    patch.setattr(attempts, "AttemptFacts", wrong)


@caught_by("headers-of-the-first-attempt", "eta-of-a-retry")
def the_eta_has_whole_seconds(patch: pytest.MonkeyPatch) -> None:
    right = http_request._facts

    def wrong(prefix: str, facts: AttemptFacts, count: int) -> Any:
        headers = right(prefix, facts, count)
        return [
            (name, value.partition(".")[0] if name.endswith("TaskETA") else value)
            for name, value in headers
        ]

    patch.setattr(http_request, "_facts", wrong)


@caught_by("headers-of-the-first-attempt")
def a_content_type_is_added(patch: pytest.MonkeyPatch) -> None:
    right = http_request._allowed
    patch.setattr(
        http_request,
        "_allowed",
        lambda headers: [*right(headers), ("Content-Type", "application/octet-stream")],
    )


@caught_by("reserved-headers-replaced")
def reserved_headers_pass(patch: pytest.MonkeyPatch) -> None:
    framing = ("host", "content-length")  # without these nothing would arrive
    patch.setattr(http_request, "is_reserved", lambda name: name.lower() in framing)


@caught_by("task-views")
def basic_hides_the_headers_too(patch: pytest.MonkeyPatch) -> None:
    right = task_calls.shown

    def wrong(task: Task, name: str, row: Any, flight: Any, view: int) -> Task:
        right(task, name, row, flight, view)
        if view != task_message.FULL:
            task.http_request.headers.clear()
        return task

    patch.setattr(task_calls, "shown", wrong)


@caught_by("task-views", "app-engine-basic-hides-body")
def basic_shows_the_body(patch: pytest.MonkeyPatch) -> None:
    right = task_view.shown_new

    def wrong(task: Task, name: str, schedule_us: int, create_us: int, view: int) -> Task:
        right(task, name, schedule_us, create_us, task_message.FULL)
        task.view = view or task_message.BASIC
        return task

    for module in (task_view, task_calls):
        patch.setattr(module, "shown_new", wrong)


@caught_by("run-task-fails")
def a_run_that_fails_keeps_the_old_schedule(patch: pytest.MonkeyPatch) -> None:
    right = dispatcher.Dispatcher._next_us

    def wrong(self: Any, attempt: Any, now_us: int) -> int | None:
        if attempt.by_hand:
            return int(attempt.flight.row.schedule_us)
        return right(self, attempt, now_us)

    patch.setattr(dispatcher.Dispatcher, "_next_us", wrong)


@caught_by("deadline-cancels", "app-engine-timeout-headers")
def the_deadline_is_not_minded(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(attempts.Attempt, "deadline_us", property(lambda _: 10**18))


@caught_by("redirect-is-a-failure", "every-status-but-2xx-is-retried")
def redirects_are_a_success(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(attempts.Result, "succeeded", property(lambda self: 200 <= self.outcome <= 399))


@caught_by("every-status-but-2xx-is-retried")
def a_404_is_for_good(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        attempts.Result,
        "succeeded",
        property(lambda self: 200 <= self.outcome <= 299 or self.outcome == 404),
    )


@caught_by("page-token-expires")
def page_tokens_are_good_for_ever(patch: pytest.MonkeyPatch) -> None:
    right = PageTokens.after
    patch.setattr(PageTokens, "after", lambda self, token, query, _: right(self, token, query, 0))


@caught_by("schedule-too-far")
def any_schedule_time_is_accepted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(task_message, "_FARTHEST_US", 10**16)


@caught_by("task-too-large")
def any_size_is_accepted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(task_message, "MAX_TASK_BYTES", 2**40)


@caught_by("override-if-not-exists")
def overrides_are_always_enforced(patch: pytest.MonkeyPatch) -> None:
    right = http_request.overridden

    def wrong(url: str, override: UriOverride) -> str:
        always = UriOverride()
        always.CopyFrom(override)
        always.uri_override_enforce_mode = 2
        always.ClearField("host")  # nobody is there
        return right(url, always)

    patch.setattr(http_request, "overridden", wrong)


@caught_by("oidc-of-the-task")
def the_audience_is_only_the_host(patch: pytest.MonkeyPatch) -> None:
    right = Signer.oidc
    patch.setattr(
        Signer,
        "oidc",
        lambda self, email, audience, now_us: right(
            self, email, "/".join(audience.split("/")[:3]), now_us
        ),
    )


@caught_by("oidc-of-the-queue")
def the_tasks_token_goes_before_the_queues(patch: pytest.MonkeyPatch) -> None:
    right = http_request._token

    def wrong(message: Any) -> Any:
        return right(message) if message.DESCRIPTOR.name == "HttpRequest" else None

    patch.setattr(http_request, "_token", wrong)


@caught_by("batch-create-in-part")
def a_batch_ends_at_its_first_mistake(patch: pytest.MonkeyPatch) -> None:
    right = batch_calls.BatchCalls._prepared_in_batch
    refused: list[bool] = []

    def wrong(self: Any, *args: Any) -> Any:
        if refused:
            raise refused_before
        try:
            return right(self, *args)
        except batch_calls.Refusal:
            refused.append(True)
            raise

    refused_before = batch_calls.Refusal("ABORTED", "an earlier request failed")
    patch.setattr(batch_calls.BatchCalls, "_prepared_in_batch", wrong)


@caught_by("purge-drops-tasks")
def a_purge_forgets_nothing(patch: pytest.MonkeyPatch) -> None:
    right = queue_calls.replace

    def wrong(row: Any, **changes: Any) -> Any:
        return right(row, **{**changes, "purged_id": 0})

    patch.setattr(queue_calls, "replace", wrong)
    patch.setattr(queue_calls.QueueCalls, "_emptied", lambda *_: None)


@pytest.mark.parametrize(
    ("mutation", "name"),
    [pytest.param(patch, case, id=f"{patch.__name__}-{case}") for patch, case in MUTATIONS],
)
async def test_the_table_catches(
    mutation: Patch, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With this rule broken, and nothing else, this case fails."""
    case = CASES[name]
    with _broken(mutation), pytest.raises(DeviationError):
        await run(case, case.over[0])
    crashes = [record for record in caplog.records if record.name.startswith("queuewright")]
    assert not crashes, "the mutation is a rule done wrong, not a crash"


def test_there_are_enough_mutations() -> None:
    """At least 15 rules are broken, each once."""
    broken = [mutation.__name__ for mutation, _ in MUTATIONS]
    assert len(set(broken)) >= 15
    assert len({(name, case) for name, (_, case) in zip(broken, MUTATIONS, strict=True)}) == len(
        MUTATIONS
    )


@contextmanager
def _broken(mutation: Patch) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        mutation(patch)
        yield


def _facts(patch: pytest.MonkeyPatch, count: Callable[[AttemptFacts], int]) -> None:
    right = http_request._facts
    patch.setattr(
        http_request,
        "_facts",
        lambda prefix, facts, _: right(prefix, facts, count(facts)),
    )


def _with(policy: RetryPolicy, **changes: int) -> RetryPolicy:
    fields = {name: getattr(policy, name) for name in RetryPolicy.__slots__}
    return RetryPolicy(**{**fields, **changes})
