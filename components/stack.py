"""One environment as a whole: everything that its blueprint says, on Google Cloud."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import pulumi
import pulumi_gcp as gcp

from queuewright.blueprint import (
    AppEnginePlan,
    AppEngineRoute,
    Blueprint,
    FunctionPlan,
    HandlerPlan,
    QueuePlan,
    RuntimePlan,
    ServicePlan,
    UrlRoute,
)

from .app_engine import AppEngineHandler
from .build import BuildAccount, ProjectRole
from .collector import calm_collector
from .container import DockerfileSource, FolderSource, ImageSource, Source
from .function import FunctionHandler
from .handler import Handler
from .identity import Identity
from .images import ImageRepository
from .packages import PackageBucket
from .project import ProjectServices
from .queue import Enqueuer, TaskQueue
from .runtime import RuntimeArgs
from .secret import HandlerSecret, SecretVariable
from .service import ServiceHandler

_Value = TypeVar("_Value")


class TaskStack(pulumi.ComponentResource):
    """Every queue, handler, account and grant of a blueprint.

    Attributes:
        queues: by their keys in the YAML.
        handlers: likewise, those that are deployed here.
        outputs: for `pulumi.export`: the queues' names and console pages, the handlers' URLs and
            the service accounts.

    Args:
        name: the component's logical name; the names of all its parts begin with it.
        blueprint: what to build.
        root: the folder that handlers' sources are in.
    """

    queues: Mapping[str, TaskQueue]
    handlers: Mapping[str, Handler | AppEngineHandler]
    outputs: Mapping[str, Mapping[str, pulumi.Output[str]]]

    def __init__(
        self,
        name: str,
        blueprint: Blueprint,
        *,
        root: Path = Path(),
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
        self._secrets: dict[str, HandlerSecret] = {}
        # Whoever of the handlers comes first, the one that gives a value makes the secret.
        self._configured = {
            secret.secret: secret.config
            for plan in blueprint.handlers.values()
            if isinstance(plan.target, FunctionPlan | ServicePlan)
            for secret in plan.target.runtime.secrets.values()
            if secret.config is not None
        }
        self.handlers = {
            key: handler
            for key, plan in blueprint.handlers.items()
            if (handler := self._handler(plan)) is not None
        }
        enqueuers = self._enqueuers()
        self.queues = {
            key: self._queue(plan, enqueuers.get(key, ())) for key, plan in blueprint.queues.items()
        }
        self.outputs = {
            "queues": {key: queue.name for key, queue in self.queues.items()},
            "consoles": {key: queue.console for key, queue in self.queues.items()},
            "handlers": {
                key: handler.url
                for key, handler in self.handlers.items()
                if isinstance(handler, Handler)
            },
            "accounts": {key: each.account.email for key, each in self.handlers.items()},
        }
        self.register_outputs(dict(self.outputs))

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
        key = self._blueprint.build_account
        if key is None or self._packages is None or self._images is None:
            return None
        granted = [each for each in self._blueprint.grants if each.account == key]
        return BuildAccount(
            f"{self._name}-build",
            project=self._blueprint.project,
            identity=self._identity(key),
            project_roles=[
                ProjectRole(each.role, each.condition) for each in granted if each.kind == "project"
            ],
            packages=self._packages,
            images=self._images,
            opts=self._part("iam", "cloudresourcemanager"),
        )

    def _handler(self, plan: HandlerPlan) -> Handler | AppEngineHandler | None:
        target = plan.target
        if isinstance(target, FunctionPlan):
            return self._function(plan, target)
        if isinstance(target, ServicePlan):
            return self._service(plan, target)
        if isinstance(target, AppEnginePlan) and target.source and target.account:
            return self._app_engine(plan, target, target.source, target.account)
        return None

    def _function(self, plan: HandlerPlan, target: FunctionPlan) -> FunctionHandler:
        return FunctionHandler(
            f"{self._name}-{plan.key}",
            project=self._blueprint.project,
            location=self._blueprint.location,
            source=self._root / target.source,
            entry_point=target.entry_point,
            runtime=target.runtime_name,
            packages=_present(self._packages),
            function_name=plan.name,
            builder=self._builder,
            images=self._images,
            identity=self._identity(target.runtime.account),
            key=plan.key,
            renamed_from=plan.renamed_from,
            labels=self._blueprint.labels,
            opts=self._part("iam", "cloudfunctions", "cloudbuild", "run", "compute"),
            **self._settings(target.runtime),
        )

    def _service(self, plan: HandlerPlan, target: ServicePlan) -> ServiceHandler:
        return ServiceHandler(
            f"{self._name}-{plan.key}",
            project=self._blueprint.project,
            location=self._blueprint.location,
            source=self._source(target),
            service_name=plan.name,
            identity=self._identity(target.runtime.account),
            key=plan.key,
            renamed_from=plan.renamed_from,
            labels=self._blueprint.labels,
            opts=self._part("iam", "run", "compute"),
            **self._settings(target.runtime),
        )

    def _source(self, target: ServicePlan) -> Source:
        if target.source is None:
            return ImageSource(_present(target.image))
        folder = self._root / target.source
        if target.runtime_name is None:
            return DockerfileSource(folder, _present(self._images))
        packages = _present(self._packages)
        return FolderSource(folder, target.runtime_name, target.command, packages)

    def _app_engine(
        self, plan: HandlerPlan, target: AppEnginePlan, source: str, account: str
    ) -> AppEngineHandler:
        return AppEngineHandler(
            f"{self._name}-{plan.key}",
            project=self._blueprint.project,
            service=target.service,
            source=self._root / source,
            runtime=_present(target.runtime_name),
            packages=_present(self._packages),
            version=target.version,
            entrypoint=target.entrypoint,
            environment=target.environment,
            instances=target.instances,
            identity=self._identity(account),
            key=plan.key,
            renamed_from=plan.renamed_from,
            opts=self._part("iam", "appengine"),
        )

    def _settings(self, plan: RuntimePlan) -> RuntimeArgs:
        return {
            "environment": plan.environment,
            "secrets": {
                variable: SecretVariable(
                    self._secret(secret.secret),
                    None if secret.config else secret.version,
                )
                for variable, secret in plan.secrets.items()
            },
            "memory": plan.memory,
            "cpu": plan.cpu,
            "timeout": plan.timeout,
            "concurrency": plan.concurrency,
            "instances": plan.instances,
            "ingress": plan.ingress,
            "vpc": plan.vpc,
        }

    def _secret(self, secret_id: str) -> HandlerSecret:
        if secret_id not in self._secrets:
            config = self._configured.get(secret_id)
            self._secrets[secret_id] = HandlerSecret(
                f"{self._name}-secret-{secret_id}",
                project=self._blueprint.project,
                secret_id=secret_id,
                value=pulumi.Config().require_secret(config) if config else None,
                labels=self._blueprint.labels,
                opts=self._part("secretmanager"),
            )
        return self._secrets[secret_id]

    def _queue(self, plan: QueuePlan, enqueuers: Sequence[Enqueuer]) -> TaskQueue:
        return TaskQueue(
            f"{self._name}-{plan.key}",
            project=self._blueprint.project,
            location=self._blueprint.location,
            target=self._target(plan),
            path=plan.path,
            queue_id=plan.queue_id,
            rate_limits=plan.rate_limits,
            retry_config=plan.retry_config,
            sampling_ratio=plan.sampling_ratio,
            desired_state=plan.desired_state,
            enqueuers=enqueuers,
            identity=self._identity(plan.invoker) if plan.invoker else None,
            key=plan.key,
            renamed_from=plan.renamed_from,
            protect=plan.protect,
            opts=self._part("cloudtasks", "iam"),
        )

    def _target(self, plan: QueuePlan) -> Handler | UrlRoute | AppEngineRoute:
        if isinstance(plan.route, UrlRoute | AppEngineRoute):
            return plan.route
        handler = self.handlers[plan.route.handler]
        if not isinstance(handler, Handler):
            raise TypeError(f"queue {plan.key} is routed to {plan.route.handler}, which has no URL")
        return handler

    def _enqueuers(self) -> dict[str, list[Enqueuer]]:
        """By queue, who the blueprint lets add to it: a handler for its account, others by name."""
        running = {
            planned.account: self.handlers[key]
            for key, planned in self._blueprint.handlers.items()
            if planned.account is not None
        }
        found: dict[str, list[Enqueuer]] = {}
        for grant in self._blueprint.grants:
            if grant.kind == "queue":
                member = running[grant.account] if grant.account is not None else grant.member
                found.setdefault(grant.resource, []).append(member)
        return found

    def _identity(self, account: str) -> Identity:
        plan = self._blueprint.accounts[account]
        return Identity(plan.account_id, plan.display_name)

    def _part(self, *apis: str) -> pulumi.ResourceOptions:
        """Options of a part that uses these APIs."""
        return pulumi.ResourceOptions(parent=self, depends_on=self._services.of(*apis))


def _present(value: _Value | None) -> _Value:
    """What the blueprint promises for this kind of handler."""
    if value is None:
        raise ValueError("the blueprint lacks what a handler of this kind needs")
    return value
