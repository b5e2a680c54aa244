"""The RPCs: their answers and their refusals."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from queuewright.engine import DEVELOPER, Caller, ManualClock, Settings
from queuewright.engine.api.conversion import converted
from queuewright.engine.protocol import messages as m
from queuewright.engine.protocol import messages_beta, names
from queuewright.engine.rules.queue_config import QueueOptions
from queuewright.engine.service import tasks
from queuewright.errors import Refusal
from tests.engine.stage import LOCATION, QUEUE, URL, Stage, stage

MISSING_QUEUE = (
    "Queue does not exist. If you just created the queue, wait at least a minute for the queue to "
    "initialize."
)
GONE = (
    "The task no longer exists, though a task with this name existed recently. The task either "
    "successfully completed or was deleted."
)


class refused:  # noqa: N801 (reads as a statement: `with refused(...)`)
    """Expect a refusal with this code and text."""

    def __init__(self, code: str, text: str) -> None:
        self.expected = (code, text)

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, _: object) -> bool:
        assert isinstance(error, Refusal), f"expected a refusal, not {error!r}"
        assert (error.code, error.message) == self.expected
        return True


async def delete(s: Stage, name: str) -> None:
    await s.service.delete_task(m.DeleteTaskRequest(name=name), DEVELOPER)


async def delete_queue(s: Stage, name: str = QUEUE) -> None:
    await s.service.delete_queue(m.DeleteQueueRequest(name=name), DEVELOPER)


async def update(s: Stage, paths: list[str], name: str = QUEUE, **fields: Any) -> m.Queue:
    request = m.UpdateQueueRequest(queue=m.Queue(name=name, **fields))
    request.update_mask.paths.extend(paths)
    return await s.service.update_queue(request, DEVELOPER)


async def listed(s: Stage, **fields: Any) -> m.ListQueuesResponse:
    return await s.service.list_queues(m.ListQueuesRequest(parent=LOCATION, **fields), DEVELOPER)


async def test_a_new_queue_shows_googles_defaults() -> None:
    async with stage() as s:
        queue = await s.create_queue(state=2)
        assert queue.state == 1
        assert queue.rate_limits.max_dispatches_per_second == 500
        assert queue.rate_limits.max_burst_size == 100
        assert queue.rate_limits.max_concurrent_dispatches == 1000
        assert queue.retry_config.max_attempts == 100
        assert queue.retry_config.min_backoff.nanos == 100_000_000
        assert queue.retry_config.max_backoff.seconds == 3600
        assert queue.retry_config.max_doublings == 16
        assert not queue.retry_config.HasField("max_retry_duration")
        assert not queue.HasField("purge_time")


async def test_creating_a_queue_twice_is_refused() -> None:
    async with stage() as s:
        await s.create_queue()
        with refused("ALREADY_EXISTS", "Queue already exists"):
            await s.create_queue()


async def test_a_deleted_queues_name_is_taken_for_three_days() -> None:
    async with stage() as s:
        await s.create_queue()
        await delete_queue(s)
        for attempt in (s.create_queue, lambda: update(s, [])):
            with refused(
                "FAILED_PRECONDITION",
                "The queue cannot be created because a queue with this name existed too recently.",
            ):
                await attempt()
        await s.engine.advance("3d")
        await s.create_queue()


async def test_a_configuration_may_use_a_name_that_was_deleted() -> None:
    async with stage() as s:
        await s.create_queue()
        await delete_queue(s)
        await s.engine.declare_queue(m.Queue(name=QUEUE))
        assert [queue.name for queue in (await listed(s)).queues] == [QUEUE]


async def test_declaring_a_queue_again_changes_it_and_keeps_its_tasks_and_state() -> None:
    async with stage() as s:
        await s.engine.declare_queue(m.Queue(name=QUEUE))
        await s.pause()
        task = await s.create_task()
        wanted = m.Queue(name=QUEUE, rate_limits=m.RateLimits(max_dispatches_per_second=7))
        await s.engine.declare_queue(wanted)
        queue = await s.service.get_queue(m.GetQueueRequest(name=QUEUE), DEVELOPER)
        assert (queue.state, queue.rate_limits.max_dispatches_per_second) == (2, 7)
        assert [shown.name for shown in await s.tasks()] == [task.name]
        wanted.state = 1
        await s.engine.declare_queue(wanted)
        await s.engine.drain()
        assert s.outcomes() == ["succeeded"]


async def test_calls_on_a_missing_queue_are_refused_in_googles_words() -> None:
    async with stage() as s:
        service = s.service
        for call in (
            service.get_queue(m.GetQueueRequest(name=QUEUE), DEVELOPER),
            service.pause_queue(m.PauseQueueRequest(name=QUEUE), DEVELOPER),
            service.resume_queue(m.ResumeQueueRequest(name=QUEUE), DEVELOPER),
            service.purge_queue(m.PurgeQueueRequest(name=QUEUE), DEVELOPER),
            service.list_tasks(m.ListTasksRequest(parent=QUEUE), DEVELOPER),
            s.create_task(),
        ):
            with refused("NOT_FOUND", MISSING_QUEUE):
                await call
        with refused("NOT_FOUND", "Requested entity was not found."):
            await delete_queue(s)


async def test_a_setting_gives_the_earlier_answer_to_create_task_on_a_missing_queue() -> None:
    async with stage(settings=Settings(missing_queue_is_precondition=True)) as s:
        with refused("FAILED_PRECONDITION", "Queue does not exist."):
            await s.create_task()


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"rate_limits": m.RateLimits(max_dispatches_per_second=-1)},
         "RateLimits.maxDispatchesPerSecond cannot be negative."),
        ({"rate_limits": m.RateLimits(max_dispatches_per_second=float("nan"))},
         "RateLimits.maxDispatchesPerSecond cannot be negative."),
        ({"rate_limits": m.RateLimits(max_dispatches_per_second=500.1)},
         "RateLimits.maxDispatchesPerSecond must be less than or equal to 500."),
        ({"rate_limits": m.RateLimits(max_concurrent_dispatches=-1)},
         "RateLimits.maxConcurrentDispatches cannot be negative."),
        ({"rate_limits": m.RateLimits(max_concurrent_dispatches=5001)},
         "RateLimits.maxConcurrentDispatches must be less than or equal to 5000."),
        ({"retry_config": m.RetryConfig(max_attempts=-2)},
         "RetryConfig.maxAttempts must be greater or equal to -1."),
        ({"retry_config": m.RetryConfig(max_doublings=-1)},
         "RetryConfig.maxDoublings cannot be negative."),
        ({"stackdriver_logging_config": m.StackdriverLoggingConfig(sampling_ratio=1.1)},
         "StackdriverLoggingConfig.samplingRatio must be between 0.0 and 1.0."),
        ({"http_target": m.HttpTarget(uri_override=m.UriOverride(host=""))},
         "UriOverride.host cannot be empty."),
        ({"http_target": m.HttpTarget(uri_override=m.UriOverride(port=-1))},
         "UriOverride.port must be between 0 and 65535."),
        ({"http_target": m.HttpTarget(oidc_token=m.OidcToken(service_account_email="a"))},
         "HttpTarget.oidcToken must have both serviceAccountEmail and audience."),
        ({"http_target": m.HttpTarget(oauth_token=m.OAuthToken(scope="s"))},
         "HttpTarget.oauthToken must have both serviceAccountEmail and scope."),
    ],
)  # fmt: skip
async def test_a_queue_out_of_range_is_refused_in_googles_words(
    fields: dict[str, Any], text: str
) -> None:
    async with stage() as s:
        with refused("INVALID_ARGUMENT", text):
            await s.create_queue(**fields)
        assert list((await listed(s)).queues) == []


async def test_the_two_backoffs_are_compared_after_the_defaults() -> None:
    async with stage() as s:
        config = m.RetryConfig()
        config.min_backoff.seconds = 7200
        text = "RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff."
        with refused("INVALID_ARGUMENT", text):
            await s.create_queue(retry_config=config)
        config.min_backoff.seconds = -1
        with refused("INVALID_ARGUMENT", "RetryConfig.minBackoff cannot be negative."):
            await s.create_queue(retry_config=config)


async def test_a_burst_that_is_sent_is_ignored_whatever_it_is() -> None:
    async with stage() as s:
        queue = await s.create_queue(rate_limits=m.RateLimits(max_burst_size=-1))
        assert queue.rate_limits.max_burst_size == 100


async def test_an_update_changes_the_fields_of_its_mask() -> None:
    async with stage() as s:
        await s.create_queue(retry_config=m.RetryConfig(max_attempts=7))
        limits = m.RateLimits(max_dispatches_per_second=1, max_concurrent_dispatches=2)
        queue = await update(s, ["rateLimits.maxDispatchesPerSecond"], rate_limits=limits)
        assert queue.rate_limits.max_dispatches_per_second == 1
        assert queue.rate_limits.max_burst_size == 10
        assert queue.rate_limits.max_concurrent_dispatches == 1000
        assert queue.retry_config.max_attempts == 7


@pytest.mark.parametrize("path", ["rateLimits.maxBurstSize", "rateLimits.maxConcurrentDispatches"])
async def test_a_chosen_burst_stays_until_v2_sets_the_rate(path: str) -> None:
    """`max_burst_size` is output only in v2, so a mask that names it writes nothing."""
    async with stage() as s:
        queue = m.Queue(name=QUEUE)
        await s.engine.declare_queue(queue, QueueOptions(burst=77))
        limits = m.RateLimits(max_burst_size=5, max_concurrent_dispatches=9)
        assert (await update(s, [path], rate_limits=limits)).rate_limits.max_burst_size == 77
        rate = m.RateLimits(max_dispatches_per_second=400)
        changed = await update(s, ["rateLimits.maxDispatchesPerSecond"], rate_limits=rate)
        assert changed.rate_limits.max_burst_size == 80


async def test_an_update_without_a_mask_resets_missing_fields() -> None:
    async with stage() as s:
        await s.create_queue(retry_config=m.RetryConfig(max_attempts=7))
        queue = await update(s, [], rate_limits=m.RateLimits(max_dispatches_per_second=3))
        assert queue.rate_limits.max_dispatches_per_second == 3
        assert queue.retry_config.max_attempts == 100


async def test_an_update_creates_a_missing_queue() -> None:
    async with stage() as s:
        queue = await update(s, ["retry_config"], retry_config=m.RetryConfig(max_attempts=3))
        assert (queue.state, queue.retry_config.max_attempts) == (1, 3)


async def test_a_refused_update_leaves_the_queue_as_it_was() -> None:
    async with stage() as s:
        before = await s.create_queue()
        bad = m.RateLimits(max_dispatches_per_second=501)
        text = "RateLimits.maxDispatchesPerSecond must be less than or equal to 500."
        with refused("INVALID_ARGUMENT", text):
            await update(s, ["rate_limits"], rate_limits=bad)
        assert await s.service.get_queue(m.GetQueueRequest(name=QUEUE), DEVELOPER) == before


async def test_an_update_of_the_rate_counts_at_once() -> None:
    async with stage() as s:
        await s.create_queue(rate_limits=m.RateLimits(max_dispatches_per_second=0.001))
        for _ in range(30):
            await s.create_task()
        await s.engine.advance("1s")
        assert len(s.handler.received) == 10
        await update(s, ["rate_limits"], rate_limits=m.RateLimits(max_dispatches_per_second=10))
        await s.engine.advance("2s")
        assert len(s.handler.received) == 30


async def test_a_burst_of_v2beta3_is_kept_until_v2_sets_the_rates() -> None:
    async with stage() as s:
        request = m.CreateQueueRequest(parent=LOCATION, queue=m.Queue(name=QUEUE))
        queue = await s.service.create_queue(request, DEVELOPER, QueueOptions(burst=3))
        assert queue.rate_limits.max_burst_size == 3
        assert (await update(s, ["retry_config"])).rate_limits.max_burst_size == 3
        assert (await update(s, ["rate_limits"])).rate_limits.max_burst_size == 100


async def test_queues_are_listed_in_order_by_pages() -> None:
    async with stage() as s:
        for name in ("c", "a", "b", "B"):
            await s.create_queue(f"{LOCATION}/queues/{name}")
        await s.create_queue("projects/acme/locations/us-east1/queues/d")
        first = await listed(s, page_size=3)
        second = await listed(s, page_size=3, page_token=first.next_page_token)
        names = [queue.name[-1] for page in (first, second) for queue in page.queues]
        assert names == ["B", "a", "b", "c"]
        assert second.next_page_token == ""


async def test_a_filter_may_not_change_while_paging() -> None:
    async with stage() as s:
        for name in "abc":
            await s.create_queue(f"{LOCATION}/queues/{name}")
        page = await listed(s, page_size=1, filter="state: RUNNING")
        with pytest.raises(Refusal, match="belongs to another request"):
            await listed(s, page_token=page.next_page_token)


async def test_a_page_token_is_too_old_after_two_hours() -> None:
    async with stage() as s:
        for name in "abc":
            await s.create_queue(f"{LOCATION}/queues/{name}")
        token = (await listed(s, page_size=1)).next_page_token
        await s.engine.advance("1h59m")
        assert len((await listed(s, page_token=token)).queues) == 2
        await s.engine.advance("1m")
        with refused("INVALID_ARGUMENT", "The page token has expired: it is valid for 2 hours."):
            await listed(s, page_token=token)


async def test_a_new_task_shows_what_was_accepted_without_its_body() -> None:
    async with stage() as s:
        await s.create_queue()
        request = m.HttpRequest(url=URL, body=b"secret", headers={"x-Own": "1"})
        task = await s.create_task(http_request=request)
        assert task.name.startswith(f"{QUEUE}/tasks/")
        assert task.name[-20:].isdecimal()
        assert task.http_request.body == b""
        assert dict(task.http_request.headers) == {
            "x-Own": "1", "User-Agent": "Google-Cloud-Tasks",
        }  # fmt: skip
        assert task.view == 1
        assert task.dispatch_count == 0
        assert not task.HasField("first_attempt")
        assert task.create_time.nanos == 0


async def test_only_the_full_view_shows_the_body() -> None:
    async with stage() as s:
        await s.create_queue()
        await s.pause()
        request = m.HttpRequest(url=URL, body=b"secret")
        task = await s.create_task(http_request=request)
        assert (await s.get_task(task.name)).http_request.body == b""
        full = await s.get_task(task.name, view=2)
        assert (full.http_request.body, full.view) == (b"secret", 2)
        create = m.CreateTaskRequest(
            parent=QUEUE, task=m.Task(http_request=request), response_view=2
        )
        assert (await s.service.create_task(create, DEVELOPER)).http_request.body == b"secret"


async def test_the_creation_time_has_whole_seconds_and_the_schedule_microseconds() -> None:
    async with stage() as s:
        await s.create_queue()
        await s.pause()
        await s.engine.advance(timedelta(microseconds=1_250_001))
        task = await s.create_task()
        assert task.create_time.ToMicroseconds() == s.clock.now_us() // 10**6 * 10**6
        assert task.schedule_time.ToMicroseconds() == s.clock.now_us()


async def test_a_name_that_is_in_use_is_refused_whatever_the_task() -> None:
    async with stage() as s:
        await s.create_queue()
        await s.pause()
        await s.create_task(task_id="a")
        with refused("ALREADY_EXISTS", "Requested entity already exists"):
            await s.create_task(task_id="a", http_request=m.HttpRequest(url="https://other/"))


@pytest.mark.parametrize("end", ["succeeded", "deleted", "gave_up", "purged"])
async def test_the_name_of_a_finished_task_stays_taken_for_a_day(end: str) -> None:
    async with stage() as s:
        await s.create_queue(retry_config=m.RetryConfig(max_attempts=1))
        if end in ("deleted", "purged"):
            await s.pause()
        s.handler.otherwise = 500 if end == "gave_up" else 200
        task = await s.create_task(task_id="a")
        if end == "deleted":
            await delete(s, task.name)
        if end == "purged":
            await s.service.purge_queue(m.PurgeQueueRequest(name=QUEUE), DEVELOPER)
        await s.engine.advance("23h59m59s")
        with refused("ALREADY_EXISTS", "Requested entity already exists"):
            await s.create_task(task_id="a")
        with refused("NOT_FOUND", GONE):
            await s.get_task(task.name)
        with refused("NOT_FOUND", GONE):
            await delete(s, task.name)
        await s.engine.advance("2s")
        await s.create_task(task_id="a")


async def test_names_can_be_made_free_for_the_next_test() -> None:
    async with stage() as s:
        await s.create_queue()
        await s.create_queue(f"{QUEUE}-2")
        await s.create_task(task_id="done")
        await s.engine.drain()
        await s.pause()
        await s.create_task(task_id="purged")
        await s.service.purge_queue(m.PurgeQueueRequest(name=QUEUE), DEVELOPER)
        await delete_queue(s, f"{QUEUE}-2")
        s.engine.reset_names()
        await s.create_task(task_id="done")
        await s.create_task(task_id="purged")
        await s.create_queue(f"{QUEUE}-2")


async def test_without_a_reuse_time_a_name_is_free_at_once() -> None:
    async with stage(settings=Settings(task_name_reuse=timedelta(0))) as s:
        await s.create_queue()
        for _ in range(3):
            await s.create_task(task_id="a")
            await s.engine.drain()
        assert s.outcomes() == ["succeeded"] * 3


async def test_a_finished_unnamed_task_is_known_to_have_existed() -> None:
    async with stage() as s:
        await s.create_queue()
        task = await s.create_task()
        await s.engine.drain()
        with refused("NOT_FOUND", GONE):
            await s.get_task(task.name)
        with refused("NOT_FOUND", "Requested entity was not found."):
            await s.get_task(f"{QUEUE}/tasks/01234567890123456789")


@pytest.mark.parametrize("name", [f"{QUEUE}/tasks/never", f"{LOCATION}/queues/none/tasks/t"])
async def test_a_task_that_never_existed_is_not_found(name: str) -> None:
    async with stage() as s:
        await s.create_queue()
        for call in (s.get_task(name), delete(s, name), s.run(name)):
            with refused("NOT_FOUND", "Requested entity was not found."):
                await call


def later(s: Stage) -> Any:
    task = m.Task()
    task.schedule_time.FromMicroseconds(s.clock.now_us() + 3_600_000_000)
    return task.schedule_time


def named(name: str) -> m.CreateTaskRequest:
    queue = name.partition("/tasks/")[0]
    return m.CreateTaskRequest(
        parent=queue, task=m.Task(name=name, http_request=m.HttpRequest(url=URL))
    )


async def test_the_id_of_a_task_without_a_name_is_no_name_for_another() -> None:
    async with stage() as s:
        target = m.HttpTarget(uri_override=m.UriOverride(host="h.example"))
        await s.create_queue(http_target=target)
        await s.pause()
        task = await s.create_task()
        with refused("ALREADY_EXISTS", "Requested entity already exists"):
            await s.service.create_task(named(task.name), DEVELOPER)
        with refused("ALREADY_EXISTS", "Requested entity already exists"):
            await s.service.buffer_task(QUEUE, names.short(task.name), {}, b"", DEVELOPER)
        batch = m.BatchCreateTasksRequest(parent=QUEUE, requests=[named(task.name)])
        operation = await s.service.batch_create_tasks(batch, DEVELOPER)
        assert operation.HasField("error")
        assert [shown.name for shown in await s.tasks()] == [task.name]


@pytest.mark.parametrize("end", ["success", "delete", "purge"])
async def test_the_id_of_a_task_without_a_name_stays_taken_when_it_is_gone(end: str) -> None:
    async with stage() as s:
        await s.create_queue()
        task = await s.create_task(schedule_time=later(s))
        if end == "success":
            await s.engine.drain()
        elif end == "delete":
            await delete(s, task.name)
        else:
            await s.service.purge_queue(m.PurgeQueueRequest(name=QUEUE), DEVELOPER)
        await s.engine.advance("2h")
        with refused("ALREADY_EXISTS", "Requested entity already exists"):
            await s.service.create_task(named(task.name), DEVELOPER)
        s.engine.reset_names()
        await s.service.create_task(named(task.name), DEVELOPER)


async def test_without_a_reuse_time_the_id_of_a_task_that_is_gone_is_free_at_once() -> None:
    async with stage(settings=Settings(task_name_reuse=timedelta(0))) as s:
        await s.create_queue()
        await s.pause()
        task = await s.create_task()
        with refused("ALREADY_EXISTS", "Requested entity already exists"):
            await s.service.create_task(named(task.name), DEVELOPER)
        await delete(s, task.name)
        await s.service.create_task(named(task.name), DEVELOPER)
        await delete(s, task.name)
        assert await s.tasks() == []


async def test_a_task_may_be_moved_to_another_queue_under_its_id() -> None:
    other = f"{QUEUE}-2"
    async with stage() as s:
        for queue in (QUEUE, other):
            await s.create_queue(queue)
            await s.pause(queue)
        task = await s.create_task()
        moved = task.name.replace(QUEUE, other)
        await s.service.create_task(named(moved), DEVELOPER)
        await delete(s, task.name)
        assert (await s.get_task(moved)).name == moved


def ids_to_come(s: Stage, *ahead: int) -> list[str]:
    """The names that later tasks without a name would get; with a seed, they are known."""
    ids, last = s.engine.service._parts.ids, s.engine._store.last_id
    return [f"{QUEUE}/tasks/{ids.text(last + number)}" for number in ahead]


async def test_a_task_without_a_name_gets_no_id_that_a_user_gave_as_a_name(tmp_path: Path) -> None:
    clock = ManualClock()
    async with stage(state=tmp_path, clock=clock) as s:
        await s.create_queue()
        await s.pause()
        for name in ids_to_come(s, 2, 3, 5):
            await s.service.create_task(named(name), DEVELOPER)
        for name in ids_to_come(s, 100_000 + 5):
            await s.service.create_task(named(name), DEVELOPER)
            await delete(s, name)
        for _ in range(20):
            await s.create_task()
    async with stage(state=tmp_path, clock=clock) as s:
        for _ in range(20):
            await s.create_task()
        found = [task.name for task in await s.tasks()]
        assert len(found) == len(set(found)) == 43
        assert name not in found, "it was used until recently"


async def test_a_batch_gives_no_id_that_it_has_as_a_name() -> None:
    async with stage() as s:
        await s.create_queue()
        await s.pause()
        requests = [named(name) for name in ids_to_come(s, 2, 4)]
        requests += [m.CreateTaskRequest(task=m.Task(http_request=m.HttpRequest(url=URL)))] * 20
        batch = m.BatchCreateTasksRequest(parent=QUEUE, requests=requests)
        await s.service.batch_create_tasks(batch, DEVELOPER)
        found = [task.name for task in await s.tasks()]
        assert len(found) == len(set(found)) == 22


async def test_a_task_of_another_queue_is_not_found_by_its_number() -> None:
    async with stage() as s:
        await s.create_queue()
        await s.create_queue(f"{QUEUE}-2")
        await s.pause()
        task = await s.create_task()
        with pytest.raises(Refusal):
            await s.get_task(task.name.replace(QUEUE, f"{QUEUE}-2"))


async def test_a_task_named_for_another_queue_is_refused() -> None:
    async with stage() as s:
        await s.create_queue()
        task = m.Task(name=f"{LOCATION}/queues/other/tasks/t")
        task.http_request.url = URL
        with refused(
            "INVALID_ARGUMENT",
            f"The queue name from request ('{QUEUE}') must be the same as the queue name in the "
            f"named task ('{LOCATION}/queues/other').",
        ):
            await s.service.create_task(m.CreateTaskRequest(parent=QUEUE, task=task), DEVELOPER)


async def test_tasks_are_listed_by_pages_each_once() -> None:
    async with stage() as s:
        await s.create_queue()
        await s.create_queue(f"{QUEUE}-2")
        await s.pause()
        names = []
        for index in range(7):
            names.append((await s.create_task(task_id="" if index % 2 else f"t{index}")).name)
            await s.create_task(f"{QUEUE}-2")
        found: list[str] = []
        token = ""
        while True:
            request = m.ListTasksRequest(parent=QUEUE, page_size=3, page_token=token)
            page = await s.service.list_tasks(request, DEVELOPER)
            assert len(page.tasks) <= 3
            found += [task.name for task in page.tasks]
            token = page.next_page_token
            if not token:
                break
        assert found == names


async def test_a_page_of_large_tasks_ends_early_and_goes_on() -> None:
    async with stage() as s:
        await s.create_queue()
        await s.pause()
        for _ in range(6):
            await s.create_task(http_request=m.HttpRequest(url=URL, body=b"x" * 1_000_000))
        request = m.ListTasksRequest(parent=QUEUE, response_view=2)
        first = await s.service.list_tasks(request, DEVELOPER)
        assert len(first.tasks) == 4
        request.page_token = first.next_page_token
        assert len((await s.service.list_tasks(request, DEVELOPER)).tasks) == 2


GRPC_LIMIT = 4 * 1024 * 1024
"""What a gRPC client takes in one message unless it is told otherwise."""


@pytest.mark.parametrize("view", [1, 2], ids=["basic", "full"])
@pytest.mark.parametrize("size", [4_000, 16_000, 70_000])
async def test_no_page_is_too_large_for_a_grpc_client(view: int, size: int) -> None:
    """Also with all the headers that a task may have, which every view shows."""
    headers = {f"X-{number}": "x" * (size // 10) for number in range(10)}
    async with stage() as s:
        await s.create_queue()
        await s.pause()
        body = b"x" * size if view == 2 else b""
        http = m.HttpRequest(url=URL, headers=headers, body=body)
        count = 2 * GRPC_LIMIT // size
        for _ in range(count // 100 + 1):
            requests = [m.CreateTaskRequest(task=m.Task(http_request=http))] * 50
            batch = m.BatchCreateTasksRequest(parent=QUEUE, requests=requests)
            await s.service.batch_create_tasks(batch, DEVELOPER)
        request = m.ListTasksRequest(parent=QUEUE, response_view=view)
        found: list[str] = []
        while not found or request.page_token:
            page = await s.service.list_tasks(request, DEVELOPER)
            beta = converted(page, messages_beta.ListTasksResponse)
            assert max(page.ByteSize(), beta.ByteSize()) <= GRPC_LIMIT
            if page.next_page_token:
                assert len(page.tasks) == 1_000 or page.ByteSize() > GRPC_LIMIT * 0.9
            found += [task.name for task in page.tasks]
            request.page_token = page.next_page_token
        assert len(set(found)) == len(found) == (count // 100 + 1) * 50


async def test_a_task_too_large_for_any_page_has_one_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "_PAGE_BYTES", 1_000)
    async with stage() as s:
        await s.create_queue()
        await s.pause()
        names = [
            (await s.create_task(http_request=m.HttpRequest(url=URL, body=b"x" * size))).name
            for size in (10, 5_000, 10)
        ]
        request = m.ListTasksRequest(parent=QUEUE, response_view=2)
        for name in names:
            page = await s.service.list_tasks(request, DEVELOPER)
            assert [task.name for task in page.tasks] == [name]
            request.page_token = page.next_page_token
        assert not request.page_token


async def test_a_buffered_request_becomes_a_task_of_the_queues_target() -> None:
    async with stage() as s:
        target = m.HttpTarget(uri_override=m.UriOverride(host="h.example", port=8080, scheme=1))
        target.uri_override.path_override.path = "/hook"
        await s.create_queue(http_target=target)
        headers = {"X-Own": "1", "Host": "127.0.0.1", "Content-Length": "2", "Connection": "close"}
        task = await s.service.buffer_task(QUEUE, "mine", headers, b"{}", DEVELOPER)
        assert task.name == f"{QUEUE}/tasks/mine"
        await s.engine.drain()
        [request] = s.handler.received
        assert (request.method, request.url) == ("POST", "http://h.example:8080/hook")
        assert request.body == b"{}"
        assert s.handler.headers(0)["X-Own"] == "1"


async def test_only_a_queue_with_a_target_takes_buffered_requests() -> None:
    async with stage() as s:
        await s.create_queue()
        with pytest.raises(Refusal, match="must have an httpTarget") as refusal:
            await s.service.buffer_task(QUEUE, "", {}, b"", DEVELOPER)
        assert refusal.value.code == "FAILED_PRECONDITION"


async def test_a_principal_may_do_what_it_was_granted_and_no_more() -> None:
    async with stage() as s:
        await s.create_queue()
        await s.create_queue(f"{QUEUE}-2")
        web = Caller("serviceAccount:web@acme.iam.gserviceaccount.com")
        s.engine.grant(web.principal or "", "roles/cloudtasks.enqueuer", QUEUE)
        task = m.Task(http_request=m.HttpRequest(url=URL))
        await s.service.create_task(m.CreateTaskRequest(parent=QUEUE, task=task), web)
        lacks = (
            'The principal (user or service account) lacks IAM permission "{}" for the resource '
            '"{}" (or the resource may not exist).'
        )
        with refused("PERMISSION_DENIED", lacks.format("cloudtasks.tasks.create", f"{QUEUE}-2")):
            await s.service.create_task(m.CreateTaskRequest(parent=f"{QUEUE}-2", task=task), web)
        with refused("PERMISSION_DENIED", lacks.format("cloudtasks.queues.get", QUEUE)):
            await s.service.get_queue(m.GetQueueRequest(name=QUEUE), web)
        with refused("PERMISSION_DENIED", lacks.format("cloudtasks.tasks.list", QUEUE)):
            await s.service.list_tasks(m.ListTasksRequest(parent=QUEUE), web)
        with refused("PERMISSION_DENIED", lacks.format("cloudtasks.queues.delete", QUEUE)):
            await s.service.delete_queue(m.DeleteQueueRequest(name=QUEUE), web)


async def test_a_token_in_a_task_needs_the_right_to_act_as_its_account() -> None:
    async with stage() as s:
        await s.create_queue()
        web = Caller("serviceAccount:web@acme")
        s.engine.grant("serviceAccount:web@acme", "roles/cloudtasks.enqueuer", QUEUE)
        token = m.OidcToken(service_account_email="invoker@acme")
        task = m.Task(http_request=m.HttpRequest(url=URL, oidc_token=token))
        request = m.CreateTaskRequest(parent=QUEUE, task=task)
        with pytest.raises(Refusal, match=r'lacks IAM permission "iam\.serviceAccounts\.actAs"'):
            await s.service.create_task(request, web)
        account = "projects/-/serviceAccounts/invoker@acme"
        s.engine.grant("serviceAccount:web@acme", "roles/iam.serviceAccountUser", account)
        await s.service.create_task(request, web)


async def test_a_policy_that_is_set_on_a_queue_counts_and_guards_against_overwriting() -> None:
    async with stage() as s:
        await s.create_queue()
        web = Caller("user:web@acme")
        get = m.GetIamPolicyRequest(resource=QUEUE)
        empty = await s.service.get_iam_policy(get, DEVELOPER)
        assert list(empty.bindings) == []
        binding = m.Binding(role="roles/cloudtasks.viewer", members=["user:web@acme"])
        policy = m.Policy(bindings=[binding], etag=empty.etag)
        put = m.SetIamPolicyRequest(resource=QUEUE, policy=policy)
        kept = await s.service.set_iam_policy(put, DEVELOPER)
        assert kept.etag != empty.etag
        await s.service.get_queue(m.GetQueueRequest(name=QUEUE), web)
        with pytest.raises(Refusal, match="concurrent policy changes") as refusal:
            await s.service.set_iam_policy(put, DEVELOPER)
        assert refusal.value.code == "ABORTED"


async def test_permissions_can_be_tested_on_a_missing_queue() -> None:
    async with stage() as s:
        web = Caller("user:web@acme")
        s.engine.grant("user:web@acme", "roles/cloudtasks.enqueuer", QUEUE)
        asked = ["cloudtasks.tasks.create", "cloudtasks.queues.delete"]
        request = m.TestIamPermissionsRequest(resource=QUEUE, permissions=asked)
        test = s.service.test_iam_permissions
        assert list((await test(request, DEVELOPER)).permissions) == []
        await s.create_queue()
        assert list((await test(request, DEVELOPER)).permissions) == asked
        assert list((await test(request, web)).permissions) == asked[:1]


async def test_locations_are_listed_and_every_location_exists() -> None:
    async with stage() as s:
        await s.create_queue("projects/acme/locations/moon/queues/q")
        request = m.ListLocationsRequest(name="projects/acme")
        response = await s.service.list_locations(request, DEVELOPER)
        assert {"moon", "europe-west1"} <= {place.location_id for place in response.locations}
        name = "projects/acme/locations/mars"
        place = await s.service.get_location(m.GetLocationRequest(name=name), DEVELOPER)
        assert (place.name, place.location_id) == (name, "mars")


async def test_customer_managed_keys_are_refused() -> None:
    async with stage() as s:
        name = f"{LOCATION}/cmekConfig"
        config = await s.service.get_cmek_config(m.GetCmekConfigRequest(name=name), DEVELOPER)
        assert (config.name, config.kms_key) == (name, "")
        request = m.UpdateCmekConfigRequest(cmek_config=m.CmekConfig(name=name, kms_key="k"))
        with refused("UNIMPLEMENTED", "Customer-managed encryption keys are not emulated."):
            await s.service.update_cmek_config(request, DEVELOPER)


async def test_two_queues_of_one_name_in_two_places_are_two_queues() -> None:
    async with stage() as s:
        await s.create_queue()
        await s.create_queue("projects/other/locations/europe-west1/queues/emails")
        await s.create_task()
        await s.engine.drain()
        assert len(s.handler.received) == 1


async def test_a_buffered_request_goes_to_the_queues_host_in_either_mode() -> None:
    async with stage() as s:
        override = m.UriOverride(host="h.example", uri_override_enforce_mode=1)
        await s.create_queue(http_target=m.HttpTarget(uri_override=override))
        task = await s.service.buffer_task(QUEUE, "", {}, b"", DEVELOPER)
        assert task.http_request.url == "https://h.example/"
        await s.engine.drain()
        assert s.handler.received[0].url == "https://h.example/"


async def test_a_shorter_task_ttl_applies_to_existing_tasks() -> None:
    async with stage() as s:
        await s.create_queue()
        await s.pause()
        await s.create_task()
        await s.engine.advance("11d")
        options = QueueOptions(task_ttl_us=10 * 86_400 * 1_000_000)
        request = m.UpdateQueueRequest(queue=m.Queue(name=QUEUE))
        await s.service.update_queue(request, DEVELOPER, options)
        await s.engine.advance("0s")
        assert await s.tasks() == []
