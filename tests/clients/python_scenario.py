"""The shared scenario with Google's Python client: prints what each step saw, as JSON.

Usage: python python_scenario.py grpc|rest PORT PARENT QUEUE_ID TARGET_URL
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import grpc
from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import AnonymousCredentials
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.protobuf.field_mask_pb2 import FieldMask


def connected(protocol: str, port: str) -> tasks_v2.CloudTasksClient:
    """Return a client of the engine at `port` of this machine."""
    if protocol == "rest":
        return tasks_v2.CloudTasksClient(
            transport="rest",
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options={"api_endpoint": f"http://127.0.0.1:{port}"},
        )
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    return tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))


def refusal(call: Callable[[], object]) -> str:
    """Return the text that a call is refused with, "" when it is not."""
    try:
        call()
    except GoogleAPICallError as error:
        return str(error.message)
    return ""


def until(done: Callable[[], bool]) -> bool:
    """Ask again and again, for ten seconds at most; return whether it became true."""
    for _ in range(500):
        if done():
            return True
        time.sleep(0.02)
    return False


def scenario(
    client: tasks_v2.CloudTasksClient, parent: str, queue_id: str, target: str
) -> list[list[Any]]:
    """Run the scenario; return one row per step."""
    queue = f"{parent}/queues/{queue_id}"
    seen: list[list[Any]] = []

    def ids() -> list[str]:
        return sorted(task.name.rpartition("/")[2] for task in client.list_tasks(parent=queue))

    def is_gone(task_id: str) -> bool:
        text = refusal(lambda: client.get_task(name=f"{queue}/tasks/{task_id}"))
        return "The task no longer exists" in text

    def create(task_id: str, path: str) -> tasks_v2.Task:
        request = tasks_v2.HttpRequest(
            url=f"{target}{path}",
            http_method=tasks_v2.HttpMethod.PUT,
            headers={"X-Scenario": queue_id},
            body=b"hello",
        )
        task = tasks_v2.Task(name=f"{queue}/tasks/{task_id}", http_request=request)
        return client.create_task(parent=queue, task=task)

    wanted = tasks_v2.Queue(
        name=queue,
        rate_limits=tasks_v2.RateLimits(max_dispatches_per_second=5),
        retry_config=tasks_v2.RetryConfig(max_attempts=3, min_backoff=timedelta(seconds=0.1)),
    )
    created = client.create_queue(parent=parent, queue=wanted)
    seen.append(["create", created.state.name, created.rate_limits.max_dispatches_per_second])

    again = refusal(lambda: client.create_queue(parent=parent, queue=tasks_v2.Queue(name=queue)))
    seen.append(["create again", "Queue already exists" in again])

    limits = tasks_v2.RateLimits(max_dispatches_per_second=10, max_concurrent_dispatches=7)
    updated = client.update_queue(
        queue=tasks_v2.Queue(name=queue, rate_limits=limits),
        update_mask=FieldMask(paths=["rate_limits.max_dispatches_per_second"]),
    )
    limits = updated.rate_limits
    seen.append(["update", limits.max_dispatches_per_second, limits.max_concurrent_dispatches])

    seen.append(["pause", client.pause_queue(name=queue).state.name])

    task = create("ok", "/ok")
    seen.append(["create task", task.name.rpartition("/")[2], len(task.http_request.body)])
    create("flaky", "/flaky")
    seen.append(["list", ids()])

    full = client.get_task(request={"name": task.name, "response_view": tasks_v2.Task.View.FULL})
    request = full.http_request
    seen.append(["get", request.http_method.name, request.body.decode()])

    ran = client.run_task(name=task.name)
    seen.append(["run", ran.dispatch_count, until(lambda: is_gone("ok"))])

    seen.append(["resume", client.resume_queue(name=queue).state.name])
    seen.append(["retry", until(lambda: is_gone("flaky"))])

    client.pause_queue(name=queue)
    create("never", "/never")
    client.purge_queue(name=queue)
    seen.append(["purge", until(lambda: not ids())])

    client.delete_queue(name=queue)
    after = refusal(lambda: client.get_queue(name=queue))
    seen.append(["delete", "Queue does not exist." in after])
    return seen


if __name__ == "__main__":
    protocol, port, *place = sys.argv[1:]
    print(json.dumps(scenario(connected(protocol, port), *place)))
