"""Where handlers' code is stored, and how it is built."""

from .build import BuildAccount
from .container import (
    Container,
    DockerfileSource,
    FolderSource,
    ImageSource,
    Source,
    container,
)
from .images import ImageRepository
from .packages import PackageBucket, Upload

__all__ = [
    "BuildAccount",
    "Container",
    "DockerfileSource",
    "FolderSource",
    "ImageRepository",
    "ImageSource",
    "PackageBucket",
    "Source",
    "Upload",
    "container",
]
