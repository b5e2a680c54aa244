"""A provider for the real Pulumi engine, without a cloud behind it.

It serves Pulumi's provider protocol, follows the rules of Google's provider (`rules.py`), keeps its
resources in a folder and records every call.
"""
# The protocol gives the methods their names and arguments.
# ruff: noqa: N802, ARG002

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from concurrent import futures
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

import grpc
from google.protobuf import empty_pb2
from google.rpc import status_pb2
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from queuewright.graph.computed import computed, unknown_in_preview
from queuewright.graph.provider_types import type_problems
from queuewright.graph.wire import Properties, decode, encode
from tests.pulumi_double.admission import GoogleError, admit, admit_references, admit_removal
from tests.pulumi_double.cloud import Cloud
from tests.pulumi_double.difference import differences, retained, stored
from tests.pulumi_double.rules import AGENT, API, rule

VERSION = "10.2.0"

Request: TypeAlias = (
    provider_pb2.CheckRequest
    | provider_pb2.DiffRequest
    | provider_pb2.CreateRequest
    | provider_pb2.ReadRequest
    | provider_pb2.UpdateRequest
    | provider_pb2.DeleteRequest
)


@dataclass(frozen=True)
class Call:
    """One call of the engine.

    Attributes:
        method: `"Create"`, `"Update"`, `"Delete"`, `"Read"`, `"Diff"` or `"Check"`.
        type: the resource's type token.
        name: its logical name.
        preview: whether it was part of a preview.
    """

    method: str
    type: str
    name: str
    preview: bool = False


class ProviderDouble(provider_pb2_grpc.ResourceProviderServicer):
    """A provider for one package, with its resources in `cloud`.

    Attributes:
        calls: every call, in order.
        failures: by logical name, the error of the next creation or update.
        left_failed: by logical name of a function, the error of a creation that leaves the function
            behind in state `FAILED`.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.calls: list[Call] = []
        self.failures: dict[str, str] = {}
        self.left_failed: dict[str, str] = {}
        self.project = "project"
        self._lock = threading.Lock()

    # The protocol itself.

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(
        self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def GetPluginInfo(
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=VERSION)

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        changed = decode(request.olds) != decode(request.news)
        return provider_pb2.DiffResponse(changes=_changes(changed))

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        given = decode(request.args).properties
        self.project = str(given.get("project", "project"))
        # The engine sends secrets as plain values, and marks the outputs itself.
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    # Operations on resources.

    def Check(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        type_token, name = _identity(request)
        self._note("Check", request)
        inputs = decode(request.news).properties
        old = decode(request.olds).properties
        if rule(type_token).autonamed and "name" not in inputs:
            inputs["name"] = old.get("name") or f"{name}-{request.randomSeed[:4].hex()[:7]}"
        problems = type_problems(type_token, inputs)
        return provider_pb2.CheckResponse(
            inputs=encode(inputs),
            failures=[provider_pb2.CheckFailure(reason=problem) for problem in problems],
        )

    def Diff(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        type_token, _ = _identity(request)
        self._note("Diff", request)
        known = rule(type_token)
        live, old = decode(request.olds).properties, decode(request.old_inputs).properties
        found = differences(live, old, decode(request.news).properties, known)
        replacing = sorted({top for path in found if (top := _top(path)) in known.force_new})
        return provider_pb2.DiffResponse(
            changes=_changes(bool(found)),
            replaces=replacing,
            diffs=sorted({_top(path) for path in found}),
            hasDetailedDiff=True,
            detailedDiff={
                path: _property_diff(kind, replaces=_top(path) in known.force_new)
                for path, kind in found.items()
            },
            deleteBeforeReplace=known.delete_first,
        )

    def Create(
        self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CreateResponse:
        type_token, name = _identity(request)
        self._note("Create", request, preview=request.preview)
        inputs = decode(request.properties).properties
        identity, filled = computed(type_token, inputs, project=self.project)
        if request.preview:
            unknown = unknown_in_preview(filled, inputs)
            return provider_pb2.CreateResponse(properties=encode({**inputs, **unknown}))
        with self._answering(context, name), self._lock:
            admit(self.cloud, type_token, identity, inputs, self._project_of(inputs))
            live = {**stored(inputs, rule(type_token)), **filled}
            if reason := self.left_failed.pop(name, None):
                live["state"] = "FAILED"
                self.cloud.put(type_token, identity, live)
                _abort_half_created(context, identity, live, reason)
            self.cloud.put(type_token, identity, live)
            return provider_pb2.CreateResponse(id=identity, properties=encode(live))

    def Read(
        self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ReadResponse:
        type_token, _ = _identity(request)
        self._note("Read", request)
        live = self.cloud.get(type_token, request.id)
        if live is None:
            return provider_pb2.ReadResponse()
        inputs = decode(request.inputs).properties
        current = {key: live[key] for key in inputs if key in live}
        return provider_pb2.ReadResponse(
            id=request.id, properties=encode(live), inputs=encode(current)
        )

    def Update(
        self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.UpdateResponse:
        type_token, name = _identity(request)
        self._note("Update", request, preview=request.preview)
        known = rule(type_token)
        live = decode(request.olds).properties
        inputs = decode(request.news).properties
        if request.preview:
            return provider_pb2.UpdateResponse(properties=encode({**live, **inputs}))
        with self._answering(context, name), self._lock:
            admit_references(self.cloud, type_token, inputs, self._project_of(inputs))
            if self.cloud.get(type_token, request.id) is None:
                raise GoogleError(f"Error 404: {request.id} was not found")
            old = decode(request.old_inputs).properties
            if not differences(live, old, inputs, known):
                # The engine updates what it thinks half created; there is nothing to send.
                return provider_pb2.UpdateResponse(properties=encode(live))
            _, filled = computed(type_token, inputs, project=self.project)
            asked = stored(retained(live, inputs, known), known)
            updated = {**asked, **filled}
            self.cloud.put(type_token, request.id, updated)
            return provider_pb2.UpdateResponse(properties=encode(updated))

    def Delete(
        self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        type_token, name = _identity(request)
        self._note("Delete", request)
        properties = decode(request.properties).properties
        with self._answering(context, name), self._lock:
            admit_removal(self.cloud, type_token, request.id, properties)
            stays = type_token == AGENT or (
                type_token == API and not properties.get("disableOnDestroy")
            )
            if not stays and properties.get("deletionPolicy") != "ABANDON":
                self.cloud.remove(type_token, request.id)
            return empty_pb2.Empty()

    def Invoke(
        self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext
    ) -> NoReturn:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{request.tok} would need the network")

    def made(self, method: str) -> list[str]:
        """The names of the resources with this call, in order, without previews."""
        return [each.name for each in self.calls if each.method == method and not each.preview]

    def _note(self, method: str, request: Request, *, preview: bool = False) -> None:
        type_token, name = _identity(request)
        with self._lock:
            self.calls.append(Call(method, type_token, name, preview))

    def _project_of(self, inputs: Properties) -> str:
        return str(inputs.get("project") or self.project)

    @contextlib.contextmanager
    def _answering(self, context: grpc.ServicerContext, name: str) -> Iterator[None]:
        """Turn a refusal, or a failure that a test asked for, into a gRPC error."""
        if failure := self.failures.pop(name, None):
            context.abort(grpc.StatusCode.UNKNOWN, f"googleapi: {failure}")
        try:
            yield
        except GoogleError as refusal:
            context.abort(grpc.StatusCode.UNKNOWN, f"googleapi: {refusal}")


@contextlib.contextmanager
def serving(double: ProviderDouble) -> Iterator[int]:
    """Serve `double` on a port of the loopback address."""
    server = grpc.server(futures.ThreadPoolExecutor(32), options=_GRPC_CHANNEL_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(double, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(grace=None).wait()


def _abort_half_created(
    context: grpc.ServicerContext, identity: str, live: Properties, reason: str
) -> NoReturn:
    """Fail a creation after which the resource exists; the engine keeps it in its state."""
    failure = provider_pb2.ErrorResourceInitFailed(
        id=identity, properties=encode(live), reasons=[reason]
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=reason)
    status.details.add().Pack(failure)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, reason)


def _identity(request: Request) -> tuple[str, str]:
    _, _, types, name = request.urn.split("::", 3)
    return types.split("$")[-1], name


def _top(path: str) -> str:
    return path.split(".")[0].split("[")[0]


def _changes(changed: bool) -> provider_pb2.DiffResponse.DiffChanges.ValueType:
    response = provider_pb2.DiffResponse
    return response.DIFF_SOME if changed else response.DIFF_NONE


def _property_diff(kind: str, *, replaces: bool) -> provider_pb2.PropertyDiff:
    name = f"{kind}_REPLACE" if replaces else kind
    return provider_pb2.PropertyDiff(kind=getattr(provider_pb2.PropertyDiff, name))
