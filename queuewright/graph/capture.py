"""Runs a Pulumi program in this process and records the resources it asks for.

The SDK talks to Pulumi's engine through a "monitor". The one here records each request and answers
with the values that Google would compute. No engine, no provider and no network are needed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from google.protobuf import empty_pb2

from queuewright.errors import TargetError
from queuewright.graph.computed import computed, unknown_in_preview
from queuewright.graph.graph import Graph
from queuewright.graph.program import Program, project_name, runnable
from queuewright.graph.resource import Resource
from queuewright.graph.wire import Decoded, Properties, Value, decode, encode

if TYPE_CHECKING:
    import pulumi
    from pulumi.runtime.proto import engine_pb2, resource_pb2

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPE = "pulumi:providers:"


def capture(
    program: Program,
    *,
    stack: str = "dev",
    project: str | None = None,
    config: Mapping[str, str] | None = None,
    secrets: Collection[str] = (),
    preview: bool = False,
) -> Graph:
    """Run a Pulumi program and return the graph of the resources it asks for.

    Args:
        program: a function that makes resources, or the folder or file of a program
            (`__main__.py`), which runs as under `pulumi up`: in its folder, as `__main__`.
        stack: the result of `pulumi.get_stack()`.
        project: the result of `pulumi.get_project()`. Default: the name in the program's
            `Pulumi.yaml`, or `"project"` if there is none.
        config: the stack's configuration. A key without a namespace belongs to the project.
        secrets: the keys of `config` that are secret.
        preview: leave values unknown that only the cloud computes, as `pulumi preview` does.

    Raises:
        TargetError: Pulumi is not installed, or the program asks a provider for data (an invoke),
            which needs the network.
        Exception: any error of the program itself.
    """
    _require_pulumi()
    run, name = runnable(program), project or project_name(program)
    monitor = Monitor(name, stack, preview=preview)

    def full(key: str) -> str:
        return key if ":" in key else f"{name}:{key}"

    settings = {full(key): text for key, text in (config or {}).items()}
    secret_keys = list(map(full, secrets))
    _in_thread(lambda: _run(run, monitor, settings, secret_keys))
    return monitor.graph()


class _Hooks:
    """Takes the place of the server for the engine's calls: nothing is created, so none come."""

    def register_resource_hook(self, hook: pulumi.ResourceHook) -> None:
        """Do nothing."""


class Monitor:
    """Takes the place of the engine's resource monitor; each method is one of its RPCs.

    The SDK calls them from several threads.
    """

    def __init__(self, project: str, stack: str, *, preview: bool) -> None:
        self.project = project
        self.stack = stack
        self.preview = preview
        self.resources: dict[str, Resource] = {}
        self.outputs: Properties = {}
        self.secret_outputs: tuple[str, ...] = ()
        self.messages: list[str] = []
        self._lock = threading.Lock()

    def graph(self) -> Graph:
        """The recorded resources, sorted by URN: requests arrive in no fixed order."""
        return Graph(
            self.project,
            self.stack,
            dict(sorted(self.resources.items())),
            self.outputs,
            self.secret_outputs,
            tuple(self.messages),
        )

    def RegisterResource(  # noqa: N802
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        """Create or update a resource."""
        from pulumi.runtime.proto import resource_pb2

        inputs = decode(request.object)
        identity, outputs = "", dict[str, Value]()
        if request.custom:
            identity, outputs = self._made(request.type, inputs.properties, request.provider)
        resource = self._resource(request, inputs, identity, outputs)
        with self._lock:
            if resource.urn in self.resources:
                raise ValueError(
                    f"two resources are named {resource}; give them different names or parents"
                )
            self.resources[resource.urn] = resource
        return resource_pb2.RegisterResourceResponse(
            urn=resource.urn, id=identity, object=encode(outputs)
        )

    def RegisterResourceOutputs(  # noqa: N802
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        """Record the outputs of a component or of the stack."""
        decoded = decode(request.outputs)
        with self._lock:
            resource = self.resources[request.urn]
            self.resources[request.urn] = replace(resource, outputs=decoded.properties)
            if resource.type == STACK_TYPE:
                self.outputs, self.secret_outputs = decoded.properties, decoded.secrets
        return empty_pb2.Empty()

    def ReadResource(  # noqa: N802
        self, request: resource_pb2.ReadResourceRequest
    ) -> resource_pb2.ReadResourceResponse:
        """Look up an existing resource by its id."""
        from pulumi.runtime.proto import resource_pb2

        inputs = decode(request.properties)
        urn = self._urn(request.parent, request.type, request.name)
        _, outputs = self._made(request.type, inputs.properties, request.provider)
        with self._lock:
            self.resources[urn] = Resource(
                urn=urn,
                type=request.type,
                name=request.name,
                inputs=inputs.properties,
                outputs=outputs,
                id=request.id,
                parent=request.parent,
                dependencies=tuple(sorted(request.dependencies)),
                provider=_provider_urn(request.provider),
                read=True,
            )
        return resource_pb2.ReadResourceResponse(urn=urn, properties=encode(outputs))

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> NoReturn:  # noqa: N802
        """Refuse to ask a provider for data."""
        _refuse(f"a call of `{request.tok}`")

    def Call(self, request: resource_pb2.ResourceCallRequest) -> NoReturn:  # noqa: N802
        """Refuse to call a method of a remote component."""
        _refuse(f"a call of `{request.tok}`")

    def GetDeploymentInfo(  # noqa: N802
        self,
        request: empty_pb2.Empty,  # noqa: ARG002
    ) -> resource_pb2.DeploymentInfo:
        """The features that this monitor supports; the SDK uses no others."""
        from pulumi.runtime.proto import resource_pb2

        return resource_pb2.DeploymentInfo(
            supportedFeatures=[
                resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
                resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
                resource_pb2.RESOURCE_MONITOR_FEATURE_OUTPUT_VALUES,
                resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
                resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
                resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
            ]
        )

    def SignalAndWaitForShutdown(  # noqa: N802
        self,
        request: empty_pb2.Empty,  # noqa: ARG002
    ) -> empty_pb2.Empty:
        """Do nothing: the program is done."""
        return empty_pb2.Empty()

    def Log(self, request: engine_pb2.LogRequest) -> empty_pb2.Empty:  # noqa: N802
        """Record a message of `pulumi.log`. This RPC is the engine's, not the monitor's."""
        from pulumi.runtime.proto import engine_pb2

        if request.severity != engine_pb2.DEBUG:
            severity = engine_pb2.LogSeverity.Name(request.severity).lower()
            with self._lock:
                self.messages.append(f"{severity}: {request.message.strip()}")
        return empty_pb2.Empty()

    def _made(self, type_token: str, inputs: Properties, provider: str) -> tuple[str, Properties]:
        of_provider = self.resources.get(_provider_urn(provider))
        project = str((of_provider and of_provider.input("project")) or "project")
        if type_token.startswith(PROVIDER_TYPE):
            return ("" if self.preview else "provider"), inputs
        identity, filled = computed(type_token, inputs, project=project)
        if self.preview:
            return "", inputs | unknown_in_preview(filled, inputs)
        return identity, inputs | filled

    def _urn(self, parent: str, type_token: str, name: str) -> str:
        """The URN that the engine gives a resource: its parents' types come before its own.

        https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/urn/urn.go
        """
        parents = parent.split("::")[2] if parent else STACK_TYPE
        types = type_token if parents == STACK_TYPE else f"{parents}${type_token}"
        return f"urn:pulumi:{self.stack}::{self.project}::{types}::{name}"

    def _resource(
        self,
        request: resource_pb2.RegisterResourceRequest,
        inputs: Decoded,
        identity: str,
        outputs: Properties,
    ) -> Resource:
        by_property = {
            key: tuple(sorted(found.urns))
            for key, found in sorted(request.propertyDependencies.items())
            if found.urns
        }
        explained = {urn for urns in by_property.values() for urn in urns}
        return Resource(
            urn=self._urn(request.parent, request.type, request.name),
            type=request.type,
            name=request.name,
            inputs=inputs.properties,
            outputs=outputs,
            id=identity,
            custom=request.custom,
            parent=request.parent,
            dependencies=tuple(sorted(request.dependencies)),
            depends_on=tuple(sorted(set(request.dependencies) - explained)),
            property_dependencies=by_property,
            provider=_provider_urn(request.provider),
            protect=request.protect,
            aliases=self._aliases(request),
            secrets=inputs.secrets,
            unknowns=inputs.unknowns,
            ignore_changes=tuple(request.ignoreChanges),
            replace_on_changes=tuple(request.replaceOnChanges),
            retain_on_delete=request.retainOnDelete,
            delete_before_replace=request.deleteBeforeReplace
            if request.deleteBeforeReplaceDefined
            else None,
            secret_outputs=tuple(request.additionalSecretOutputs),
            import_id=request.importId,
            deleted_with=request.deletedWith,
            hooks=_hooks(request),
            source=_source(request),
        )

    def _aliases(self, request: resource_pb2.RegisterResourceRequest) -> tuple[str, ...]:
        found = list(request.aliasURNs)
        for alias in request.aliases:
            if alias.WhichOneof("alias") == "urn":
                found.append(alias.urn)
                continue
            spec = alias.spec
            parent = "" if spec.noParent else spec.parentUrn or request.parent
            urn = self._urn(parent, spec.type or request.type, spec.name or request.name)
            _, _, rest = urn.partition("::")
            _, _, rest = rest.partition("::")
            project, stack = spec.project or self.project, spec.stack or self.stack
            found.append(f"urn:pulumi:{stack}::{project}::{rest}")
        return tuple(found)


def _run(
    program: Callable[[], Awaitable[None] | None],
    monitor: Monitor,
    config: dict[str, str],
    secret_keys: list[str],
) -> None:
    from pulumi.runtime import set_all_config
    from pulumi.runtime.settings import SETTINGS, Settings, configure, set_root_resource
    from pulumi.runtime.stack import run_in_stack

    set_root_resource(None)  # type: ignore[arg-type]
    configure(
        Settings(
            project=monitor.project,
            stack=monitor.stack,
            monitor=monitor,
            engine=monitor,
            dry_run=monitor.preview,
            organization="organization",
            root_directory=str(Path.cwd()),
        )
    )
    SETTINGS.callbacks = _Hooks()
    set_all_config(config, secret_keys)

    async def main() -> None:
        # After a failure the SDK leaves tasks that nothing awaits; the first error is still raised.
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        await run_in_stack(program)

    asyncio.run(main())


def _in_thread(function: Callable[[], None]) -> None:
    """Call `function` in a new thread, with fresh context variables and no event loop.

    The SDK keeps its settings in context variables, and the caller may run a program of its own.
    """
    failure: list[BaseException] = []

    def target() -> None:
        try:
            function()
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=target, name="pulumi-program")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]


def _provider_urn(reference: str) -> str:
    """The URN in a reference to a provider, which has the form `URN::ID`."""
    return reference.rpartition("::")[0]


def _hooks(request: resource_pb2.RegisterResourceRequest) -> Mapping[str, tuple[str, ...]]:
    return {step.name: tuple(names) for step, names in request.hooks.ListFields()}


def _source(request: resource_pb2.RegisterResourceRequest) -> str:
    position = request.sourcePosition
    path = position.uri.rpartition("project://")[2].removeprefix("file://")
    return f"{path.lstrip('/')}:{position.line}" if position.uri else ""


def _refuse(what: str) -> NoReturn:
    raise TargetError(
        f"the program makes {what}, which needs Pulumi's engine or the network",
        hint="pass the value as configuration or as an argument",
    )


def _require_pulumi() -> None:
    try:
        import pulumi  # noqa: F401
    except ImportError as error:
        raise TargetError(
            "the resource graph needs Pulumi, which is not installed",
            hint="pip install 'queuewright[deploy]'",
        ) from error
