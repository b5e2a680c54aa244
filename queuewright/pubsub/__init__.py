"""Pub/Sub on this machine, as far as pull queues need it. Start with `PubSub`.

Importing it needs google-cloud-pubsub (`pip install 'queuewright[pubsub]'`).
"""

from queuewright.pubsub.server import PubSub

__all__ = ["PubSub"]
