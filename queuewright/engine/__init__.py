"""Cloud Tasks on this machine. Start with `Engine`.

Other packages import from here, and the message classes from `queuewright.engine.protocol`.
"""

from queuewright.engine import events
from queuewright.engine.activity_log import is_sampled, log_entry
from queuewright.engine.api.grpc import ENDED_ATTEMPTS, GrpcService
from queuewright.engine.api.http_log import LOGGER as HTTP_LOG
from queuewright.engine.api.methods import Method as GrpcMethod
from queuewright.engine.clock import Clock, ManualClock, SystemClock, Timer
from queuewright.engine.dispatch.addresses import host_port, unusable
from queuewright.engine.dispatch.in_process import InProcessSender
from queuewright.engine.dispatch.sender import Answer, NoAnswerError, Sender
from queuewright.engine.dispatch.tokens import Signer
from queuewright.engine.engine import Engine
from queuewright.engine.events import Event
from queuewright.engine.protocol.status import NO_ATTEMPT, TIMED_OUT, UNREACHABLE
from queuewright.engine.rules.excerpt import Excerpt, excerpt
from queuewright.engine.rules.http_request import (
    METHODS,
    OutgoingRequest,
    TokenSigner,
    target_address,
)
from queuewright.engine.rules.queue_config import QueueOptions
from queuewright.engine.rules.schedule import StateCounts
from queuewright.engine.service.calls import DEVELOPER, PROGRAM, Caller
from queuewright.engine.service.inspection import QueueFacts, TaskFacts, TaskFilter
from queuewright.engine.service.inspection import State as TaskState
from queuewright.engine.service.service import Service
from queuewright.engine.settings import Settings

__all__ = [
    "DEVELOPER",
    "ENDED_ATTEMPTS",
    "HTTP_LOG",
    "METHODS",
    "NO_ATTEMPT",
    "PROGRAM",
    "TIMED_OUT",
    "UNREACHABLE",
    "Answer",
    "Caller",
    "Clock",
    "Engine",
    "Event",
    "Excerpt",
    "GrpcMethod",
    "GrpcService",
    "InProcessSender",
    "ManualClock",
    "NoAnswerError",
    "OutgoingRequest",
    "QueueFacts",
    "QueueOptions",
    "Sender",
    "Service",
    "Settings",
    "Signer",
    "StateCounts",
    "SystemClock",
    "TaskFacts",
    "TaskFilter",
    "TaskState",
    "Timer",
    "TokenSigner",
    "events",
    "excerpt",
    "host_port",
    "is_sampled",
    "log_entry",
    "target_address",
    "unusable",
]
