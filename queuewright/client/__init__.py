"""For producers: Google's own client, connected to a local engine or to Google."""

from queuewright.client.connect import EMULATOR_HOST, connect, connect_beta

__all__ = ["EMULATOR_HOST", "connect", "connect_beta"]
