"""One environment on Google Cloud: executes its blueprint."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Final, TypeVar

import pulumi
import pulumi_gcp as gcp
from pulumi_gcp import serviceaccount

from queuewright.blueprint import (
    AppEnginePlan,
    Blueprint,
    FunctionPlan,
    GrantPlan,
    GuardedKind,
    HandlerPlan,
    HandlerRoute,
    ImageBuildPlan,
    PullQueuePlan,
    QueuePlan,
    ServicePlan,
    WorkerPlan,
    first_key,
)

from .accounts import service_account
from .code import (
    BuildAccount,
    DockerfileSource,
    FolderSource,
    ImageRepository,
    ImageSource,
    PackageBucket,
    Source,
)
from .collector import calm_collector
from .grants import Grantee
from .handlers import (
    AppEngineHandler,
    DeployedHandler,
    FunctionHandler,
    Handler,
    ServiceHandler,
    Worker,
)
from .new_grants import NewGrants, WaitClock
from .options import within
from .project import ProjectServices
from .pull_queue import PullQueue
from .queue import TYPE as QUEUE_TYPE
from .queue import Target, TaskQueue
from .secret import HandlerSecret, SecretVariable

ACCOUNT_TYPE = "gcp:serviceaccount/account:Account"

Deployed = Handler | Worker | AppEngineHandler

COMPONENTS: Mapping[str, type[FunctionHandler | ServiceHandler | Worker | AppEngineHandler]] = {
    "function": FunctionHandler,
    "service": ServiceHandler,
    "worker": Worker,
    "app_engine": AppEngineHandler,
}

NEEDED_BY_CODE: Final[tuple[GuardedKind, ...]] = ("project", "bucket", "repository", "secret")
"""What code needs rights on before it is built or started."""

_Value = TypeVar("_Value")


class TaskStack(pulumi.ComponentResource):
    """Every queue, handler, account and grant of a blueprint.

    Attributes:
        queues: the push queues by their keys in the YAML.
        pull_queues: the pull queues by their keys in the YAML.
        handlers: the deployed handlers by their keys in the YAML.
        outputs: for `pulumi.export`: the queues' names (of pull queues: of their topics) and
            console pages, the handlers' URLs and the service accounts.

    Args:
        name: the component's logical name; the names of all its children begin with it.
        blueprint: the blueprint to execute.
        root: the folder that handlers' sources are relative to.
        grant_wait: from the last new grant until code that needs it is built or started. Default:
            `queuewright:grantWait` of the stack's configuration, or 60 seconds.
        clock: the clock to wait by.

    Raises:
        SpecError: the configured wait is not a duration.
    """

    queues: Mapping[str, TaskQueue]
    pull_queues: Mapping[str, PullQueue]
    handlers: Mapping[str, Deployed]
    outputs: Mapping[str, Mapping[str, pulumi.Output[str]]]

    def __init__(
        self,
        name: str,
        blueprint: Blueprint,
        *,
        root: Path = Path(),
        grant_wait: timedelta | None = None,
        clock: WaitClock | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        calm_collector()
        provider = gcp.Provider(
            f"{name}-google", project=blueprint.project, region=blueprint.location
        )
        merged = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(providers=[provider]), opts)
        super().__init__("queuewright:index:TaskStack", name, None, merged)
        self._name, self._blueprint, self._root = name, blueprint, root
        self._services = ProjectServices(
            f"{name}-project",
            project=blueprint.project,
            services=blueprint.apis,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._packages = self._package_bucket()
        self._images = self._image_repository()
        self._builder = self._build_account()
        self._secrets = self._handler_secrets()
        # By account: its grants, and whom to grant them to.
        self._granted: dict[str | None, list[pulumi.Resource]] = defaultdict(list)
        self._grantees: dict[str, Grantee] = {}
        if self._builder is not None and blueprint.build_account is not None:
            self._grantees[blueprint.build_account] = self._builder

        # Handlers get their accounts first, then the rights that their code needs to start.
        waiting = _by_kind(blueprint.grants)
        self._new_grants = NewGrants(name, grant_wait, clock)
        self.handlers = dict(self._handlers())
        self._grant(waiting, *NEEDED_BY_CODE)
        # A worker polls as soon as it starts, and pull queues need no handler's URL.
        self.pull_queues = {
            key: self._pull_queue(plan) for key, plan in blueprint.pull_queues.items()
        }
        self._grantees |= {
            queue.delays.key: queue.delays
            for queue in self.pull_queues.values()
            if queue.delays is not None
        }
        self._grant(waiting, "topic", "subscription", "dead_letter_topic", "delay_queue")
        for key, handler in self.handlers.items():
            self._deploy(handler, blueprint.handlers[key])
        self._invokers = dict(self._handler_invokers())
        self._grant(waiting, "handler")
        self.queues = {key: self._queue(plan) for key, plan in blueprint.queues.items()}
        self._grant(waiting, "queue", "dead_letter_queue")
        if waiting:
            raise ValueError(f"the blueprint grants roles on {', '.join(waiting)}")

        pages = {key: queue.console for key, queue in self.pull_queues.items()}
        topics = {key: queue.name for key, queue in self.pull_queues.items()}
        self.outputs = {
            "queues": {key: queue.name for key, queue in self.queues.items()},
            **({"pull_queues": topics} if topics else {}),
            "consoles": {**{key: queue.console for key, queue in self.queues.items()}, **pages},
            "handlers": {
                key: handler.url
                for key, handler in self.handlers.items()
                if isinstance(handler, Handler)
            },
            "accounts": {key: each.account.email for key, each in self.handlers.items()},
        }
        self.register_outputs(dict(self.outputs))

    def _grant(self, waiting: dict[GuardedKind, list[GrantPlan]], *kinds: GuardedKind) -> None:
        """Grant every role of the blueprint on resources of these kinds."""
        for grant in (each for kind in kinds for each in waiting.pop(kind, ())):
            self._granted[grant.account].append(self._admitted(grant))

    def _admitted(self, grant: GrantPlan) -> pulumi.Resource:
        """The resource of a grant, created by the component that it is on."""
        grantee: Grantee | str = grant.member
        if grant.account is not None:
            grantee = self._grantees[grant.account]
        elif grant.agent is not None:
            grantee = self._services.agent(grant.agent)
        hooks = self._new_grants.grant_hooks
        if grant.kind == "project":
            if not isinstance(grantee, BuildAccount | DeployedHandler):
                raise ValueError(f"{grant.member} can have no role on the project")
            access = grantee.project_access
            return access.admit(grantee, role=grant.role, condition=grant.condition, hooks=hooks)
        if grant.condition is not None:
            raise ValueError(f"a grant on a {grant.kind} takes no condition")
        match grant.kind:
            case "bucket":
                return _present(self._packages).admit(grantee, role=grant.role, hooks=hooks)
            case "repository":
                return _present(self._images).admit(grantee, role=grant.role, hooks=hooks)
            case "secret":
                return self._secrets[grant.resource].admit(grantee, role=grant.role, hooks=hooks)
            case "handler":
                return self._called(grant.resource).admit(grantee, role=grant.role)
            case "queue" | "dead_letter_queue":
                queue = self.queues[grant.resource]
                return queue.admit(grantee, role=grant.role, part=grant.kind)
            case "topic" | "subscription" | "dead_letter_topic" | "delay_queue":
                pulled = self.pull_queues[grant.resource]
                # A worker cannot poll before Google knows its right.
                after = hooks if grant.kind == "subscription" else None
                return pulled.admit(grantee, role=grant.role, part=grant.kind, hooks=after)

    def _package_bucket(self) -> PackageBucket | None:
        if self._blueprint.bucket is None:
            return None
        return PackageBucket(
            f"{self._name}-packages",
            project=self._blueprint.project,
            location=self._blueprint.location,
            bucket_name=self._blueprint.bucket,
            labels=self._blueprint.labels,
            opts=self._part("storage"),
        )

    def _image_repository(self) -> ImageRepository | None:
        if self._blueprint.repository is None:
            return None
        return ImageRepository(
            f"{self._name}-images",
            project=self._blueprint.project,
            location=self._blueprint.location,
            repository_id=self._blueprint.repository,
            labels=self._blueprint.labels,
            opts=self._part("artifactregistry"),
        )

    def _build_account(self) -> BuildAccount | None:
        if self._blueprint.build_account is None:
            return None
        return BuildAccount.from_plan(
            f"{self._name}-build",
            self._blueprint.accounts[self._blueprint.build_account],
            project=self._blueprint.project,
            opts=self._part("iam", "cloudresourcemanager"),
        )

    def _handler_secrets(self) -> dict[str, HandlerSecret]:
        """The secrets by their ids."""
        plans = [
            secret
            for handler in self._blueprint.handlers.values()
            for secret in handler.secrets.values()
        ]
        # Several handlers may read a secret that one of them has a value for.
        values = {secret.secret: secret.config for secret in plans if secret.config is not None}
        return {
            secret_id: HandlerSecret(
                f"{self._name}-secret-{secret_id}",
                project=self._blueprint.project,
                secret_id=secret_id,
                value=(
                    pulumi.Config().require_secret(values[secret_id])
                    if secret_id in values
                    else None
                ),
                labels=self._blueprint.labels,
                opts=self._part("secretmanager"),
            )
            for secret_id in dict.fromkeys(secret.secret for secret in plans)
        }

    def _handlers(self) -> Iterable[tuple[str, Deployed]]:
        """The handlers that the stack deploys, with their accounts and without their code."""
        apis = {
            "function": ("iam", "cloudfunctions", "cloudbuild", "run", "compute"),
            "service": ("iam", "run", "compute"),
            "worker": ("iam", "run", "compute"),
            "app_engine": (
                "iam",
                "appengine",
                "artifactregistry",
                "cloudbuild",
                "cloudresourcemanager",
            ),
        }
        for key, plan in self._blueprint.handlers.items():
            if plan.account is None:
                continue
            self._grantees[plan.account] = handler = COMPONENTS[plan.kind].from_plan(
                f"{self._name}-{key}",
                plan,
                self._blueprint.accounts[plan.account],
                project=self._blueprint.project,
                location=self._blueprint.location,
                opts=self._part(*apis[plan.kind]),
            )
            yield key, handler

    def _deploy(self, handler: Deployed, plan: HandlerPlan) -> None:
        """Deploy the code of a handler, once its account has the rights that it needs."""
        granted, hooks = self._granted[plan.account], self._new_grants.code_hooks
        match plan.target, handler:
            case FunctionPlan() as target, FunctionHandler():
                handler.deploy(
                    called=plan.name,
                    source=self._root / target.source,
                    entry_point=target.entry_point,
                    runtime=target.runtime_name,
                    packages=_present(self._packages),
                    include=self._include(plan),
                    builder=self._builder,
                    images=self._images,
                    instance=target.runtime,
                    environment=plan.environment,
                    secrets=self._secret_variables(plan),
                    labels=self._blueprint.labels,
                    after=[*granted, *self._granted[self._blueprint.build_account]],
                    hooks=hooks,
                    with_runtime=plan.keeps_dead_letters,
                )
            case ServicePlan() as target, ServiceHandler():
                handler.deploy(
                    called=plan.name,
                    source=self._source(plan, target),
                    instance=target.runtime,
                    environment=plan.environment,
                    secrets=self._secret_variables(plan),
                    labels=self._blueprint.labels,
                    after=granted,
                    hooks=hooks if granted else None,
                )
            case WorkerPlan() as target, Worker():
                handler.deploy(
                    called=plan.name,
                    source=self._worker_image(plan, target),
                    command=target.command,
                    instance=target,
                    environment=plan.environment,
                    secrets=self._secret_variables(plan),
                    labels=self._blueprint.labels,
                    after=granted,
                    hooks=hooks if granted else None,
                )
            case AppEnginePlan() as target, AppEngineHandler():
                handler.deploy(
                    service=target.service,
                    source=self._root / _present(target.source),
                    runtime=_present(target.runtime_name),
                    packages=_present(self._packages),
                    include=self._include(plan),
                    version=target.version,
                    entrypoint=target.entrypoint,
                    environment=plan.environment,
                    instances=target.instances,
                    after=granted,
                    hooks=hooks,
                    with_runtime=plan.keeps_dead_letters,
                )

    def _source(self, plan: HandlerPlan, target: ServicePlan) -> Source:
        if target.source is None:
            return ImageSource(_present(target.image))
        if target.build is not None:
            return self._dockerfile(plan, target.build)
        return FolderSource(
            self._root / target.source,
            _present(target.runtime_name),
            target.command,
            _present(self._packages),
            self._include(plan),
            with_runtime=plan.keeps_dead_letters,
        )

    def _worker_image(
        self, plan: HandlerPlan, target: WorkerPlan
    ) -> ImageSource | DockerfileSource:
        if target.build is None:
            return ImageSource(_present(target.image))
        return self._dockerfile(plan, target.build)

    def _dockerfile(self, plan: HandlerPlan, build: ImageBuildPlan) -> DockerfileSource:
        return DockerfileSource(
            self._root / build.context,
            _present(self._images),
            self._include(plan),
            PurePosixPath(build.dockerfile).relative_to(PurePosixPath(build.context)),
        )

    def _include(self, plan: HandlerPlan) -> Sequence[Path]:
        return [self._root / path for path in plan.include]

    def _secret_variables(self, plan: HandlerPlan) -> Mapping[str, SecretVariable]:
        return {
            variable: SecretVariable(
                self._secrets[secret.secret], None if secret.config else secret.version
            )
            for variable, secret in plan.secrets.items()
        }

    def _handler_invokers(self) -> Iterable[tuple[str, serviceaccount.Account]]:
        """The accounts whose tokens tasks carry, by their keys."""
        for key, plan in self._blueprint.handlers.items():
            if plan.invoker is None:
                continue
            account, former = self._blueprint.accounts[plan.invoker], self._namesakes(plan)
            aliases = [self._former_invoker(queue) for queue in former]
            if plan.kind == "url":
                # The stack has no component for it, so the account is the stack's own child.
                former_names = [f"{self._name}-{old}-invoker" for old in plan.renamed_from]
                yield (
                    plan.invoker,
                    service_account(
                        f"{self._name}-{key}-invoker",
                        account,
                        project=self._blueprint.project,
                        opts=within(self, self._part("iam"), former=former_names, aliases=aliases),
                    ),
                )
                continue
            invoker = self._called(key).invoker(account, aliases=aliases, renamed_from=former)
            self._grantees[plan.invoker] = invoker
            yield plan.invoker, invoker.account

    def _namesakes(self, plan: HandlerPlan) -> Sequence[str]:
        """The keys of the queue with the same name as a handler.

        Every queue had an invoker once, and the handler's invoker now gets the id that this
        queue's had. So it is the same account; see docs/decisions/0008.
        """
        first = first_key(plan.key, plan.renamed_from)
        return [
            key
            for queue in self._blueprint.queues.values()
            if first_key(queue.key, queue.renamed_from) == first
            for key in dict.fromkeys((queue.key, *queue.renamed_from))
        ]

    def _former_invoker(self, queue: str) -> pulumi.Output[str]:
        """The URN of the account that a queue once had."""
        name = f"{self._name}-{queue}"
        parent = pulumi.create_urn(name, QUEUE_TYPE, parent=self)
        return pulumi.create_urn(f"{name}-invoker", ACCOUNT_TYPE, parent=parent)

    def _queue(self, plan: QueuePlan) -> TaskQueue:
        return TaskQueue.from_plan(
            f"{self._name}-{plan.key}",
            plan,
            project=self._blueprint.project,
            location=self._blueprint.location,
            target=self._target(plan),
            invoker=self._invokers[plan.invoker] if plan.invoker is not None else None,
            after=self._granted[plan.invoker] if plan.invoker is not None else (),
            opts=self._part("cloudtasks", "iam"),
        )

    def _pull_queue(self, plan: PullQueuePlan) -> PullQueue:
        return PullQueue.from_plan(
            f"{self._name}-{plan.key}",
            plan,
            project=self._blueprint.project,
            location=self._blueprint.location,
            accounts=self._blueprint.accounts,
            labels=self._blueprint.labels,
            opts=self._part(*(("pubsub", "cloudtasks", "iam") if plan.delays else ("pubsub",))),
        )

    def _target(self, plan: QueuePlan) -> Target:
        route = plan.route
        return self._called(route.handler) if isinstance(route, HandlerRoute) else route

    def _called(self, key: str) -> Handler:
        """The handler with this key, which has a URL."""
        handler = self.handlers[key]
        if not isinstance(handler, Handler):
            raise TypeError(f"handler {key} has no URL")
        return handler

    def _part(self, *apis: str) -> pulumi.ResourceOptions:
        """The options of a child that uses these APIs."""
        return pulumi.ResourceOptions(parent=self, depends_on=self._services.of(*apis))


def _by_kind(grants: Iterable[GrantPlan]) -> dict[GuardedKind, list[GrantPlan]]:
    found: dict[GuardedKind, list[GrantPlan]] = {}
    for grant in grants:
        found.setdefault(grant.kind, []).append(grant)
    return found


def _present(value: _Value | None) -> _Value:
    """A value that the blueprint has for this kind of handler."""
    if value is None:
        raise ValueError("the blueprint lacks what a handler of this kind needs")
    return value
