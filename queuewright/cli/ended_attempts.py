"""The last attempt that ended of each task in a queue, which Google's API hides during the next."""

from __future__ import annotations

from collections.abc import Collection

from google.cloud import tasks_v2


def ended_attempts(address: str, queue: str, tasks: Collection[str]) -> dict[str, tasks_v2.Attempt]:
    """Return the last attempt that ended, by the full name of its task.

    Args:
        address: `host:port` of the gRPC API of an engine; of another emulator, nothing is returned.
        queue: the full name of the queue.
        tasks: the full names of its tasks.
    """
    import grpc

    from queuewright.engine import ENDED_ATTEMPTS

    found: dict[str, tasks_v2.Attempt] = {}
    wanted, page = set(tasks), ""
    with grpc.insecure_channel(address) as channel:
        list_tasks = channel.unary_unary(
            f"/{ENDED_ATTEMPTS}/ListTasks",
            request_serializer=tasks_v2.ListTasksRequest.serialize,
            response_deserializer=tasks_v2.ListTasksResponse.deserialize,
        )
        while wanted:
            try:
                answer = list_tasks(tasks_v2.ListTasksRequest(parent=queue, page_token=page))
            except grpc.RpcError:  # not an engine of ours; the tasks themselves are known
                break
            for task in answer.tasks:
                if task.name in wanted and "last_attempt" in task:
                    found[task.name] = task.last_attempt
            wanted -= {task.name for task in answer.tasks}
            page = answer.next_page_token
            if not page:
                break
    return found
