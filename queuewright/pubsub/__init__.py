"""Pub/Sub on this machine, as far as pull queues need it. Start with `PubSub`.

Other packages import from here, and the message classes from `queuewright.pubsub.protocol`.
Importing it needs google-cloud-pubsub (`pip install 'queuewright[pubsub]'`).
"""

from queuewright.pubsub import events
from queuewright.pubsub.api.held import HELD_MESSAGES
from queuewright.pubsub.delivery.taker import Poller
from queuewright.pubsub.events import Event
from queuewright.pubsub.server import PubSub
from queuewright.pubsub.service.access import DEVELOPER, Client

__all__ = ["DEVELOPER", "HELD_MESSAGES", "Client", "Event", "Poller", "PubSub", "events"]
