"""The scenario of leases with Google's v2beta2 client: prints what each step saw, as JSON.

Usage: python lease_scenario.py grpc|rest PORT PARENT QUEUE_ID
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import grpc
from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import AnonymousCredentials
from google.cloud import tasks_v2beta2
from google.cloud.tasks_v2beta2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.protobuf.field_mask_pb2 import FieldMask

MINUTE = timedelta(minutes=1)


def connected(protocol: str, port: str) -> tasks_v2beta2.CloudTasksClient:
    """Return a client of the engine at `port` of this machine."""
    if protocol == "rest":
        return tasks_v2beta2.CloudTasksClient(
            transport="rest",
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options={"api_endpoint": f"http://127.0.0.1:{port}"},
        )
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    return tasks_v2beta2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))


def refused(call: Callable[[], object]) -> str:
    """Return the kind of error that a call ends with, "" when it does not."""
    try:
        call()
    except GoogleAPICallError as error:
        return type(error).__name__
    return ""


def scenario(client: tasks_v2beta2.CloudTasksClient, parent: str, queue_id: str) -> list[list[Any]]:
    """Run the scenario; return one row per step."""
    queue = f"{parent}/queues/{queue_id}"
    full = tasks_v2beta2.Task.View.FULL
    seen: list[list[Any]] = []

    def lease(**fields: Any) -> list[tasks_v2beta2.Task]:
        request = {"parent": queue, "max_tasks": 10, "lease_duration": MINUTE, **fields}
        return list(client.lease_tasks(request=request).tasks)

    def ids(tasks: list[tasks_v2beta2.Task]) -> list[str]:
        return [task.name.rpartition("/")[2] for task in tasks]

    wanted = tasks_v2beta2.Queue(
        name=queue,
        pull_target=tasks_v2beta2.PullTarget(),
        retry_config=tasks_v2beta2.RetryConfig(max_attempts=2),
    )
    created = client.create_queue(parent=parent, queue=wanted)
    seen.append(["create", "pull_target" in created, created.rate_limits.max_concurrent_tasks])

    for task_id, tag in (("a", "x"), ("b", ""), ("c", "x"), ("d", "y")):
        message = tasks_v2beta2.PullMessage(payload=task_id.encode(), tag=tag)
        task = tasks_v2beta2.Task(name=f"{queue}/tasks/{task_id}", pull_message=message)
        client.create_task(parent=queue, task=task)
    seen.append(["list", sorted(ids(list(client.list_tasks(parent=queue))))])

    first = lease(filter="tag_function=oldest_tag()", response_view=full)
    counts = [task.status.attempt_dispatch_count for task in first]
    seen.append(["oldest tag", ids(first), [task.pull_message.payload.decode() for task in first]])
    seen.append(["attempts", counts, first[0].schedule_time == first[1].schedule_time])
    seen.append(["held", ids(lease(filter="tag=x")), ids(lease(filter="tag=y"))])

    a, c = first
    renewed = client.renew_lease(
        name=a.name, schedule_time=a.schedule_time, lease_duration=2 * MINUTE
    )
    seen.append(["renew", renewed.schedule_time > a.schedule_time])
    old = {"name": a.name, "schedule_time": a.schedule_time}
    seen.append(["old proof", refused(lambda: client.acknowledge_task(request=old))])

    proof = {"name": a.name, "schedule_time": renewed.schedule_time}
    client.acknowledge_task(request=proof)
    seen.append(["acknowledge again", refused(lambda: client.acknowledge_task(request=proof))])

    cancelled = client.cancel_lease(name=c.name, schedule_time=c.schedule_time)
    seen.append(["cancel", cancelled.schedule_time < c.schedule_time])
    again = lease(filter="tag=x")
    seen.append(["again", ids(again), again[0].status.attempt_dispatch_count])
    client.cancel_lease(name=c.name, schedule_time=again[0].schedule_time)
    seen.append(["used up", ids(lease()), sorted(ids(list(client.list_tasks(parent=queue))))])

    client.pause_queue(name=queue)
    seen.append(["paused", refused(lease)])
    client.resume_queue(name=queue)
    seen.append(["run", refused(lambda: client.run_task(name=f"{queue}/tasks/b"))])
    mask = FieldMask(paths=["stats"])
    stats = client.get_queue(request={"name": queue, "read_mask": mask}).stats
    seen.append(["stats", stats.tasks_count, stats.concurrent_dispatches_count])

    client.purge_queue(name=queue)
    seen.append(["purge", ids(list(client.list_tasks(parent=queue)))])
    client.delete_queue(name=queue)
    seen.append(["delete", refused(lease)])
    return seen


if __name__ == "__main__":
    protocol, port, *place = sys.argv[1:]
    print(json.dumps(scenario(connected(protocol, port), *place)))
