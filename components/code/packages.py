"""The bucket for handlers' code, and the upload of a handler's code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pulumi
from pulumi_gcp import storage

from queuewright.blueprint import READ_PACKAGES
from queuewright.packages import included, package

from ..grants import Grantee, named_grant
from ..mistakes import require
from ..options import within

FOLDER = Path(".queuewright", "packages")
DAYS_KEPT = 90


@dataclass(frozen=True)
class Upload:
    """A handler's code in the bucket."""

    bucket: pulumi.Output[str]
    name: pulumi.Output[str]
    generation: pulumi.Output[int]


class PackageBucket(pulumi.ComponentResource):
    """A private bucket for the archives from which handlers are deployed.

    The name of an archive has the hash of its content. New code is a new object, which redeploys
    the handler; the same code is the same object, even if the files' times differ. An archive is
    deleted once its handler runs from the next one. Its generation stays readable for 90 days, for
    a rollback.

    Args:
        name: the component's logical name.
        project: the id of the project.
        location: the region, `europe-west1`, or multi-region, `EU`, of the bucket.
        bucket_name: 3 to 63 characters, globally unique.
        labels: on the bucket.
        folder: the folder for archives on this machine.
    """

    bucket: storage.Bucket

    def __init__(
        self,
        name: str,
        *,
        project: str,
        location: str,
        bucket_name: str,
        labels: Mapping[str, str] | None = None,
        folder: Path = FOLDER,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        # https://cloud.google.com/storage/docs/buckets#naming
        hint = "3 to 63 of a-z, 0-9, -, _ and ., a letter or digit first and last"
        require(name, "bucket_name", bucket_name, r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]", hint)
        super().__init__("queuewright:index:PackageBucket", name, None, opts)
        self._name, self._folder, self._opts = name, folder, opts
        self.bucket = storage.Bucket(
            f"{name}-bucket",
            name=bucket_name,
            project=project,
            location=location.upper(),
            labels=dict(labels or {}),
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            # Its content can be rebuilt from the sources, so it may go with its stack.
            force_destroy=True,
            versioning={"enabled": True},
            # Only replaced objects: a rule by age would also delete code that is still running.
            lifecycle_rules=[
                {
                    "action": {"type": "Delete"},
                    "condition": {
                        "days_since_noncurrent_time": DAYS_KEPT,
                        "with_state": "ARCHIVED",
                    },
                }
            ],
            opts=within(self, opts),
        )
        self.register_outputs({"bucket": self.bucket.name})

    def upload(
        self,
        name: str,
        source: Path,
        *,
        archive: str,
        parent: pulumi.Resource,
        include: Sequence[Path] = (),
        vendored: Mapping[PurePosixPath, Path] | None = None,
    ) -> Upload:
        """Archive a handler's folder and upload it.

        Args:
            name: the logical name of the object, without its suffix.
            source: the handler's folder; its `.gcloudignore` applies.
            archive: the beginning of the object's name.
            parent: the handler's component.
            include: folders and files that are archived beside the handler's, under their names.
            vendored: further files by their path in the archive.
        """
        packed = package(
            source, into=self._folder, name=archive, trees=included(include), vendored=vendored
        )
        options = within(parent, self._opts)
        # The provider would delete the old object first, before the handler is updated. The new
        # object has another name, so both can exist.
        options.delete_before_replace = False
        uploaded = storage.BucketObject(
            f"{name}-package",
            bucket=self.bucket.name,
            name=packed.path.name,
            source=pulumi.FileAsset(str(packed.path)),
            opts=options,
        )
        return Upload(self.bucket.name, uploaded.output_name, uploaded.generation)

    def admit(
        self,
        reader: Grantee | str,
        *,
        role: str = READ_PACKAGES,
        hooks: pulumi.ResourceHookBinding | None = None,
    ) -> storage.BucketIAMMember:
        """Grant a role on the bucket. Default: to read it."""
        grant = named_grant(self._name, role, reader)
        return storage.BucketIAMMember(
            grant.name,
            bucket=self.bucket.name,
            role=role,
            member=grant.member,
            opts=within(self, self._opts, former=grant.former, hooks=hooks),
        )
