"""v2beta2, on the service of v2: converts the requests and the answers, and leases tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Never

from queuewright.engine.api.beta2_queue import (
    LeaseQueue,
    filter_of,
    lease_queue,
    options_of,
    queue_of,
    type_of,
    v2_paths,
)
from queuewright.engine.api.beta2_task import LeaseTask, lease_task, task_of
from queuewright.engine.api.beta3_queue import snake_paths, updated_options
from queuewright.engine.api.beta_queues import (
    BetaMessage,
    BetaQueues,
    BetaRequest,
    QueueConversions,
)
from queuewright.engine.api.conversion import converted
from queuewright.engine.api.methods import Method, Methods, Version
from queuewright.engine.protocol import messages, messages_lease, refusals
from queuewright.engine.service.service import Caller, Service
from queuewright.errors import Refusal

SERVICE: Final = "google.cloud.tasks.v2beta2.CloudTasks"
"""The full name of the gRPC service."""

_CONVERSIONS: Final = QueueConversions(
    queue_of, options_of, filter_of, lease_queue, messages_lease.ListQueuesResponse
)


def version(service: Service) -> Version:
    """Return v2beta2 of the API."""
    beta = Beta2(service)
    lease = messages_lease
    methods: Methods = {
        "ListQueues": Method(lease.ListQueuesRequest, beta.list_queues),
        "GetQueue": Method(lease.GetQueueRequest, beta.get_queue),
        "CreateQueue": Method(lease.CreateQueueRequest, beta.create_queue),
        "UpdateQueue": Method(lease.UpdateQueueRequest, beta.update_queue),
        "DeleteQueue": Method(lease.DeleteQueueRequest, beta.delete_queue),
        "PurgeQueue": Method(lease.PurgeQueueRequest, beta.purge_queue),
        "PauseQueue": Method(lease.PauseQueueRequest, beta.pause_queue),
        "ResumeQueue": Method(lease.ResumeQueueRequest, beta.resume_queue),
        "UploadQueueYaml": Method(lease.UploadQueueYamlRequest, beta.upload_queue_yaml),
        "GetIamPolicy": Method(messages.GetIamPolicyRequest, service.get_iam_policy),
        "SetIamPolicy": Method(messages.SetIamPolicyRequest, service.set_iam_policy),
        "TestIamPermissions": Method(
            messages.TestIamPermissionsRequest, service.test_iam_permissions
        ),
        "ListTasks": Method(lease.ListTasksRequest, beta.list_tasks),
        "GetTask": Method(lease.GetTaskRequest, beta.get_task),
        "CreateTask": Method(lease.CreateTaskRequest, beta.create_task),
        "DeleteTask": Method(lease.DeleteTaskRequest, beta.delete_task),
        "RunTask": Method(lease.RunTaskRequest, beta.run_task),
        "LeaseTasks": Method(lease.LeaseTasksRequest, service.lease_tasks),
        "AcknowledgeTask": Method(lease.AcknowledgeTaskRequest, service.acknowledge_task),
        "RenewLease": Method(lease.RenewLeaseRequest, service.renew_lease),
        "CancelLease": Method(lease.CancelLeaseRequest, service.cancel_lease),
        "ListLocations": Method(messages.ListLocationsRequest, service.list_locations),
        "GetLocation": Method(messages.GetLocationRequest, service.get_location),
    }
    return Version(methods, beta.buffer_task)


class Beta2(BetaQueues):
    """The RPCs whose messages differ between v2 and v2beta2."""

    def __init__(self, service: Service) -> None:
        super().__init__(service, _CONVERSIONS)

    async def update_queue(self, request: BetaRequest, caller: Caller) -> LeaseQueue:
        """Update a queue by a mask, or create it. Its type cannot change."""
        wanted, paths = request.queue, snake_paths(request.update_mask)
        update = messages.UpdateQueueRequest(queue=queue_of(wanted))
        update.update_mask.paths.extend(v2_paths(paths))
        try:
            current = self._service.options(wanted.name)
        except Refusal:  # the queue is created, or the service refuses the call
            options = options_of(wanted)
        else:
            new = replace(options_of(wanted), pull=type_of(wanted, current, paths))
            options = updated_options(current, new, paths)
        return self._shown(await self._service.update_queue(update, caller, options))

    async def upload_queue_yaml(self, request: BetaRequest, caller: Caller) -> Never:
        """Refused."""
        del request, caller
        raise refusals.unimplemented(
            "UploadQueueYaml is not emulated: create each queue with CreateQueue."
        )

    async def create_task(self, request: BetaRequest, caller: Caller) -> LeaseTask:
        """Create a pull task in a pull queue, or a push task in a push queue."""
        if request.task.HasField("pull_message"):
            return await self._service.create_pull_task(request, caller)
        create = messages.CreateTaskRequest(
            parent=request.parent, task=task_of(request.task), response_view=request.response_view
        )
        return lease_task(await self._service.create_task(create, caller))

    async def get_task(self, request: BetaRequest, caller: Caller) -> LeaseTask:
        """Return a task."""
        get = converted(request, messages.GetTaskRequest)
        if self._service.is_pull_queue(get.name.partition("/tasks/")[0]):
            return await self._service.get_pull_task(get, caller)
        return lease_task(await self._service.get_task(get, caller))

    async def list_tasks(self, request: BetaRequest, caller: Caller) -> BetaMessage:
        """Return a queue's tasks."""
        list_ = converted(request, messages.ListTasksRequest)
        if self._service.is_pull_queue(list_.parent):
            return await self._service.list_pull_tasks(list_, caller)
        answer = await self._service.list_tasks(list_, caller)
        shown = messages_lease.ListTasksResponse(next_page_token=answer.next_page_token)
        shown.tasks.extend(lease_task(task) for task in answer.tasks)
        return shown

    async def run_task(self, request: BetaRequest, caller: Caller) -> LeaseTask:
        """Start an attempt of a push task now. Pull tasks are refused."""
        run = converted(request, messages.RunTaskRequest)
        return lease_task(await self._service.run_task(run, caller))

    async def buffer_task(
        self,
        queue: str,
        task_id: str,
        headers: Mapping[str, str],
        body: bytes,
        caller: Caller,
    ) -> LeaseTask:
        """Create a push task from a plain HTTP request."""
        return lease_task(await self._service.buffer_task(queue, task_id, headers, body, caller))
