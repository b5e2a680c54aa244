"""Exactly-once delivery: what comes too late fails, and says so for each ack id."""

from __future__ import annotations

from collections.abc import Awaitable

import grpc
import grpc.aio
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from queuewright.errors import Refusal
from queuewright.pubsub.protocol import messages as m
from tests.pubsub.calls import call
from tests.pubsub.stage import SUBSCRIPTION, Stage, stage
from tests.pubsub.test_streams import streaming

TEXT = (
    "Some acknowledgement ids in the request were invalid. This could be because the "
    "acknowledgement ids have expired or the acknowledgement ids were malformed."
)
INVALID = "PERMANENT_FAILURE_INVALID_ACK_ID"


async def exactly_once(s: Stage) -> None:
    await s.topic()
    await s.subscription(enable_exactly_once_delivery=True)


async def failed(request: Awaitable[object]) -> dict[str, str]:
    """What a refused request says of its ack ids."""
    with pytest.raises(Refusal) as caught:
        await request
    assert (caught.value.code, caught.value.message) == ("INVALID_ARGUMENT", TEXT)
    (info,) = caught.value.details
    assert isinstance(info, ErrorInfo)
    return dict(info.metadata)


async def test_an_acknowledgement_in_time_succeeds_once() -> None:
    async with stage(ready=False) as s:
        await exactly_once(s)
        await s.publish(b"a")
        (received,) = await s.pull()
        await s.ack(received.ack_id)
        assert await failed(s.ack(received.ack_id)) == {received.ack_id: INVALID}
        await s.advance("1h")
        assert await s.data() == []


async def test_a_late_acknowledgement_fails_and_the_message_comes_again() -> None:
    """Even if nobody has it yet. Without exactly-once delivery it would count."""
    async with stage(ready=False) as s:
        await exactly_once(s)
        await s.publish(b"a")
        (received,) = await s.pull()
        await s.advance("10s")
        assert await failed(s.ack(received.ack_id)) == {received.ack_id: INVALID}
        assert await s.data() == [b"a"]


@pytest.mark.parametrize("seconds", [0, 60])
async def test_a_late_deadline_fails_and_does_not_touch_the_new_lease(seconds: int) -> None:
    async with stage(ready=False) as s:
        await exactly_once(s)
        await s.publish(b"a")
        (old,) = await s.pull()
        await s.advance("10s")
        (new,) = await s.pull()
        assert await failed(s.modify(seconds, old.ack_id)) == {old.ack_id: INVALID}
        assert await s.data() == []
        await s.ack(new.ack_id)


async def test_of_a_request_what_is_in_time_counts() -> None:
    """A malformed id fails like a late one."""
    async with stage(ready=False) as s:
        await exactly_once(s)
        await s.publish(b"late")
        (late,) = await s.pull()
        await s.advance("10s")
        await s.publish(b"in time")
        received = {each.message.data: each.ack_id for each in await s.pull()}
        wrong = {late.ack_id: INVALID, "made-up": INVALID}
        assert await failed(s.ack(received[b"in time"], *wrong)) == wrong
        await s.advance("10s")
        assert await s.data() == [b"late"]


async def test_a_refusal_is_small_enough_for_a_client() -> None:
    """The details are metadata, of which gRPC's clients take 8 KiB."""
    async with stage(ready=False) as s:
        await exactly_once(s)
        port = await s.server.serve_grpc(port=0)
        ids = [f"{number}-1234567890-1" for number in range(1_000)]
        request = m.AcknowledgeRequest(subscription=SUBSCRIPTION, ack_ids=ids)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(channel, "Acknowledge", request)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        trailers = dict(caught.value.trailing_metadata() or ())
        status = Status.FromString(trailers["grpc-status-details-bin"])  # type: ignore[arg-type]
        info = ErrorInfo()
        assert status.details[0].Unpack(info)
        assert 50 <= len(info.metadata) < 1_000
        assert set(info.metadata.values()) == {INVALID}


async def test_a_stream_confirms_what_it_is_told() -> None:
    async with stage(ready=False) as s:
        await exactly_once(s)
        await s.publish(b"a", b"b", b"late")
        async with streaming(s, stream_ack_deadline_seconds=10) as client:
            first, second, late = (each.ack_id for each in client.received())
            await client.send(ack_ids=[first])
            await client.send(ack_ids=[first])
            await client.send(modify_deadline_ack_ids=[second], modify_deadline_seconds=[60])
            await s.advance("10s")
            await client.send(modify_deadline_ack_ids=[late], modify_deadline_seconds=[0])
            acks = [
                (list(each.acknowledge_confirmation.ack_ids),
                 list(each.acknowledge_confirmation.invalid_ack_ids))
                for each in client.responses if each.HasField("acknowledge_confirmation")
            ]  # fmt: skip
            deadlines = [
                (list(each.modify_ack_deadline_confirmation.ack_ids),
                 list(each.modify_ack_deadline_confirmation.invalid_ack_ids))
                for each in client.responses if each.HasField("modify_ack_deadline_confirmation")
            ]  # fmt: skip
            assert acks == [([first], []), ([], [first])]
            assert deadlines == [([second], []), ([], [late])]
            properties = client.responses[-1].subscription_properties
            assert properties.exactly_once_delivery_enabled


async def test_it_can_be_switched_on_and_off() -> None:
    """Takes effect at once."""
    async with stage() as s:
        await s.publish(b"a")
        (received,) = await s.pull()
        for is_on in (True, False):
            request = m.UpdateSubscriptionRequest(
                subscription=m.Subscription(name=SUBSCRIPTION, enable_exactly_once_delivery=is_on),
                update_mask=FieldMask(paths=["enable_exactly_once_delivery"]),
            )
            changed = await s.subscriber.update_subscription(request)
            assert changed.enable_exactly_once_delivery is is_on
            if is_on:
                await s.advance("10s")
                await failed(s.ack(received.ack_id))
        await s.ack(received.ack_id)
        assert await s.data() == []
