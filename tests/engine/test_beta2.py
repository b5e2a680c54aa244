"""v2beta2, which is refused with a text that leads on."""

from __future__ import annotations

import grpc
import grpc.aio
import pytest
from google.cloud import tasks_v2beta2
from google.cloud.tasks_v2beta2.services.cloud_tasks.transports import (
    CloudTasksGrpcAsyncIOTransport,
    CloudTasksGrpcTransport,
)

from queuewright.engine import Engine
from queuewright.engine.api import beta2


def test_every_rpc_of_v2beta2_is_known() -> None:
    """The list has exactly the RPCs that Google's client can call."""
    rpcs = {
        name.replace("_", "")
        for name, value in vars(CloudTasksGrpcTransport).items()
        if isinstance(value, property)
    } - {"grpcchannel", "kind", "getlocation", "listlocations"}
    assert {rpc.lower() for rpc in beta2.RPCS} == rpcs


async def test_v2beta2_is_refused_over_grpc_too() -> None:
    """Google's own client is told what to use instead."""
    engine = Engine()
    await engine.start()
    port = await engine.serve_grpc(port=0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        client = tasks_v2beta2.CloudTasksAsyncClient(
            transport=CloudTasksGrpcAsyncIOTransport(channel=channel)
        )
        with pytest.raises(Exception, match="For push queues use v2") as refused:
            await client.lease_tasks(request={"parent": "projects/p/locations/l/queues/q"})
        assert getattr(refused.value, "grpc_status_code", None) == grpc.StatusCode.UNIMPLEMENTED
    await engine.stop()
