"""What keeps the delayed tasks of a pull queue: a push queue that publishes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_gcp import cloudtasks, serviceaccount

from queuewright.blueprint import AccountPlan, DelayQueueSettings

from .accounts import Identity, service_account
from .options import within
from .queue_fields import rate_limits, retry_config


@dataclass(frozen=True)
class Delays:
    """What keeps the delayed tasks of a pull queue.

    Attributes:
        queue: the push queue, whose tasks are requests to publish.
        account: the account that publishes; it may publish to the pull queue's topic.
        key: its name in the logical names of grants.
        renamed_from: its former keys.
    """

    queue: cloudtasks.Queue
    account: serviceaccount.Account
    key: str
    renamed_from: Sequence[str]

    @property
    def member(self) -> pulumi.Output[str]:
        """The account as an IAM member."""
        return self.account.member


@dataclass(frozen=True)
class DelayArguments:
    """The settings of the queue for delays, and of its account."""

    settings: DelayQueueSettings
    account: AccountPlan | Identity
    location: str
    key: str
    renamed_from: Sequence[str]


def created_delays(
    name: str,
    given: DelayArguments,
    *,
    project: str,
    parent: pulumi.Resource,
    opts: pulumi.ResourceOptions | None,
) -> Delays:
    """Create the queue and its account as children of the pull queue `parent`."""
    account = service_account(
        f"{name}-delays-account", given.account, project=project, opts=within(parent, opts)
    )
    settings, options = given.settings, within(parent, opts)
    options.protect = settings.protect
    queue = cloudtasks.Queue(
        f"{name}-delays-queue",
        name=settings.queue_id,
        project=project,
        location=given.location,
        rate_limits=rate_limits(settings.rate_limits),
        retry_config=retry_config(settings.retry_config),
        desired_state=settings.desired_state,
        http_target={
            "http_method": "POST",
            "uri_override": {
                "scheme": "HTTPS",
                "host": settings.host,
                "path_override": {"path": settings.path or ""},
                "uri_override_enforce_mode": "ALWAYS",
            },
            "oauth_token": {
                "service_account_email": account.email,
                "scope": settings.scope,
            },
        },
        opts=options,
    )
    return Delays(queue, account, given.key, given.renamed_from)
