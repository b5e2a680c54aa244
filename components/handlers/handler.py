"""What functions and services have in common: a URL, an invoker, and who may call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_gcp import cloudrunv2, serviceaccount

from queuewright.blueprint import CALL_HANDLER, AccountPlan

from ..accounts import Identity, service_account
from ..grants import Grantee, named_grant
from ..options import Alias, within
from .deployed import DeployedHandler


@dataclass(frozen=True)
class Invoker:
    """The account whose token a handler's tasks carry.

    Attributes:
        account: the service account.
        renamed_from: its former names in the logical name of its grant.
        key: its name there.
    """

    account: serviceaccount.Account
    renamed_from: Sequence[str] = ()
    key: str = "queues"

    @property
    def member(self) -> pulumi.Output[str]:
        """The account as an IAM member."""
        return self.account.member


class Handler(DeployedHandler):
    """Code that tasks are sent to by URL.

    A 2nd gen function has a Cloud Run service, so the same rule holds for both kinds: only members
    with the invoker's role on the service may call it.

    Attributes:
        url: the root of its URL; also the audience of the tokens that it accepts.
    """

    url: pulumi.Output[str]
    _service_name: pulumi.Output[str]
    _invoker: Invoker | None = None
    _invoker_identity: Identity | None = None
    _callers: dict[str, cloudrunv2.ServiceIamMember]

    def invoker(
        self,
        identity: Identity | AccountPlan | None = None,
        *,
        aliases: Iterable[Alias] = (),
        renamed_from: Sequence[str] = (),
    ) -> Invoker:
        """The account whose token this handler's tasks carry, created on the first call.

        Args:
            identity: the account's id. Default: derived from the handler's name.
            aliases: former URNs of the account.
            renamed_from: its former names in the logical name of its grant.
        """
        if self._invoker is None:
            default = self._invoker_identity or Identity.of(self._first_name, "invoker")
            account = service_account(
                f"{self._name}-invoker",
                identity or default,
                project=self._project,
                opts=within(self, self._opts, aliases=aliases),
            )
            self._invoker = Invoker(account, renamed_from)
        return self._invoker

    def admit(
        self, caller: Grantee | str, *, role: str = CALL_HANDLER
    ) -> cloudrunv2.ServiceIamMember:
        """Grant a role on this handler, once. Default: to call it."""
        grant = named_grant(self._name, role, caller)
        if grant.name not in self._callers:
            self._callers[grant.name] = cloudrunv2.ServiceIamMember(
                grant.name,
                project=self._project,
                location=self._location,
                name=self._service_name,
                role=role,
                member=grant.member,
                opts=within(self, self._opts, former=grant.former),
            )
        return self._callers[grant.name]

    def _serve(self, service: pulumi.Output[str], url: pulumi.Output[str]) -> None:
        """Record the name of the Cloud Run service and its URL."""
        self._service_name, self.url, self._callers = service, url, {}
        self.register_outputs({"url": url, "account": self.account.email})
