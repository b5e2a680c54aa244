"""The RPCs on single tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final, NamedTuple, TypeVar

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from queuewright.cloud_tasks.headers import is_reserved
from queuewright.cloud_tasks.limits import MAX_TASKS_PER_PAGE
from queuewright.engine.dispatch.registry import RunningQueue
from queuewright.engine.events import TaskCreated, TaskDeleted, TaskForced
from queuewright.engine.protocol import names, refusals
from queuewright.engine.protocol.headers import is_framing
from queuewright.engine.protocol.messages import (
    CreateTaskRequest,
    DeleteTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    ListTasksResponse,
    RunTaskRequest,
    Task,
    UriOverride,
)
from queuewright.engine.rules.http_request import METHODS, overridden, target_address, target_type
from queuewright.engine.rules.task_message import FULL, accepted, check_size
from queuewright.engine.service.calls import DEVELOPER, Caller, Calls
from queuewright.engine.service.iam import ACT_AS
from queuewright.engine.service.pages import page_size
from queuewright.engine.service.task_view import shown, shown_new
from queuewright.engine.state.rows import NewTask, TaskRow
from queuewright.errors import Refusal

M = TypeVar("M", bound=Message)

_PAGE_BYTES: Final = 4 * 1024 * 1024 - 64 * 1024
"""A page of tasks is no larger than this, so it may have fewer tasks than requested.

A gRPC client takes messages of up to 4 MiB by default; the rest is for the page
token, and for the other field numbers of v2beta3.
"""
ENTRY_BYTES: Final = 5
"""A task in a list: its tag and its length, beside itself."""


class Prepared(NamedTuple):
    """A task that is checked and ready to be stored."""

    row: NewTask
    name: str
    """The full name."""
    content: Task
    """The message that `row` has serialized."""

    def shown(self, view: int) -> Task:
        """Return the task as the API shows it. Changes `content` in place."""
        row = self.row
        return shown_new(self.content, self.name, row.schedule_us, row.create_us, view)


class TaskCalls(Calls):
    """The RPCs on single tasks."""

    async def create_task(self, request: CreateTaskRequest, caller: Caller) -> Task:
        """Create a task."""
        self._allow_create(request, caller)
        queue = self._registry.get(request.parent)
        task = self._prepared(request.parent, queue, request.task)
        assert queue is not None, "a missing queue is refused when the task is prepared"
        self._store.insert((task.row,))
        self._accepted(queue, task, caller.label)
        return task.shown(request.response_view)

    async def get_task(self, request: GetTaskRequest, caller: Caller) -> Task:
        """Return a task."""
        self._allow_view(caller, "cloudtasks.tasks.get", request.name, request.response_view)
        queue, row = self._task(request.name)
        return self._shown(queue, row, request.response_view)

    async def list_tasks(self, request: ListTasksRequest, caller: Caller) -> ListTasksResponse:
        """Return a page of a queue's tasks, at most 1,000, oldest first."""
        tasks, token = self._page(request, caller, self._shown)
        return ListTasksResponse(tasks=tasks, next_page_token=token)

    async def list_ended_attempts(
        self, request: ListTasksRequest, caller: Caller
    ) -> ListTasksResponse:
        """Like `list_tasks`, but attempts that run are left out. Not part of Google's API.

        There, the last attempt of a running task is the one that runs, so the result of the one
        before is not to be seen.
        """
        show = partial(self._shown, shows_running=False)
        tasks, token = self._page(request, caller, show)
        return ListTasksResponse(tasks=tasks, next_page_token=token)

    def _page(
        self,
        request: ListTasksRequest,
        caller: Caller,
        show: Callable[[RunningQueue, TaskRow, int], M],
    ) -> tuple[list[M], str]:
        """Return a page of a queue's tasks, as `show` shows them, and the next page's token."""
        self._allow(caller, "cloudtasks.tasks.list", request.parent)
        if request.response_view == FULL:
            self._allow(caller, "cloudtasks.tasks.fullView", request.parent)
        size = page_size(request.page_size, MAX_TASKS_PER_PAGE)
        queue = self._queue(request.parent)
        query = f"tasks {request.parent}"
        now_us = self._clock.now_us()
        after = int(self._parts.pages.after(request.page_token, query, now_us) or 0)
        after = max(after, queue.row.purged_id)
        found: list[M] = []
        for task, number in self._shown_after(queue, after, size, request.response_view, show):
            found.append(task)
            after = number
        if self._store.tasks(queue.number, after, 1):
            return found, self._parts.pages.token(query, after, now_us)
        return found, ""

    async def delete_task(self, request: DeleteTaskRequest, caller: Caller) -> Empty:
        """Delete a task. A running attempt may finish."""
        self._allow(caller, "cloudtasks.tasks.delete", queue_of(request.name))
        queue, row = self._task(request.name)
        content = self._content_to_tell(row)
        queue.forget((row,), self._clock.now_us(), self._store.delete)
        self._deleted(queue, row, content)
        return Empty()

    async def run_task(self, request: RunTaskRequest, caller: Caller) -> Task:
        """Start an attempt of a task now, regardless of its queue's state and limits.

        Returns the task after its dispatch and before the response.
        """
        self._allow_view(caller, "cloudtasks.tasks.run", request.name, request.response_view)
        queue, row = self._task(request.name)
        if queue.is_pull:
            raise refusals.invalid("RunTask cannot be called on a task of a pull queue: lease it.")
        if self._parts.emit is not None:
            now_us = self._clock.now_us()
            self._parts.emit(TaskForced(time_us=now_us, queue=queue.name, task=request.name))
        self._parts.dispatcher.run_now(queue, row)
        return self._shown(queue, row, request.response_view)

    async def buffer_task(
        self,
        queue: str,
        task_id: str,
        headers: Mapping[str, str],
        body: bytes,
        caller: Caller = DEVELOPER,
    ) -> Task:
        """Create a task from a plain HTTP request. The queue must have an `http_target`.

        The task is a POST, unless the queue's target sets another method.

        Args:
            queue: the queue's full name.
            task_id: the task's id; "" lets the engine choose.
            headers: the request's headers. Those that Cloud Tasks reserves are left out.
            body: the request's body.
            caller: who calls.
        """
        self._allow(caller, "cloudtasks.tasks.create", queue)
        running = self._queue(queue)
        _check_push(running)
        target = running.config.http_target
        if not running.config.HasField("http_target") or not target.uri_override.host:
            raise refusals.precondition(
                "The queue must have an httpTarget with a uriOverride.host to buffer tasks."
            )
        task = Task(name=f"{queue}/tasks/{names.check_task_id(task_id)}" if task_id else "")
        request = task.http_request
        override = UriOverride()
        override.CopyFrom(target.uri_override)
        override.ClearField("uri_override_enforce_mode")
        request.url = overridden("https://host/", override)
        request.http_method = target.http_method or METHODS.index("POST")
        for name, value in headers.items():
            if not (is_reserved(name) or is_framing(name)):
                request.headers[name] = value
        if METHODS[request.http_method] in ("POST", "PUT", "PATCH"):
            request.body = body
        create = CreateTaskRequest(parent=queue, task=task, response_view=FULL)
        new = self._prepared(queue, running, create.task)
        self._store.insert((new.row,))
        self._accepted(running, new, caller.label)
        return new.shown(FULL)

    def _prepared(self, parent: str, queue: RunningQueue | None, task: Task) -> Prepared:
        """Check a task and give it a number and a name."""
        now_us = self._clock.now_us()
        task_id = task_id_of(task.name, parent)
        stored, schedule_us = accepted(task, parent, now_us)
        queue = self._existing(parent, queue)
        _check_push(queue)
        number = self._new_number(queue, task_id)
        name = task.name or f"{parent}/tasks/{self._parts.ids.text(number)}"
        check_size(stored, name, schedule_us, now_us)
        row = NewTask(
            number, queue.number, task_id, schedule_us, now_us, stored.SerializeToString()
        )
        return Prepared(row, name, stored)

    def _existing(self, name: str, queue: RunningQueue | None) -> RunningQueue:
        """Return the queue of a new task, or raise the refusal of a missing queue."""
        if queue is None:
            names.check_queue(name)
            if self._parts.settings.missing_queue_is_precondition:
                raise refusals.queue_missing_legacy()
            raise refusals.queue_missing()
        return queue

    def _new_number(self, queue: RunningQueue, task_id: str | None) -> int:
        """Return the number of a new task. `task_id` is the name that the user gave, if any."""
        if task_id is not None:
            if self._store.is_behind:
                self._store.catch_up()
            if self._is_taken(queue, task_id):
                raise refusals.task_exists()
            self._claim(task_id)
        number = self._store.new_ids(1)[0]
        while task_id is None and self._is_claimed(queue, number):
            number = self._store.new_ids(1)[0]
        return number

    def _accepted(self, queue: RunningQueue, new: Prepared, creator: str) -> None:
        """Schedule a task that has been stored. `creator` is the label of its creator."""
        row = new.row
        queue.core.add(row.id, row.schedule_us)
        self._parts.dispatcher.touch(queue, row.schedule_us)
        self._parts.dispatcher.expires(row.create_us + queue.retention_us)
        if self._parts.emit is not None:
            created = partial(TaskCreated, create_us=row.create_us, creator=creator)
            self._tell_of_task(created, queue, new.name, row.schedule_us, new.content)

    def _shown_after(
        self,
        queue: RunningQueue,
        after: int,
        count: int,
        view: int,
        show: Callable[[RunningQueue, TaskRow, int], M],
    ) -> Iterator[tuple[M, int]]:
        """Yield the tasks after a number, and their numbers, as far as they fit into a page.

        The first one is yielded whatever its size.
        """
        bytes_left, is_first = _PAGE_BYTES, True
        while rows := self._store.tasks(queue.number, after, count):
            for row in rows:
                task = show(queue, row, view)
                bytes_left -= task.ByteSize() + ENTRY_BYTES
                if bytes_left < 0 and not is_first:
                    return
                yield task, row.id
                is_first = False
            after = rows[-1].id
            count -= len(rows)
            if not count:
                return

    def _shown(
        self, queue: RunningQueue, row: TaskRow, view: int, *, shows_running: bool = True
    ) -> Task:
        task = Task() if queue.is_pull else self._store.content(row.id)
        running = queue.running.get(row.id) if shows_running else None
        return shown(task, self._task_name(queue, row), row, running, view)

    def _deleted(self, queue: RunningQueue, row: TaskRow, content: Task | None) -> None:
        """Notify the dispatcher and the event listener of a deleted task.

        `content` is the deleted task, or None if there is no listener.
        """
        self._parts.dispatcher.touch(queue)
        if content is not None:
            name = self._task_name(queue, row)
            deleted = partial(
                TaskDeleted,
                create_us=row.create_us,
                dispatch_count=row.dispatches,
                content=b"" if queue.is_pull else content.SerializeToString(),
            )
            self._tell_of_task(deleted, queue, name, row.schedule_us, content)

    def _content_to_tell(self, row: TaskRow) -> Task | None:
        """Return a task's content for an event. None if there is no listener.

        Also None if the content is unreadable: such a task can still be deleted.
        """
        if self._parts.emit is None:
            return None
        try:
            return self._store.content(row.id)
        except Refusal:
            return None

    def _tell_of_task(
        self,
        event: Callable[..., TaskCreated | TaskDeleted],
        queue: RunningQueue,
        task: str,
        schedule_us: int,
        content: Task,
    ) -> None:
        assert self._parts.emit is not None, "it is not called when nobody listens"
        self._parts.emit(
            event(
                time_us=self._clock.now_us(),
                queue=queue.name,
                task=task,
                schedule_us=schedule_us,
                target_address=(
                    "" if queue.is_pull else target_address(content, queue.http_target)
                ),
                target_type="PULL" if queue.is_pull else target_type(content),
                sampling_ratio=queue.sampling_ratio,
            )
        )

    def _allow_create(self, request: CreateTaskRequest, caller: Caller) -> None:
        if caller.principal is None:
            return
        self._allow(caller, "cloudtasks.tasks.create", request.parent)
        if request.response_view == FULL:
            self._allow(caller, "cloudtasks.tasks.fullView", request.parent)
        http = request.task.http_request
        for token in (http.oidc_token, http.oauth_token):
            if token.service_account_email:
                account = f"projects/-/serviceAccounts/{token.service_account_email}"
                self._allow(caller, ACT_AS, account)

    def _allow_view(self, caller: Caller, permission: str, task: str, view: int) -> None:
        if caller.principal is not None:
            self._allow(caller, permission, queue_of(task))
            if view == FULL:
                self._allow(caller, "cloudtasks.tasks.fullView", queue_of(task))


def task_id_of(name: str, parent: str) -> str | None:
    """Return the id in the name of a new task of the queue `parent`, or None without a name."""
    if not name:
        return None
    named = names.task_name(name)
    if named.queue != parent:
        raise refusals.invalid(
            f"The queue name from request ('{parent}') must be the same as the queue "
            f"name in the named task ('{named.queue}')."
        )
    return named.task_id


def _check_push(queue: RunningQueue) -> None:
    if queue.is_pull:
        raise refusals.invalid(
            "The queue is a pull queue: its tasks are created by CreateTask of v2beta2, with a "
            "pullMessage."
        )


def queue_of(task: str) -> str:
    """Return the queue of a task. Permissions on a task are permissions on its queue."""
    return names.task_name(task).queue
