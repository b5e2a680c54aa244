"""Handlers as components: a function, a service, an App Engine version."""

from .app_engine import AppEngineHandler
from .deployed import DeployedHandler
from .function import FunctionHandler
from .handler import Handler, Invoker
from .service import ServiceHandler
from .worker import Worker

__all__ = [
    "AppEngineHandler",
    "DeployedHandler",
    "FunctionHandler",
    "Handler",
    "Invoker",
    "ServiceHandler",
    "Worker",
]
