"""The endpoint that publishes delayed tasks: Pub/Sub's `publish`, for one account each."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from queuewright.cloud_tasks import pubsub
from queuewright.engine import ManualClock, Signer
from queuewright.local.pull_queues.delays import PublishEndpoint
from queuewright.pubsub import PubSub
from queuewright.pubsub.protocol import PullRequest, Subscription, Topic

EMAIL = "reports-delays@acme-dev.iam.gserviceaccount.com"
TOPIC, SUBSCRIPTION = "projects/acme-dev/topics/reports", "projects/acme-dev/subscriptions/reports"
BODY = {
    "messages": [
        {
            "data": base64.b64encode(b"hello").decode(),
            "attributes": {"Content-Type": "text/plain"},
            "orderingKey": "ada",
        }
    ]
}


class Delays:
    """The endpoint, and what it publishes to."""

    def __init__(self) -> None:
        self.clock, self.signer = ManualClock(), Signer()
        self.refused: list[str] = []
        self.server = PubSub(clock=self.clock, denial=self._denial)
        self.url = ""

    def _denial(self, principal: str, permission: str, resource: str) -> str | None:
        allowed = (f"serviceAccount:{EMAIL}", "pubsub.topics.publish", TOPIC)
        return None if (principal, permission, resource) == allowed else "Not here."

    def token(self, email: str = EMAIL, scope: str = pubsub.SCOPE) -> str:
        return self.signer.oauth(email, scope, self.clock.now_us())

    async def post(
        self, token: str | None, body: object = BODY, topic: str = TOPIC, **headers: str
    ) -> tuple[int, dict[str, Any]]:
        """Status and content of the answer."""
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        url = f"{self.url}/v1/{topic}:publish"
        async with (
            aiohttp.ClientSession() as client,
            client.post(url, json=body, headers=headers) as answer,
        ):
            return answer.status, await answer.json()

    async def published(self) -> list[tuple[bytes, dict[str, str], str]]:
        """The messages that wait: data, attributes and ordering key."""
        request = PullRequest(subscription=SUBSCRIPTION, max_messages=10, return_immediately=True)
        found = await self.server.subscriber.pull(request)
        messages = [each.message for each in found.received_messages]
        return [(each.data, dict(each.attributes), each.ordering_key) for each in messages]


@pytest.fixture
async def delays() -> AsyncIterator[Delays]:
    """With a topic and its subscription."""
    delays = Delays()
    async with delays.server as server:
        for topic in (TOPIC, f"{TOPIC}-eu"):
            await server.publisher.create_topic(Topic(name=topic))
        await server.subscriber.create_subscription(Subscription(name=SUBSCRIPTION, topic=TOPIC))
        async with PublishEndpoint.listen(
            server, delays.signer, delays.clock, on_refused=delays.refused.append
        ) as endpoint:
            delays.url = endpoint.url
            yield delays


async def test_a_message_is_published_as_the_tokens_account(delays: Delays) -> None:
    """With its attributes and its ordering key; the answer has its id."""
    status, answer = await delays.post(delays.token())
    assert status == 200
    assert len(answer["messageIds"]) == 1
    assert await delays.published() == [(b"hello", {"Content-Type": "text/plain"}, "ada")]
    assert delays.refused == []


@pytest.mark.parametrize(
    ("email", "scope", "topic", "status", "reason"),
    [
        ("web@acme-dev.iam.gserviceaccount.com", pubsub.SCOPE, TOPIC, 403, "Not here."),
        (EMAIL, pubsub.SCOPE, f"{TOPIC}-eu", 403, "Not here."),
        (EMAIL, "https://www.googleapis.com/auth/devstorage.read_only", TOPIC, 401, "scope"),
    ],
    ids=["another account", "another topic", "another scope"],
)
async def test_nobody_else_publishes_and_nowhere_else(
    delays: Delays, email: str, scope: str, topic: str, status: int, reason: str
) -> None:
    """The account may publish to its own topic; the console says what was refused."""
    found, answer = await delays.post(delays.token(email, scope), topic=topic)
    assert found == answer["error"]["code"] == status
    assert reason in answer["error"]["message"]
    assert len(delays.refused) == 1
    assert await delays.published() == []


async def test_only_a_token_of_this_engine_counts(delays: Delays) -> None:
    """None at all, one of another engine, one for a handler, and one that is too old."""
    old = delays.token()
    await delays.server.advance(timedelta(hours=2))
    now_us = delays.clock.now_us()
    for token in (
        None,
        "ya29.nonsense",
        old,
        Signer().oauth(EMAIL, pubsub.SCOPE, now_us),
        delays.signer.oidc(EMAIL, delays.url, now_us),
    ):
        status, answer = await delays.post(token)
        assert (status, answer["error"]["status"]) == (401, "UNAUTHENTICATED"), token
    assert await delays.published() == []


@pytest.mark.parametrize(
    "body", [[], {"messages": "x"}, {"message": []}, {"messages": []}, {"messages": [{"data": 1}]}]
)
async def test_a_body_that_is_no_request_is_refused(delays: Delays, body: object) -> None:
    """Cloud Tasks then tries again, and the console says why."""
    status, answer = await delays.post(delays.token(), body)
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert len(delays.refused) == 1


async def test_a_foreign_web_page_cannot_publish(delays: Delays) -> None:
    """Not even with a token."""
    status, _ = await delays.post(delays.token(), Origin="https://evil.example")
    assert status == 403
    assert await delays.published() == []


async def test_nothing_else_is_here(delays: Delays) -> None:
    """Another method of the API, or another verb."""
    async with aiohttp.ClientSession() as client:
        headers = {"Authorization": f"Bearer {delays.token()}"}
        for verb, path in (("GET", f"/v1/{TOPIC}:publish"), ("POST", f"/v1/{TOPIC}")):
            async with client.request(verb, delays.url + path, headers=headers) as answer:
                assert answer.status == 404
