"""What only an engine of ours tells: attempts that Google's API hides, and all its queues."""

from __future__ import annotations

from collections.abc import Collection

from google.cloud import tasks_v2

from queuewright.errors import TargetError

_PATIENCE_S = 10


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


def queue_names(address: str) -> list[str] | None:
    """Return the full names of all queues of an engine; None if it is another emulator.

    Raises:
        TargetError: nothing answers.
    """
    import grpc

    from queuewright.engine import ALL_QUEUES

    with grpc.insecure_channel(address) as channel:
        list_queues = channel.unary_unary(
            f"/{ALL_QUEUES}/ListQueues",
            request_serializer=tasks_v2.ListQueuesRequest.serialize,
            response_deserializer=tasks_v2.ListQueuesResponse.deserialize,
        )
        try:
            answer = list_queues(tasks_v2.ListQueuesRequest(), timeout=_PATIENCE_S)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                return None
            raise TargetError(
                f"no answer from {address}", hint="check that the emulator still runs"
            ) from None
    return [queue.name for queue in answer.queues]
