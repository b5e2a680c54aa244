"""Cloud Tasks on this machine: queues, tasks and the API. `Engine` is the way in."""

from queuewright.engine.clock import Clock, ManualClock, SystemClock
from queuewright.engine.dispatch.in_process import InProcessSender
from queuewright.engine.dispatch.sender import Answer, NoAnswerError, Sender
from queuewright.engine.engine import Engine
from queuewright.engine.events import Event
from queuewright.engine.rules.http_request import OutgoingRequest, Signer
from queuewright.engine.service.calls import DEVELOPER, Caller
from queuewright.engine.settings import Settings

__all__ = [
    "DEVELOPER",
    "Answer",
    "Caller",
    "Clock",
    "Engine",
    "Event",
    "InProcessSender",
    "ManualClock",
    "NoAnswerError",
    "OutgoingRequest",
    "Sender",
    "Settings",
    "Signer",
    "SystemClock",
]
