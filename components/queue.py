"""A queue, the route of its tasks, and its enqueuers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, Self

import pulumi
from pulumi_gcp import cloudtasks, serviceaccount

from queuewright.blueprint import (
    ADD_TASKS,
    AppEngineRoute,
    QueuePlan,
    QueueSettings,
    UrlRoute,
    first_key,
)
from queuewright.spec import RateLimits, RetryConfig
from queuewright.spec.fields import MEMBER
from queuewright.spec.values import shown

from .accounts import Identity, service_account
from .arguments import queue_arguments
from .grants import Grantee, named_grant
from .handlers import Handler
from .mistakes import mistake
from .options import former_names, renamed, within
from .queue_fields import rate_limits, retry_config

TYPE = "queuewright:index:TaskQueue"

Target = Handler | UrlRoute | AppEngineRoute
Part = Literal["queue", "dead_letter_queue"]
DEAD_LETTERS: Final = "dead_letters"
"""In logical names: no key has an underscore, so no other queue's resource is called like that."""


class TaskQueue(pulumi.ComponentResource):
    """A push queue and its enqueuers.

    The queue itself holds the URL and the token. A producer therefore only needs the enqueuer's
    role on this queue: no URL, no audience, no `actAs`. Every setting is written out, with Google's
    default if none is given: a setting that is left out would keep its value on the live queue.

    In a program without YAML, with a `FunctionHandler` called `mailer`::

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
        invoker: the account whose token its tasks carry, shared with the other queues of its
            handler; `None` if they carry no token.
        console: the URL of its page in Google's console.
        dead_letter_queue: the queue of its dead letters, in a stack whose YAML asks for them.

    Args:
        name: the component's logical name.
        project: the id of the project.
        location: the region.
        target: a handler, an external URL, or an App Engine service.
        path: the path of all tasks at a handler; a `UrlRoute` has its own. Default: the path of
            each task's URL.
        queue_id: at most 100 letters, digits and hyphens. Default: `name`, or the oldest former
            name. It is an address: the id of a deleted queue cannot be used again for days.
        rate_limits: as in the YAML, such as `{"max_dispatches_per_second": 5}`. Default: Google's,
            500 a second and 1000 at the same time.
        retry_config: as in the YAML, such as `{"max_attempts": 8, "min_backoff": "10s"}`. Default:
            Google's, 100 attempts.
        sampling_ratio: the share of operations that is logged, 0 to 1. Default: 0.
        desired_state: `"RUNNING"` or `"PAUSED"`.
        enqueuers: handlers, and IAM members such as `serviceAccount:…`.
        identity: the id of the invoker, for a `UrlRoute` with an audience; a handler has its own
            invoker. Default: derived from `name`, or from the oldest former name.
        key: its name in other logical names; `name` ends with it. Default: `name`.
        renamed_from: its former keys, oldest first. A renamed queue stays the same on Google Cloud;
            only logical names change.
        protect: refuse to delete or replace the queue. Default: on.

    Raises:
        SpecError: arguments that a YAML file could not have, each with a fix.
    """

    queue: cloudtasks.Queue
    invoker: serviceaccount.Account | None
    console: pulumi.Output[str]
    dead_letter_queue: cloudtasks.Queue | None

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
        enqueuers: Sequence[Grantee | str] = (),
        identity: Identity | None = None,
        key: str | None = None,
        renamed_from: Sequence[str] = (),
        protect: bool = True,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        first = first_key(name, former_names(name, key, renamed_from))
        called = queue_id or first
        checked = queue_arguments(
            name,
            called,
            project=project,
            location=location,
            target=target,
            is_handler=isinstance(target, Handler),
            enqueuers=enqueuers,
            settings={
                "path": path,
                "rate_limits": rate_limits,
                "retry_config": retry_config,
                "stackdriver_logging_config": {"sampling_ratio": sampling_ratio},
                "desired_state": desired_state,
            },
        )
        if isinstance(target, Handler) and identity is not None:
            hint = "give the handler an `invoker`"
            raise mistake(name, "identity", "the queues of a handler share its invoker", hint)
        self._begin(name, key, renamed_from, project, location, opts)
        invoker, grants = self._stand_alone_invoker(
            target, identity or Identity.of(first, "invoker")
        )
        settings = QueueSettings(
            queue_id=called,
            path=path,
            rate_limits=checked.rate_limits,
            retry_config=checked.retry_config,
            sampling_ratio=sampling_ratio,
            desired_state=checked.desired_state,
            protect=protect,
            dead_letters=None,
        )
        self._create(settings, target, invoker, grants)
        for each in enqueuers:
            self.admit(each)

    @classmethod
    def from_plan(
        cls,
        name: str,
        plan: QueuePlan,
        *,
        project: str,
        location: str,
        target: Target,
        invoker: serviceaccount.Account | None,
        after: Iterable[pulumi.Resource],
        opts: pulumi.ResourceOptions,
    ) -> Self:
        """The planned queue, without enqueuers. `after` are the grants of its invoker."""
        queue = cls.__new__(cls)
        queue._begin(name, plan.key, plan.renamed_from, project, location, opts)
        queue._create(plan, target, invoker, after)
        return queue

    @property
    def name(self) -> pulumi.Output[str]:
        """The full name, `projects/P/locations/L/queues/Q`; known once its enqueuers may add."""
        granted = [grant.id for grant in self._grants]
        return pulumi.Output.all(self.queue.id, *granted).apply(lambda ids: str(ids[0]))

    def admit(
        self, enqueuer: Grantee | str, *, role: str = ADD_TASKS, part: Part = "queue"
    ) -> cloudtasks.QueueIamMember:
        """Grant a role on this queue to a handler or an IAM member. Default: to add tasks.

        With the part `dead_letter_queue`, on the queue of its dead letters.

        For an enqueuer that is created after the queue, because it needs the queue's name.

        Raises:
            SpecError: a text that is not an IAM member, or stands for anyone.
        """
        if isinstance(enqueuer, str) and not re.fullmatch(MEMBER, enqueuer):
            hint = "give the handler itself, or a member such as `serviceAccount:…`"
            raise mistake(self._name, "admit", f"{shown(enqueuer)} is not an IAM member", hint)
        queue, guarded = self.queue, self._name
        if part == "dead_letter_queue":
            if self.dead_letter_queue is None:
                raise ValueError(f"{self._name} has no dead letters")
            queue, guarded = self.dead_letter_queue, f"{self._name}-{DEAD_LETTERS}"
        grant = named_grant(guarded, role, enqueuer)
        granted = cloudtasks.QueueIamMember(
            grant.name,
            project=self._project,
            location=self._location,
            name=queue.name,
            role=role,
            member=grant.member,
            opts=within(self, self._opts, former=grant.former),
        )
        if part == "queue":
            self._grants.append(granted)
        return granted

    def _begin(
        self,
        name: str,
        key: str | None,
        renamed_from: Sequence[str],
        project: str,
        location: str,
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        """Create the component itself."""
        former = former_names(name, key, renamed_from)
        super().__init__(TYPE, name, None, renamed(opts, former))
        self._name, self._project, self._location, self._opts = name, project, location, opts
        self._grants: list[cloudtasks.QueueIamMember] = []

    def _stand_alone_invoker(
        self, target: Target, identity: Identity
    ) -> tuple[serviceaccount.Account | None, list[pulumi.Resource]]:
        """The account whose token the tasks carry, and its grants."""
        if isinstance(target, Handler):
            invoker = target.invoker()
            return invoker.account, [target.admit(invoker)]
        if isinstance(target, UrlRoute) and target.audience:
            options = within(self, self._opts)
            name = f"{self._name}-invoker"
            return service_account(name, identity, project=self._project, opts=options), []
        return None, []

    def _create(
        self,
        settings: QueueSettings,
        target: Target,
        invoker: serviceaccount.Account | None,
        after: Iterable[pulumi.Resource],
    ) -> None:
        """Create the queue, and the queue of its dead letters."""
        self.invoker = invoker
        options = within(self, self._opts, after=after)
        options.protect = settings.protect
        self.queue = self._queue("queue", settings, target, options)
        dead = settings.dead_letters
        self.dead_letter_queue = None
        if dead is not None:
            self.dead_letter_queue = self._queue(DEAD_LETTERS, dead, target, options)
        project, location = self._project, self._location
        self.console = self.queue.name.apply(
            lambda queue: (
                "https://console.cloud.google.com/cloudtasks/queue/"
                f"{location}/{queue}/tasks?project={project}"
            )
        )
        self.register_outputs({"name": self.name, "console": self.console})

    def _queue(
        self, role: str, settings: QueueSettings, target: Target, options: pulumi.ResourceOptions
    ) -> cloudtasks.Queue:
        ratio = settings.sampling_ratio
        return cloudtasks.Queue(
            f"{self._name}-{role}",
            name=settings.queue_id,
            project=self._project,
            location=self._location,
            rate_limits=rate_limits(settings.rate_limits),
            retry_config=retry_config(settings.retry_config),
            # The provider never sends a zero; written out, every preview would show it.
            stackdriver_logging_config={"sampling_ratio": ratio} if ratio else None,
            desired_state=settings.desired_state,
            http_target=_http_target(target, settings.path, self.invoker),
            app_engine_routing_override=_app_engine(target),
            opts=options,
        )


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
