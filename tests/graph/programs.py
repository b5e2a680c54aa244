"""A small program for the tests: a queue, its handler and a producer."""

from __future__ import annotations

from collections.abc import Callable

import pulumi
from pulumi_gcp import Provider, cloudrunv2, cloudtasks, serviceaccount


def emails_and_mailer(
    *, invoker_grant: bool = True, enqueuer_grant: bool = True, public: bool = False
) -> Callable[[], None]:
    """A program in which queue `emails` dispatches to service `mailer`."""

    def program() -> None:
        provider = Provider("gcp", project="acme", region="europe-west1")
        options = pulumi.ResourceOptions(provider=provider)
        runs_as = serviceaccount.Account("mailer-account", account_id="mailer-run", opts=options)
        invoker = serviceaccount.Account(
            "emails-invoker", account_id="emails-invoker", opts=options
        )
        service = cloudrunv2.Service(
            "mailer",
            name="mailer",
            location="europe-west1",
            template={
                "service_account": runs_as.email,
                "containers": [
                    {
                        "image": "mailer",
                        "envs": [
                            {"name": "TOKEN", "value": pulumi.Config().require_secret("token")}
                        ],
                    }
                ],
            },
            opts=options,
        )
        queue = cloudtasks.Queue(
            "emails",
            name="emails",
            location="europe-west1",
            http_target={
                "uri_override": {"host": service.uri.apply(lambda uri: uri.split("/")[2])},
                "oidc_token": {
                    "service_account_email": invoker.email,
                    "audience": service.uri,
                },
            },
            opts=pulumi.ResourceOptions(
                provider=provider, protect=True, aliases=[pulumi.Alias(name="mails")]
            ),
        )
        member = "allUsers" if public else invoker.member
        if invoker_grant:
            cloudrunv2.ServiceIamMember(
                "emails-calls-mailer",
                name=service.name,
                location=service.location,
                role="roles/run.invoker",
                member=member,
                opts=options,
            )
        if enqueuer_grant:
            cloudtasks.QueueIamMember(
                "mailer-adds-emails",
                name=queue.name,
                location=queue.location,
                role="roles/cloudtasks.enqueuer",
                member=runs_as.member,
                opts=pulumi.ResourceOptions(provider=provider, depends_on=[service]),
            )
        pulumi.export("queue", queue.id)

    return program
