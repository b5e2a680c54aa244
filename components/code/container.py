"""What a service's container is made of: an image, a Dockerfile, or a folder as it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi_gcp import cloudrunv2

from .images import ImageRepository
from .packages import PackageBucket
from .vendor import VENDOR, vendored

# The stack that a runtime's base image comes from, for those older than `google-24`:
# https://cloud.google.com/run/docs/configuring/services/runtime-base-images
OLDER = re.compile(
    r"python3(10|11|12|13)|nodejs(18|20|22)|go12[0-5]|java(17|21)|php8[2-4]|ruby3[23]|dotnet8"
)


@dataclass(frozen=True)
class ImageSource:
    """A ready image, such as `europe-docker.pkg.dev/acme-prod/images/thumbnails:1`."""

    image: pulumi.Input[str]


@dataclass(frozen=True)
class DockerfileSource:
    """A folder with a Dockerfile, whose image is kept in `images`."""

    folder: Path
    images: ImageRepository


@dataclass(frozen=True)
class FolderSource:
    """A folder that is deployed as it is, without Docker and without a build.

    Attributes:
        folder: the code; for Python the packages of its `requirements.txt` travel with it.
        runtime: Google's name of the language, such as `python313`.
        command: the command that serves on `$PORT`, and its arguments.
        packages: the bucket that the code is put into.
    """

    folder: Path
    runtime: str
    command: Sequence[str]
    packages: PackageBucket


Source = ImageSource | DockerfileSource | FolderSource


@dataclass(frozen=True)
class Container:
    """The fields of a container that tell what it runs, and the launch stage that they take."""

    fields: cloudrunv2.ServiceTemplateContainerArgsDict
    launch_stage: str = "GA"
    search_path: str | None = None
    """Where Python finds what was vendored."""


def container(
    source: Source, name: str, *, called: str, location: str, parent: pulumi.Resource
) -> Container:
    """The container of the service `called`, what it needs made as parts of `parent`."""
    if isinstance(source, ImageSource):
        return Container({"image": source.image})
    if isinstance(source, DockerfileSource):
        built = source.images.build(name, source.folder, image=called, parent=parent)
        return Container({"image": built})
    files = vendored(source.folder, source.runtime)
    package = source.packages.upload(
        name, source.folder, archive=called, parent=parent, vendored=files
    )
    command, *arguments = source.command
    return Container(
        {
            # No image of its own: the runtime's base image, with the code beside it.
            "image": "scratch",
            "base_image_uri": base_image(source.runtime, location),
            "commands": [command],
            "args": arguments,
            "source_code": {
                "cloud_storage_source": {
                    "bucket": package.bucket,
                    "object": package.name,
                    "generation": package.generation.apply(str),
                }
            },
        },
        launch_stage="BETA",
        search_path=VENDOR if files else None,
    )


def base_image(runtime: str, location: str) -> str:
    """The image that Google keeps for a runtime, in the service's own region.

    >>> base_image("python314", "europe-west1")
    'europe-west1-docker.pkg.dev/serverless-runtimes/google-24-full/runtimes/python314'
    """
    stack = "google-22-full" if OLDER.fullmatch(runtime) else "google-24-full"
    return f"{location}-docker.pkg.dev/serverless-runtimes/{stack}/runtimes/{runtime}"
