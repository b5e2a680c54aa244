"""A secret that handlers read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_gcp import secretmanager

from queuewright.blueprint import READ_SECRET

from .grants import Grantee, named_grant
from .mistakes import require
from .new_grants import NewGrants
from .options import within


class HandlerSecret(pulumi.ComponentResource):
    """A secret of Secret Manager: an existing one, or a new one with a given value.

    Attributes:
        project: the id of its project.
        secret_id: its id in the project.
        version: the version that was created, or `"latest"` for an existing secret.

    Args:
        name: the component's logical name.
        project: the id of the secret's project.
        secret_id: its id, 1 to 255 letters, digits, `_` and `-`.
        value: create the secret with this value, which Pulumi's state keeps encrypted. Without it
            the secret must exist.
        labels: on a new secret.
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
        self._created: list[pulumi.Resource] = []
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
            self._created = [secret]
            self.version = version.version
        self.register_outputs({"secret_id": secret_id, "version": self.version})

    def admit(
        self,
        reader: Grantee | str,
        *,
        role: str = READ_SECRET,
        hooks: pulumi.ResourceHookBinding | None = None,
    ) -> secretmanager.SecretIamMember:
        """Grant a role on this secret to a handler or an IAM member. Default: to read it."""
        grant = named_grant(self._name, role, reader)
        return secretmanager.SecretIamMember(
            grant.name,
            project=self.project,
            secret_id=self.secret_id,
            role=role,
            member=grant.member,
            opts=within(self, self._opts, after=self._created, former=grant.former, hooks=hooks),
        )


@dataclass(frozen=True)
class SecretVariable:
    """An environment variable with a version of a secret as its value.

    Attributes:
        secret: the secret.
        version: its version; another version redeploys the handler. Default: the version that was
            created, or `"latest"`, which each instance looks up when it starts.
    """

    secret: HandlerSecret
    version: str | None = None

    @property
    def pinned(self) -> pulumi.Output[str]:
        """The version for the handler's configuration."""
        return pulumi.Output.from_input(self.version or self.secret.version)


def secret_grants(
    variables: Mapping[str, SecretVariable], reader: Grantee, new: NewGrants
) -> Sequence[pulumi.Resource]:
    """The right of `reader` to read each secret of its variables."""
    secrets = {id(each.secret): each.secret for each in variables.values()}
    return [secret.admit(reader, hooks=new.grant_hooks) for secret in secrets.values()]
