"""`docs/emulation.md` lists every method and field of Pub/Sub that workers and producers use."""

from __future__ import annotations

import re
from pathlib import Path

from google.protobuf.descriptor import Descriptor
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from queuewright.pubsub.protocol import messages
from tests.docs.test_emulation import names, rows, rpcs

ROOT = Path(__file__).parents[2]
PREFIX = "Pub/Sub: "
PACKAGE = "google.pubsub.v1."


def told() -> dict[str, str]:
    """Each message's field on the page, to its state."""
    return {
        f"{heading.removeprefix(PREFIX)}.{name}": cells[1]
        for heading, cells in rows()
        if heading.startswith(PREFIX)
        for name in names(cells[0])
    }


def described() -> set[str]:
    """Each field of the requests and responses, but those below a field that is refused."""
    states = told()
    found: set[str] = set()
    waiting: list[Descriptor] = [
        kind.DESCRIPTOR
        for kind in vars(messages).values()
        if getattr(getattr(kind, "DESCRIPTOR", None), "full_name", "").startswith(PACKAGE)
    ]
    seen = set()
    while waiting:
        message = waiting.pop()
        name = message.full_name.removeprefix(PACKAGE)
        if name in seen or not message.full_name.startswith(PACKAGE):
            continue
        seen.add(name)
        for field in message.fields:
            found.add(f"{name}.{field.name}")
            is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
            is_refused = states.get(f"{name}.{field.name}") == "refused"
            if field.message_type is not None and not is_map and not is_refused:
                waiting.append(field.message_type)
    return found


def test_every_method_of_pubsub_is_on_the_page() -> None:
    """Each RPC of Publisher and Subscriber, in its table."""
    listed = [
        name
        for heading, cells in rows()
        if heading == "Pub/Sub methods"
        for name in names(cells[0])
    ]
    assert len(listed) == len(set(listed))
    assert set(listed) == rpcs(PublisherGrpcTransport) | rpcs(SubscriberGrpcTransport)


def test_every_field_of_pubsub_is_on_the_page() -> None:
    """And no other."""
    assert told().keys() == described()


def test_every_text_of_pubsub_on_the_page_is_a_refusal() -> None:
    """Its fixed parts are in the file of refusals."""
    source = (ROOT / "queuewright" / "pubsub" / "protocol" / "refusals.py").read_text("utf-8")
    joined = re.sub(r'"\s+f?"', "", source)
    texts = [names(cells[1]) for heading, cells in rows() if heading == "Pub/Sub error texts"]
    assert texts
    for (text,) in texts:
        for part in text.split("…"):
            assert part.strip() in joined, part
