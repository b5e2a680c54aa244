"""The container of a service: from an image, a Dockerfile, or a folder without a build."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pulumi
from pulumi_gcp import cloudrunv2

from queuewright.packages import runtime_files

from .images import DOCKERFILE, ImageRepository
from .packages import PackageBucket
from .vendor import VENDOR, vendored

# The runtimes that are older than the base images of `google-24`:
# https://cloud.google.com/run/docs/configuring/services/runtime-base-images
OLDER = re.compile(
    r"python3(10|11|12|13)|nodejs(18|20|22)|go12[0-5]|java(17|21)|php8[2-4]|ruby3[23]|dotnet8"
)


@dataclass(frozen=True)
class ImageSource:
    """An existing image, such as `europe-docker.pkg.dev/acme-prod/images/thumbnails:1`."""

    image: pulumi.Input[str]


@dataclass(frozen=True)
class DockerfileSource:
    """A folder with a Dockerfile; its image is pushed to `images`.

    Attributes:
        folder: what the build gets.
        images: the repository for the image.
        include: folders and files that the build gets beside `folder`'s, under their names.
        dockerfile: the Dockerfile, relative to `folder`.
    """

    folder: Path
    images: ImageRepository
    include: Sequence[Path] = ()
    dockerfile: PurePosixPath | str = DOCKERFILE


@dataclass(frozen=True)
class FolderSource:
    """A folder that is deployed without Docker and without a build.

    Attributes:
        folder: the code; for Python, the packages of its `requirements.txt` are deployed with it.
        runtime: Google's name of the language, such as `python313`.
        command: the command that serves on `$PORT`, and its arguments.
        packages: the bucket for the code.
        include: folders and files that are deployed beside the code, under their names.
        with_runtime: add the library that makes dead letters, `queuewright_runtime`.
    """

    folder: Path
    runtime: str
    command: Sequence[str]
    packages: PackageBucket
    include: Sequence[Path] = ()
    with_runtime: bool = False


Source = ImageSource | DockerfileSource | FolderSource


@dataclass(frozen=True)
class Container:
    """The fields of a container that determine its code, and the launch stage they need."""

    fields: cloudrunv2.ServiceTemplateContainerArgsDict
    launch_stage: str = "GA"
    search_path: str | None = None
    """The folder with vendored Python packages."""


def container(
    source: Source, name: str, *, called: str, location: str, parent: pulumi.Resource
) -> Container:
    """The container of the service `called`. `parent` gets the resources that it needs."""
    if isinstance(source, ImageSource):
        return Container({"image": source.image})
    if isinstance(source, DockerfileSource):
        built = source.images.build(
            name,
            source.folder,
            image=called,
            parent=parent,
            include=source.include,
            dockerfile=PurePosixPath(source.dockerfile),
        )
        return Container({"image": built})
    files = vendored(source.folder, source.runtime)
    ours = runtime_files() if source.with_runtime else {}
    package = source.packages.upload(
        name,
        source.folder,
        archive=called,
        parent=parent,
        include=source.include,
        vendored={**ours, **files},
    )
    command, *arguments = source.command
    return Container(
        {
            # No image: Google adds the code to the runtime's base image.
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
    """Google's base image of a runtime, in the service's region.

    >>> base_image("python314", "europe-west1")
    'europe-west1-docker.pkg.dev/serverless-runtimes/google-24-full/runtimes/python314'
    """
    stack = "google-22-full" if OLDER.fullmatch(runtime) else "google-24-full"
    return f"{location}-docker.pkg.dev/serverless-runtimes/{stack}/runtimes/{runtime}"
