"""The repository for images, and the build of an image from a handler's folder."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import pulumi
from pulumi_gcp import artifactregistry

from queuewright.blueprint import WRITE_IMAGES
from queuewright.packages import Package, included, package

from ..grants import Grantee, named_grant
from ..mistakes import require
from ..options import within

FOLDER = Path(".queuewright", "images")
DOCKERFILE = PurePosixPath("Dockerfile")
BUILDS_KEPT = 10
VERSIONS_A_BUILD = 3
"""At most: an image, the list that names it and its attestation are a version each
(https://docs.docker.com/build/metadata/attestations/attestation-storage/), and the registry counts
versions (https://cloud.google.com/artifact-registry/docs/repositories/cleanup-policy-overview)."""


class ImageRepository(pulumi.ComponentResource):
    """An Artifact Registry repository for handlers' images. It keeps the last ten builds of each.

    Args:
        name: the component's logical name.
        project: the id of the project.
        location: the region.
        repository_id: 1 to 63 lower-case letters, digits and hyphens.
        labels: on the repository.
        folder: the folder for the sources of builds on this machine.
    """

    repository: artifactregistry.Repository

    def __init__(
        self,
        name: str,
        *,
        project: str,
        location: str,
        repository_id: str,
        labels: Mapping[str, str] | None = None,
        folder: Path = FOLDER,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        # https://cloud.google.com/artifact-registry/docs/repositories/create-repos
        hint = "1 to 63 of a-z, 0-9 and -, a letter first and no - last"
        require(name, "repository_id", repository_id, r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", hint)
        super().__init__("queuewright:index:ImageRepository", name, None, opts)
        self._name, self._project, self._location = name, project, location
        self._folder, self._opts = folder, opts
        self._registry = f"{location}-docker.pkg.dev/{project}/{repository_id}"
        self.repository = artifactregistry.Repository(
            f"{name}-repository",
            repository_id=repository_id,
            project=project,
            location=location,
            format="DOCKER",
            labels=dict(labels or {}),
            cleanup_policies=[
                {
                    "id": "keep-the-last",
                    "action": "KEEP",
                    "most_recent_versions": {"keep_count": BUILDS_KEPT * VERSIONS_A_BUILD},
                },
                {
                    "id": "delete-the-rest",
                    "action": "DELETE",
                    "condition": {"tag_state": "ANY", "older_than": "2592000s"},
                },
            ],
            opts=within(self, opts),
        )
        self.register_outputs({"repository": self.repository.id})

    def build(
        self,
        name: str,
        source: Path,
        *,
        image: str,
        parent: pulumi.Resource,
        include: Sequence[Path] = (),
        dockerfile: PurePosixPath = DOCKERFILE,
    ) -> pulumi.Output[str]:
        """Build an image for linux/amd64 from a folder with a Dockerfile, and push it.

        The tag is the hash of the sources. The build gets only those, so an ignored file or a
        file's time causes no build. This machine needs Docker, and `gcloud auth configure-docker`
        for the push.

        Args:
            name: the logical name of the image, without its suffix.
            source: the folder to build from; its `.gcloudignore` applies.
            image: the image's name in the repository.
            parent: the handler's component.
            include: folders and files that the build gets beside these, under their names.
            dockerfile: the Dockerfile, relative to `source`.

        Returns:
            The image's reference with its digest.
        """
        # Imported here: a program that builds no image needs neither the package nor Docker.
        import pulumi_docker_build as docker_build

        packed = package(source, into=self._folder, name=image, trees=included(include))
        context = _unpacked(packed)
        built = docker_build.Image(
            f"{name}-image",
            tags=[f"{self._registry}/{image}:{packed.digest}"],
            context={"location": str(context)},
            # Docker looks for `Dockerfile` in the context by itself.
            dockerfile=(
                {"location": str(context / dockerfile)} if dockerfile != DOCKERFILE else None
            ),
            platforms=[docker_build.Platform.LINUX_AMD64],
            push=True,
            # So that a preview needs no Docker.
            build_on_preview=False,
            opts=within(parent, self._opts, after=[self.repository]),
        )
        return built.ref

    def admit(
        self,
        writer: Grantee | str,
        *,
        role: str = WRITE_IMAGES,
        hooks: pulumi.ResourceHookBinding | None = None,
    ) -> artifactregistry.RepositoryIamMember:
        """Grant a role on the repository. Default: to push images."""
        grant = named_grant(self._name, role, writer)
        return artifactregistry.RepositoryIamMember(
            grant.name,
            project=self._project,
            location=self._location,
            repository=self.repository.name,
            role=role,
            member=grant.member,
            opts=within(self, self._opts, former=grant.former, hooks=hooks),
        )


def _unpacked(packed: Package) -> Path:
    """A folder beside the archive with its files and their modes."""
    folder = packed.path.with_suffix("")
    with zipfile.ZipFile(packed.path) as archive:
        for entry in archive.infolist():
            file = Path(archive.extract(entry, folder))
            file.chmod(stat.S_IMODE(entry.external_attr >> 16))
    return folder
