"""Task queues and their handlers on Google Cloud, as Pulumi components.

`TaskStack` creates everything that a blueprint says. The other components can also be used one by
one, in a Pulumi program without YAML: a `TaskQueue` with a `FunctionHandler`, for example. Outside
of a clone, import them from `queuewright.components`.
"""

from queuewright.blueprint import AppEngineRoute, Condition, ProjectRole, UrlRoute
from queuewright.spec import Instances, PullSettings, RateLimits, RetryConfig, VpcAccess

from .accounts import Identity
from .arguments import RuntimeArgs
from .code import (
    BuildAccount,
    DockerfileSource,
    FolderSource,
    ImageRepository,
    ImageSource,
    PackageBucket,
)
from .handlers import AppEngineHandler, FunctionHandler, Handler, ServiceHandler, Worker
from .project import ProjectServices
from .pull_queue import PullQueue
from .queue import TaskQueue
from .secret import HandlerSecret, SecretVariable
from .stack import TaskStack

__all__ = [
    "AppEngineHandler",
    "AppEngineRoute",
    "BuildAccount",
    "Condition",
    "DockerfileSource",
    "FolderSource",
    "FunctionHandler",
    "Handler",
    "HandlerSecret",
    "Identity",
    "ImageRepository",
    "ImageSource",
    "Instances",
    "PackageBucket",
    "ProjectRole",
    "ProjectServices",
    "PullQueue",
    "PullSettings",
    "RateLimits",
    "RetryConfig",
    "RuntimeArgs",
    "SecretVariable",
    "ServiceHandler",
    "TaskQueue",
    "TaskStack",
    "UrlRoute",
    "VpcAccess",
    "Worker",
]
