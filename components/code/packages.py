"""The bucket that handlers' code is put into, and a handler's code in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pulumi
from pulumi_gcp import storage

from queuewright.packages import package

from .mistakes import require
from .options import within

FOLDER = Path(".queuewright", "packages")
DAYS_KEPT = 90


@dataclass(frozen=True)
class Upload:
    """A handler's code in the bucket; each is known only once it is there."""

    bucket: pulumi.Output[str]
    name: pulumi.Output[str]
    generation: pulumi.Output[int]


class PackageBucket(pulumi.ComponentResource):
    """A private bucket for the archives that functions and services are deployed from.

    An archive's name holds the hash of what is in it: other code is another object, so that its
    handler is deployed again, and equal code is the same object, whatever its files' times.
    An archive is deleted when its handler runs from the next one, and stays readable by its
    generation for 90 days more, for whoever goes back to what ran before.

    Args:
        name: the component's logical name.
        project: the id of the project.
        location: the region, `europe-west1`, or multi-region, `EU`, of the bucket.
        bucket_name: 3 to 63 characters, unique in the world.
        labels: on the bucket.
        folder: where archives are kept on this machine before they are uploaded.
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
            # What is in it is made from the sources; nothing is lost when it goes with its stack.
            force_destroy=True,
            versioning={"enabled": True},
            # Only what was replaced: an age of its own would take the source of what runs, too.
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
        vendored: Mapping[PurePosixPath, Path] | None = None,
    ) -> Upload:
        """Archive `source` and put it into the bucket, as a part of `parent` with that `name`.

        Args:
            name: the logical name of the object.
            source: the handler's folder; its `.gcloudignore` is honoured.
            archive: what the object's name begins with.
            parent: the component whose code it is.
            vendored: further files by their path in the archive.
        """
        packed = package(source, into=self._folder, name=archive, vendored=vendored)
        options = within(parent, self._opts)
        # The provider would delete the old one first, and what still runs from it lose its source
        # until its handler is updated. Another name is in nobody's way.
        options.delete_before_replace = False
        made = storage.BucketObject(
            f"{name}-package",
            bucket=self.bucket.name,
            name=packed.path.name,
            source=pulumi.FileAsset(str(packed.path)),
            opts=options,
        )
        return Upload(self.bucket.name, made.output_name, made.generation)

    def admit(self, reader: str, member: pulumi.Input[str]) -> storage.BucketIAMMember:
        """Let `member` read the bucket; `reader` names the grant."""
        return storage.BucketIAMMember(
            f"{self._name}-reader-{reader}",
            bucket=self.bucket.name,
            role="roles/storage.objectViewer",
            member=member,
            opts=within(self, self._opts),
        )
