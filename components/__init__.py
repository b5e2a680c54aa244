"""Task queues and their handlers on Google Cloud, as Pulumi components.

`TaskStack` builds all that a stack's YAML describes. Each part also stands alone, in a Pulumi
program that has no YAML of ours: a `TaskQueue` that dispatches to a `FunctionHandler`, say. In a
project that has no folder `components`, import them from `queuewright.components`.
"""

from queuewright.blueprint import AppEngineRoute, UrlRoute
from queuewright.spec import Instances, RateLimits, RetryConfig, VpcAccess

from .app_engine import AppEngineHandler
from .build import BuildAccount, ProjectRole
from .container import DockerfileSource, FolderSource, ImageSource
from .function import FunctionHandler
from .handler import Handler
from .identity import Identity
from .images import ImageRepository
from .packages import PackageBucket
from .project import ProjectServices
from .queue import TaskQueue
from .runtime import RuntimeArgs
from .secret import HandlerSecret, SecretVariable
from .service import ServiceHandler
from .stack import TaskStack

__all__ = [
    "AppEngineHandler",
    "AppEngineRoute",
    "BuildAccount",
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
    "RateLimits",
    "RetryConfig",
    "RuntimeArgs",
    "SecretVariable",
    "ServiceHandler",
    "TaskQueue",
    "TaskStack",
    "UrlRoute",
    "VpcAccess",
]
