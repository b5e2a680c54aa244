"""Creates Google's Pub/Sub client for producers, for a local server if one is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from queuewright.client.connect import checked_address, credentials
from queuewright.errors import TargetError

if TYPE_CHECKING:
    from google.pubsub_v1 import PublisherClient

PUBSUB_EMULATOR_HOST = "PUBSUB_EMULATOR_HOST"
"""The environment variable with the `host:port` of a local Pub/Sub."""


def connect_publisher(address: str | None) -> PublisherClient:
    """Return a client for Pub/Sub at `address`, or for Google's.

    Args:
        address: `host:port` of Pub/Sub's gRPC API; None is Google's, whatever
            `$PUBSUB_EMULATOR_HOST` says.

    Raises:
        TargetError: google-cloud-pubsub is not installed, an address is malformed, or there are
            no credentials for Google.
    """
    try:
        from google.pubsub_v1 import PublisherClient
        from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
    except ImportError as error:
        raise TargetError(
            "a pull queue needs the package `google-cloud-pubsub`",
            hint="install it with `pip install 'queuewright[pubsub]'`",
        ) from error
    if address is None:
        return PublisherClient(credentials=credentials())
    import grpc

    channel = grpc.insecure_channel(checked_address(address, PUBSUB_EMULATOR_HOST))
    return PublisherClient(transport=PublisherGrpcTransport(channel=channel))
