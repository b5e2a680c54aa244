"""What a producer imports to add tasks: Google's own client, pointed at the right place."""

from queuewright.client.connect import EMULATOR_HOST, connect, connect_beta

__all__ = ["EMULATOR_HOST", "connect", "connect_beta"]
