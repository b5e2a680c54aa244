"""For producers: Google's own client, connected to a local engine or to Google."""

from queuewright.client.connect import EMULATOR_HOST, connect, connect_beta
from queuewright.client.pubsub import PUBSUB_EMULATOR_HOST, connect_publisher

__all__ = [
    "EMULATOR_HOST",
    "PUBSUB_EMULATOR_HOST",
    "connect",
    "connect_beta",
    "connect_publisher",
]
