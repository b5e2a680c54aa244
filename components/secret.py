"""A secret that handlers read, and who may read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pulumi
from pulumi_gcp import secretmanager

from .mistakes import require
from .options import within


class HandlerSecret(pulumi.ComponentResource):
    """A secret of Secret Manager: one that exists, or one that is made from a value.

    Attributes:
        project: the id of the project that it is in.
        secret_id: its id in the project.
        version: the version that was made, once it is there; `"latest"` of one that exists.

    Args:
        name: the component's logical name.
        project: the id of the project that the secret is in.
        secret_id: its id, 1 to 255 letters, digits, `_` and `-`.
        value: make the secret, with this value, which the state keeps encrypted; without it the
            secret must exist.
        labels: on a secret that is made.
    """

    project: str
    secret_id: str
    version: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        project: str,
        secret_id: str,
        value: pulumi.Input[str] | None = None,
        labels: Mapping[str, str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        hint = "1 to 255 of A-Z, a-z, 0-9, _ and -"
        require(name, "secret_id", secret_id, r"[A-Za-z0-9_-]{1,255}", hint)
        super().__init__("queuewright:index:HandlerSecret", name, None, opts)
        self.project, self.secret_id = project, secret_id
        self._name, self._opts = name, opts
        self._made: list[pulumi.Resource] = []
        self.version = pulumi.Output.from_input("latest")
        if value is not None:
            secret = secretmanager.Secret(
                f"{name}-secret",
                secret_id=secret_id,
                project=project,
                labels=dict(labels or {}),
                replication={"auto": {}},
                opts=within(self, opts),
            )
            version = secretmanager.SecretVersion(
                f"{name}-version",
                secret=secret.id,
                secret_data=pulumi.Output.secret(value),
                opts=within(self, opts),
            )
            self._made = [secret]
            self.version = version.version
        self.register_outputs({"secret_id": secret_id, "version": self.version})

    def admit(
        self, reader: str, member: pulumi.Input[str], *, renamed_from: Iterable[str] = ()
    ) -> secretmanager.SecretIamMember:
        """Let `member` read the secret; `reader` names the grant, as `renamed_from` once did."""
        grant = f"{self._name}-reader"
        return secretmanager.SecretIamMember(
            f"{grant}-{reader}",
            project=self.project,
            secret_id=self.secret_id,
            role="roles/secretmanager.secretAccessor",
            member=member,
            opts=within(
                self,
                self._opts,
                after=self._made,
                former=(f"{grant}-{each}" for each in renamed_from),
            ),
        )


@dataclass(frozen=True)
class SecretVariable:
    """An environment variable whose value is a version of a secret.

    Attributes:
        secret: where it is.
        version: which one; another one redeploys the handler. Default: the one that was made, or
            `"latest"`, which an instance looks up when it starts.
    """

    secret: HandlerSecret
    version: str | None = None

    @property
    def pinned(self) -> pulumi.Output[str]:
        """The version as it is written into the handler."""
        return pulumi.Output.from_input(self.version or self.secret.version)
