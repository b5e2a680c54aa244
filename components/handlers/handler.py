"""What functions and services have in common: an account, an address, and who may call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pulumi
from pulumi_gcp import cloudrunv2, serviceaccount

from queuewright.blueprint.names import first_key

from .identity import Identity
from .options import former_names, renamed, within


class Handler(pulumi.ComponentResource):
    """Code that tasks are sent to, running as an account of its own.

    A 2nd gen function is a Cloud Run service underneath, so that one rule serves both: who holds
    `roles/run.invoker` on the service may call, and nobody else.

    Attributes:
        key: what the handler is called among the grants of others.
        renamed_from: what it was called there before.
        account: the service account that it runs as; without any right but those given to it.
        member: the same, as IAM writes it.
        url: the root of its address; also the audience of the tokens that it takes.
    """

    key: str
    renamed_from: Sequence[str]
    account: serviceaccount.Account
    member: pulumi.Output[str]
    url: pulumi.Output[str]

    def __init__(
        self,
        kind: str,
        name: str,
        *,
        key: str | None,
        renamed_from: Sequence[str],
        project: str,
        location: str,
        identity: Identity | None,
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        before = former_names(name, key, renamed_from)
        super().__init__(f"queuewright:index:{kind}", name, None, renamed(opts, before))
        self.key, self.renamed_from = key or name, renamed_from
        self._name, self._project, self._location, self._opts = name, project, location, opts
        named = identity or Identity.of(first_key(name, before), "handler")
        self.account = named.account(f"{name}-account", project=project, opts=within(self, opts))
        self.member = self.account.member

    def admit(
        self, caller: str, member: pulumi.Input[str], *, renamed_from: Iterable[str] = ()
    ) -> cloudrunv2.ServiceIamMember:
        """Let `member` call this handler; `caller` names the grant, as `renamed_from` once did."""
        grant = f"{self._name}-invoker"
        return cloudrunv2.ServiceIamMember(
            f"{grant}-{caller}",
            project=self._project,
            location=self._location,
            name=self._service_name,
            role="roles/run.invoker",
            member=member,
            opts=within(self, self._opts, former=(f"{grant}-{each}" for each in renamed_from)),
        )

    def _serves(self, service: pulumi.Output[str], url: pulumi.Output[str]) -> None:
        """Tell what was made: the name of the Cloud Run service, and its address."""
        self._service_name = service
        self.url = url
        self.register_outputs({"url": url, "account": self.account.email})
