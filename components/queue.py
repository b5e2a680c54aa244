"""A queue, where its tasks go, and who may add to it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pulumi
from pulumi_gcp import cloudtasks, serviceaccount

from queuewright.blueprint import AppEngineRoute, UrlRoute
from queuewright.blueprint.names import first_key
from queuewright.cloud_tasks.durations import seconds
from queuewright.spec import RateLimits, RetryConfig
from queuewright.spec.fields import MEMBER
from queuewright.spec.values import shown

from .app_engine import AppEngineHandler
from .arguments import queue_arguments
from .handler import Handler
from .identity import Identity
from .mistakes import mistake
from .options import former_names, renamed, within

Target = Handler | UrlRoute | AppEngineRoute
Enqueuer = Handler | AppEngineHandler | str


class TaskQueue(pulumi.ComponentResource):
    """A push queue, the account that its tasks are signed as, and its enqueuers.

    The queue itself holds the address and the token, so that whoever adds a task needs
    `roles/cloudtasks.enqueuer` on this queue and nothing else: no URL, no audience, no `actAs`.
    Every setting is written out, Google's default where nothing is said: one that is left out
    would keep its old value on the live queue.

    Alone, in a program of one's own, with a `FunctionHandler` called `mailer`::

        emails = TaskQueue(
            "emails",
            project="acme-prod",
            location="europe-west1",
            target=mailer,
            path="/send",
            rate_limits={"max_dispatches_per_second": 5},
            enqueuers=["serviceAccount:web@acme-prod.iam.gserviceaccount.com"],
        )

    Attributes:
        queue: the queue underneath.
        invoker: the account that its tasks are signed as; `None` where they carry no token.
        name: the full name, `projects/P/locations/L/queues/Q`; known once `enqueuers` may add.
        console: its page in Google's console.

    Args:
        name: the component's logical name.
        project: the id of the project.
        location: the region.
        target: a handler, somebody else's URL, or an App Engine service.
        path: where in a handler tasks arrive; a `UrlRoute` has its own. Default: at the path of a
            task's own URL.
        queue_id: at most 100 letters, digits and hyphens. Default: `name`, or the first it had. It
            is an address: the name of a deleted queue is blocked for days.
        rate_limits: as in the YAML, such as `{"max_dispatches_per_second": 5}`. Default: Google's,
            500 a second and 1000 at once.
        retry_config: likewise, such as `{"max_attempts": 8, "min_backoff": "10s"}`. Default:
            Google's, 100 attempts.
        sampling_ratio: the share of operations that is logged, 0 to 1. Default: 0.
        desired_state: `"RUNNING"` or `"PAUSED"`.
        enqueuers: handlers, and IAM members such as `serviceAccount:…`.
        identity: what the invoker is called. Default: derived from `name`, or the first it had.
        key: what it is called among the grants of others; `name` ends in it. Default: `name`.
        renamed_from: the keys that it had before, the first one first. The queue, its invoker and
            every grant stay the same ones; only their logical names change.
        protect: refuse to delete or replace the queue. Default: on.

    Raises:
        SpecError: arguments that no file may say either, each with a way out.
    """

    queue: cloudtasks.Queue
    invoker: serviceaccount.Account | None
    name: pulumi.Output[str]
    console: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        project: str,
        location: str,
        target: Target,
        path: str | None = None,
        queue_id: str | None = None,
        rate_limits: RateLimits | Mapping[str, object] | None = None,
        retry_config: RetryConfig | Mapping[str, object] | None = None,
        sampling_ratio: float = 0.0,
        desired_state: str = "RUNNING",
        enqueuers: Sequence[Enqueuer] = (),
        identity: Identity | None = None,
        key: str | None = None,
        renamed_from: Sequence[str] = (),
        protect: bool = True,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        known_as = key or name
        before = former_names(name, key, renamed_from)
        first = first_key(name, before)
        called = queue_id or first
        checked = queue_arguments(
            name,
            called,
            project=project,
            location=location,
            target=target,
            enqueuers=enqueuers,
            settings={
                "path": path,
                "rate_limits": rate_limits,
                "retry_config": retry_config,
                "stackdriver_logging_config": {"sampling_ratio": sampling_ratio},
                "desired_state": desired_state,
            },
        )
        super().__init__("queuewright:index:TaskQueue", name, None, renamed(opts, before))
        self._name, self._project, self._location, self._opts = name, project, location, opts
        admitted: list[pulumi.Resource] = []
        self.invoker = None
        if isinstance(target, Handler) or (isinstance(target, UrlRoute) and target.audience):
            named = identity or Identity.of(first, "invoker")
            self.invoker = named.account(
                f"{name}-invoker", project=project, opts=within(self, opts)
            )
            if isinstance(target, Handler):
                grant = target.admit(known_as, self.invoker.member, renamed_from=renamed_from)
                admitted = [grant]
        kept = within(self, opts, after=admitted)
        kept.protect = protect
        self.queue = cloudtasks.Queue(
            f"{name}-queue",
            name=called,
            project=project,
            location=location,
            rate_limits=_rate_limits(checked.rate_limits),
            retry_config=_retry_config(checked.retry_config),
            # Zero is never sent; written out, every preview would show it.
            stackdriver_logging_config={"sampling_ratio": sampling_ratio}
            if sampling_ratio
            else None,
            desired_state=desired_state,
            http_target=_http_target(target, path, self.invoker),
            app_engine_routing_override=_app_engine(target),
            opts=kept,
        )
        grants = [self.admit(each) for each in enqueuers]
        granted = [grant.id for grant in grants]
        self.name = pulumi.Output.all(self.queue.id, *granted).apply(lambda ids: str(ids[0]))
        self.console = self.queue.name.apply(
            lambda queue: (
                "https://console.cloud.google.com/cloudtasks/queue/"
                f"{location}/{queue}/tasks?project={project}"
            )
        )
        self.register_outputs({"name": self.name, "console": self.console})

    def admit(self, enqueuer: Enqueuer) -> cloudtasks.QueueIamMember:
        """Let `enqueuer`, a handler or an IAM member, add tasks to this queue.

        For one that is made after the queue, as where it is told the queue's name.

        Raises:
            SpecError: a text that is no member, or would let anybody in.
        """
        if isinstance(enqueuer, str) and not re.fullmatch(MEMBER, enqueuer):
            hint = "give the handler itself, or a member such as `serviceAccount:…`"
            raise mistake(self._name, "admit", f"{shown(enqueuer)} is no IAM member", hint)
        was = () if isinstance(enqueuer, str) else enqueuer.renamed_from
        grant = f"{self._name}-enqueuer"
        return cloudtasks.QueueIamMember(
            f"{grant}-{enqueuer if isinstance(enqueuer, str) else enqueuer.key}",
            project=self._project,
            location=self._location,
            name=self.queue.name,
            role="roles/cloudtasks.enqueuer",
            member=enqueuer if isinstance(enqueuer, str) else enqueuer.member,
            opts=within(self, self._opts, former=(f"{grant}-{old}" for old in was)),
        )


def _rate_limits(limits: RateLimits) -> cloudtasks.QueueRateLimitsArgsDict:
    return {
        "max_dispatches_per_second": limits.max_dispatches_per_second,
        "max_concurrent_dispatches": limits.max_concurrent_dispatches,
    }


def _retry_config(config: RetryConfig) -> cloudtasks.QueueRetryConfigArgsDict:
    return {
        "max_attempts": config.max_attempts,
        "max_retry_duration": seconds(config.max_retry_duration),
        "min_backoff": seconds(config.min_backoff),
        "max_backoff": seconds(config.max_backoff),
        "max_doublings": config.max_doublings,
    }


def _http_target(
    target: Target, path: str | None, invoker: serviceaccount.Account | None
) -> cloudtasks.QueueHttpTargetArgsDict | None:
    if isinstance(target, AppEngineRoute):
        return None
    if isinstance(target, Handler):
        override: cloudtasks.QueueHttpTargetUriOverrideArgsDict = {
            "scheme": "HTTPS",
            "host": target.url.apply(lambda url: url.removeprefix("https://")),
            "uri_override_enforce_mode": "ALWAYS",
        }
        audience: pulumi.Input[str] = target.url
    else:
        override = {
            "scheme": target.scheme,
            "host": target.host,
            "uri_override_enforce_mode": "ALWAYS",
        }
        if target.port is not None:
            override["port"] = str(target.port)
        if target.query:
            override["query_override"] = {"query_params": target.query}
        path, audience = target.path, target.audience or ""
    if path is not None:
        override["path_override"] = {"path": path}
    found: cloudtasks.QueueHttpTargetArgsDict = {"uri_override": override}
    if isinstance(target, UrlRoute) and target.headers:
        found["header_overrides"] = [
            {"header": {"key": key, "value": value}} for key, value in target.headers.items()
        ]
    if invoker is not None:
        found["oidc_token"] = {"service_account_email": invoker.email, "audience": audience}
    return found


def _app_engine(target: Target) -> cloudtasks.QueueAppEngineRoutingOverrideArgsDict | None:
    if not isinstance(target, AppEngineRoute):
        return None
    routing: cloudtasks.QueueAppEngineRoutingOverrideArgsDict = {"service": target.service}
    if target.version is not None:
        routing["version"] = target.version
    if target.instance is not None:
        routing["instance"] = target.instance
    return routing
