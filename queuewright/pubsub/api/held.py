"""Our own RPC: the messages of a subscription and who holds them, which Pub/Sub does not tell.

Request and response are `google.protobuf.Struct`:
`{"subscription": NAME, "limit": N}` (no limit: all), and
`{"total": N, "leased": N, "messages": [{"id", "state", "attempt", "until_us", "holder",
"published_us", "ordering_key", "bytes"}]}`.
"""

from __future__ import annotations

from typing import Final

from google.protobuf.struct_pb2 import Struct

from queuewright.pubsub.service.subscriber import HeldMessage, Subscriber

HELD_MESSAGES: Final = "queuewright.v1.HeldMessages"
"""The gRPC service; its only method is List."""


async def held_messages(subscriber: Subscriber, request: Struct) -> Struct:
    """Answer the RPC.

    Raises:
        Refusal: NOT_FOUND, or INVALID_ARGUMENT for a malformed name.
    """
    fields = request.fields
    limit = round(fields["limit"].number_value) if "limit" in fields else None
    found = await subscriber.list_held(fields["subscription"].string_value, limit)
    response = Struct()
    response.update(
        {
            "total": found.total,
            "leased": found.leased,
            "messages": [_shown(each) for each in found.messages],
        }
    )
    return response


def _shown(each: HeldMessage) -> dict[str, str | int]:
    state, message = each.state, each.message
    return {
        "id": message.message_id,
        "state": state.state,
        "attempt": state.attempt,
        "until_us": state.until_us,
        "holder": each.holder,
        "published_us": message.publish_time.ToMicroseconds(),
        "ordering_key": message.ordering_key,
        "bytes": len(message.data),
    }
