"""Each listener has one client, and what it may do is checked on every call."""

from __future__ import annotations

import grpc
import grpc.aio
import pytest

from queuewright.pubsub import HELD_MESSAGES, Client, Event, PubSub, events
from queuewright.pubsub.api.methods import SUBSCRIBER, methods
from queuewright.pubsub.protocol import messages as m
from tests.pubsub.calls import call
from tests.pubsub.stage import PROJECT, SUBSCRIPTION, TOPIC

WEB = "serviceAccount:web@acme.iam.gserviceaccount.com"


def only_publishes(principal: str, permission: str, resource: str) -> str | None:
    assert principal == WEB
    allowed = (permission, resource) == ("pubsub.topics.publish", TOPIC)
    return None if allowed else "Say so in the file."


async def refusal(channel: grpc.aio.Channel, path: str, request: bytes) -> tuple[str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await channel.unary_unary(path)(request, timeout=20)
    return caught.value.code().name, str(caught.value.details())


async def test_a_client_does_what_it_may_and_nothing_else() -> None:
    """A refusal has Google's text and an explanation, and is told."""
    told: list[Event] = []
    async with PubSub(on_event=told.append, denial=only_publishes) as server:
        await server.publisher.create_topic(m.Topic(name=TOPIC))
        await server.subscriber.create_subscription(m.Subscription(name=SUBSCRIPTION, topic=TOPIC))
        port = await server.serve_grpc(port=0, client=Client("web", WEB))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            message = m.PubsubMessage(data=b"x")
            await call(channel, "Publish", m.PublishRequest(topic=TOPIC, messages=[message]))
            pull = m.PullRequest(subscription=SUBSCRIPTION, max_messages=1)
            path = f"/{SUBSCRIBER}/Pull"
            code, text = await refusal(channel, path, pull.SerializeToString())
            assert code == "PERMISSION_DENIED"
            assert text == "User not authorized to perform this action. Say so in the file."
            code, _ = await refusal(channel, f"/{HELD_MESSAGES}/List", b"")
            assert code == "UNIMPLEMENTED"
            polled = channel.stream_stream(f"/{SUBSCRIBER}/StreamingPull")()
            first = m.StreamingPullRequest(
                subscription=SUBSCRIPTION, stream_ack_deadline_seconds=10
            )
            await polled.write(first.SerializeToString())
            with pytest.raises(grpc.aio.AioRpcError, match="not authorized"):
                await polled.read()
    assert [each.kind for each in told] == ["Publish", "CallDenied", "CallDenied"]
    denied = told[1]
    assert isinstance(denied, events.CallDenied)
    assert (denied.principal, denied.resource) == (WEB, SUBSCRIPTION)


async def test_every_method_names_its_permission_and_its_resource() -> None:
    """Each is a resource of the request."""
    async with PubSub() as server:
        every = methods(server.publisher, server.subscriber)
    requests = {
        "CreateTopic": m.Topic(name=TOPIC),
        "UpdateTopic": m.UpdateTopicRequest(topic=m.Topic(name=TOPIC)),
        "CreateSubscription": m.Subscription(name=SUBSCRIPTION, topic=TOPIC),
        "UpdateSubscription": m.UpdateSubscriptionRequest(
            subscription=m.Subscription(name=SUBSCRIPTION)
        ),
    }
    for path, method in every.items():
        assert method.permission.startswith(("pubsub.topics.", "pubsub.subscriptions."))
        request = requests.get(path.rpartition("/")[2])
        if request is None:
            (field,) = {"project", "topic", "subscription"} & set(
                method.request.DESCRIPTOR.fields_by_name
            )
            request = method.request(**{field: f"the {field}"})
            assert method.resource(request) == f"the {field}"
        else:
            assert method.resource(request) in (PROJECT, TOPIC, SUBSCRIPTION)


async def test_a_poll_is_noticed_when_it_is_let_in() -> None:
    """Of the client of that listener, and not one of a subscription that does not exist."""
    polls: list[str] = []
    async with PubSub() as server:
        await server.publisher.create_topic(m.Topic(name=TOPIC))
        port = await server.serve_grpc(port=0, on_poll=lambda: polls.append("poll"))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            pull = m.PullRequest(subscription=SUBSCRIPTION, max_messages=1, return_immediately=True)
            await refusal(channel, f"/{SUBSCRIBER}/Pull", pull.SerializeToString())
            assert polls == []
            await call(
                channel, "CreateSubscription", m.Subscription(name=SUBSCRIPTION, topic=TOPIC)
            )
            await call(channel, "Pull", pull)
            assert polls == ["poll"]
        await server.stop_serving(port)


async def test_a_client_that_is_about_to_end_gets_nothing_more() -> None:
    """Another one gets it; what the first one holds, it can still acknowledge."""
    async with PubSub() as server:
        await server.publisher.create_topic(m.Topic(name=TOPIC))
        await server.subscriber.create_subscription(m.Subscription(name=SUBSCRIPTION, topic=TOPIC))
        old_port = await server.serve_grpc(port=0)
        new_port = await server.serve_grpc(port=0)
        request = m.PullRequest(subscription=SUBSCRIPTION, max_messages=9, return_immediately=True)

        async def publish(data: bytes) -> None:
            message = m.PubsubMessage(data=data)
            await server.publisher.publish(m.PublishRequest(topic=TOPIC, messages=[message]))

        async def pulled(channel: grpc.aio.Channel) -> list[m.ReceivedMessage]:
            response = await call(channel, "Pull", request)
            assert isinstance(response, m.PullResponse)
            return list(response.received_messages)

        async with (
            grpc.aio.insecure_channel(f"127.0.0.1:{old_port}") as old_channel,
            grpc.aio.insecure_channel(f"127.0.0.1:{new_port}") as new_channel,
        ):
            await publish(b"a")
            (held,) = await pulled(old_channel)
            server.deliver_nothing_more(old_port)
            await publish(b"b")
            assert await pulled(old_channel) == []
            assert [each.message.data for each in await pulled(new_channel)] == [b"b"]
            await call(
                old_channel,
                "Acknowledge",
                m.AcknowledgeRequest(subscription=SUBSCRIPTION, ack_ids=[held.ack_id]),
            )
        assert (await server.subscriber.list_held(SUBSCRIPTION, None)).total == 1
