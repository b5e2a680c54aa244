"""Rules across several settings of a handler, or across handlers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from queuewright.cloud_tasks.limits import MAX_HEADERS_BYTES
from queuewright.errors import Problem
from queuewright.spec.code_rules import code_rules
from queuewright.spec.document import Absence, Node, Path, dotted
from queuewright.spec.handler_model import (
    KINDS,
    SETTINGS_BY_KIND,
    AppEngineTarget,
    HandlerSpec,
    SecretReference,
)
from queuewright.spec.validation import checkable
from queuewright.spec.values import size, written_size
from queuewright.spec.words import nearest
from queuewright.spec.worker_rules import worker_rules

# Google's defaults for functions and services:
# https://cloud.google.com/run/docs/configuring/services/memory-limits.
FUNCTION_MEMORY, SERVICE_MEMORY = size("256Mi"), size("512Mi")
FUNCTION_TIMEOUT, SERVICE_TIMEOUT = timedelta(minutes=1), timedelta(minutes=5)

APP_ENGINE_VERSION = "v1"
"""The App Engine version to deploy if the spec names none."""

# The minimum CPU for more memory than this, and the minimum memory for at least this many CPUs:
# https://cloud.google.com/run/docs/configuring/services/memory-limits#cpu-minimum and
# https://cloud.google.com/run/docs/configuring/services/cpu#cpu-memory.
CPU_FOR_MEMORY = (
    ("24Gi", 8.0),
    ("16Gi", 6.0),
    ("8Gi", 4.0),
    ("4Gi", 2.0),
    ("1Gi", 1.0),
    ("512Mi", 0.5),
)
MEMORY_FOR_CPU = ((6.0, "4Gi"), (4.0, "2Gi"))


def kinds_of(handler: Node) -> list[str]:
    """The kinds that a handler's entry names; exactly one, if the entry is right."""
    kinds = ((kind, handler.at((kind,))) for kind in KINDS)
    return [kind for kind, node in kinds if node is not None and node.value is not None]


def settings_of(handler: Node) -> frozenset[str]:
    """The settings of a handler's kind; none if the kind is not clear."""
    kinds = kinds_of(handler)
    if len(kinds) != 1:
        return frozenset()
    if kinds == ["app_engine"] and not _is_deployed(handler):
        return SETTINGS_BY_KIND["app_engine"] - {"include", "env", "instances", "renamed_from"}
    image = handler.at((kinds[0], "image"))
    if image is not None and image.value is not None:
        return SETTINGS_BY_KIND[kinds[0]] - {"include"}  # nothing is built
    if kinds == ["url"] and handler.at(("audience",)) is None:
        return SETTINGS_BY_KIND["url"] - {"renamed_from"}  # it has no account to keep
    return SETTINGS_BY_KIND[kinds[0]]


def handler_rules(node: Node, at: Path, handler: HandlerSpec | None) -> Iterator[Problem]:
    """The problems of one handler, apart from its single values."""
    if not isinstance(node.value, dict):
        return
    kinds = kinds_of(node)
    if len(kinds) != 1:
        yield from _kind_rules(node, at, kinds)
        return
    for key, child in node.value.items():
        if key in HandlerSpec.model_fields and key not in (*kinds, *settings_of(node)):
            message, hint = f"a handler of kind `{kinds[0]}` has no `{key}`", "remove it"
            if kinds == ["app_engine"] and key in SETTINGS_BY_KIND["app_engine"]:
                message = f"an App Engine service without `source` has no `{key}`"
                hint = "remove it, or add `source` and `runtime` to deploy the service from here"
            elif key == "include" and key in SETTINGS_BY_KIND[kinds[0]]:
                message = "an image already has its code, so nothing can be included"
                hint = f"remove it, or give the {kinds[0]} a `source` instead of `image`"
            yield Problem(child.place, dotted((*at, key)), message, hint)
    if handler is None:
        return
    for rule in _RULES:
        yield from checkable(rule(node, at, handler))


def deployment_rules(document: Node, handlers: Mapping[str, HandlerSpec]) -> Iterator[Problem]:
    """A problem for every two handlers that deploy the same version of an App Engine service."""
    seen: dict[tuple[str, str], str] = {}
    for key, handler in handlers.items():
        yield from checkable(_version_rules(document, key, handler, seen))


def _version_rules(
    document: Node, key: str, handler: HandlerSpec, seen: dict[tuple[str, str], str]
) -> Iterator[Problem]:
    """`seen` has the handler that deploys each service and version."""
    engine = handler.app_engine
    if engine is None or engine.source is None:
        return
    version = engine.version or APP_ENGINE_VERSION
    other = seen.setdefault((engine.service, version), key)
    if other != key:
        at = ("handlers", key, "app_engine")
        message = f"handler `{other}` also deploys this version of `{engine.service}`"
        hint = "give one of them another `version` or `service`"
        yield Problem(document.locate(at), dotted(at), message, hint)


def _problem(node: Node, at: Path, path: Path, message: str, hint: str) -> Problem:
    return Problem(node.locate(path), dotted((*at, *path)), message, hint)


def _kind_rules(node: Node, at: Path, kinds: list[str]) -> Iterator[Problem]:
    hint = "give it exactly one of `function`, `service`, `worker`, `app_engine` and `url`"
    if kinds:
        message = "has more than one kind: " + ", ".join(kinds)
        yield Problem(node.place, dotted(at), message, hint)
        return
    unknown = [key for key, _ in node.entries() if key not in HandlerSpec.model_fields]
    if not any(nearest(key, HandlerSpec.model_fields) in KINDS for key in unknown):
        yield Absence(node.place, dotted(at), "has no kind", hint)


def _is_deployed(handler: Node) -> bool:
    """Whether an App Engine service is to be deployed from here, even if `source` is missing."""
    keys = (("app_engine", key) for key in ("source", "runtime"))
    return any(handler.at(key) is not None for key in keys)


def _service_rules(node: Node, at: Path, handler: HandlerSpec) -> Iterator[Problem]:
    service = handler.service
    if service is None:
        return
    path = ("service",)
    if (service.source is None) == (service.image is None):
        hint = "give it exactly one of `source: FOLDER` and `image: NAME`"
        is_bare = service.source is None
        message = "has neither `source` nor `image`" if is_bare else "has both `source` and `image`"
        yield _problem(node, at, path, message, hint)
    elif service.image is not None and (service.runtime or service.command):
        message, hint = "an image has its own command", "remove `runtime` and `command`"
        yield _problem(node, at, path, message, hint)
    elif (service.runtime is None) != (not service.command):
        there, missing, example = "command", "runtime", "python312"
        if service.runtime is not None:
            there, missing, example = "runtime", "command", "python main.py"
        message, hint = f"missing: required with `{there}`", f"add `{missing}: {example}`"
        yield _problem(node, at, (*path, missing), message, hint)


def _app_engine_rules(node: Node, at: Path, handler: HandlerSpec) -> Iterator[Problem]:
    engine = handler.app_engine
    if engine is None:
        return
    if engine.source is None:
        for key in ("runtime", "entrypoint"):
            yield from checkable(_unused_rules(node, at, engine, key))
    elif engine.runtime is None:
        message = "missing: required with `source`"
        yield _problem(node, at, ("app_engine", "runtime"), message, "add `runtime: python312`")


def _unused_rules(node: Node, at: Path, engine: AppEngineTarget, key: str) -> Iterator[Problem]:
    if getattr(engine, key) is not None:
        message = f"an App Engine service without `source` has no `{key}`"
        hint = "add `source: FOLDER`, or remove it"
        yield _problem(node, at, ("app_engine", key), message, hint)


def _audience_rules(node: Node, at: Path, handler: HandlerSpec) -> Iterator[Problem]:
    if handler.url is None or handler.audience is None:
        return
    if handler.url.startswith("http://"):
        message = "Cloud Tasks sends no token to an http URL"
        hint = "give an https URL, or remove `audience`"
        yield _problem(node, at, ("audience",), message, hint)
    for name in handler.headers:
        if name.lower() == "authorization":
            message = "the token for `audience` replaces this header"
            yield _problem(node, at, ("headers", name), message, "remove it, or remove `audience`")


def _header_rules(node: Node, at: Path, handler: HandlerSpec) -> Iterator[Problem]:
    if node.at(("url",)) is None:
        return
    seen: dict[str, str] = {}
    for name in handler.headers:
        path = ("headers", name)
        if (other := seen.setdefault(name.lower(), name)) != name:
            message = f"differs from `{other}` only in case"
            yield _problem(node, at, path, message, "keep one of them")
    bytes_in_all = sum(len((name + value).encode()) for name, value in handler.headers.items())
    if bytes_in_all >= MAX_HEADERS_BYTES:
        message = f"the headers have {bytes_in_all:,} bytes"
        hint = f"Cloud Tasks allows less than {MAX_HEADERS_BYTES:,}"
        yield _problem(node, at, ("headers",), message, hint)


def _secret_rules(node: Node, at: Path, handler: HandlerSpec) -> Iterator[Problem]:
    for name, secret in handler.secrets.items():
        path = ("secrets", name)
        yield from checkable(_reference_rules(node, at, path, secret))
        if name in handler.env:
            yield _problem(node, at, path, "is in both `env` and `secrets`", "remove one of them")


def _reference_rules(
    node: Node, at: Path, path: Path, secret: SecretReference
) -> Iterator[Problem]:
    if (secret.secret is None) == (secret.config is None):
        hint = "give exactly one of `secret: ID` and `config: KEY`"
        is_bare = secret.secret is None
        message = (
            "has neither `secret` nor `config`" if is_bare else "has both `secret` and `config`"
        )
        yield _problem(node, at, path, message, hint)
    elif secret.config is not None and "version" in secret.model_fields_set:
        hint = "remove it: a value from configuration has no versions"
        yield _problem(node, at, (*path, "version"), "only a `secret` has a version", hint)


def _vpc_rules(node: Node, at: Path, handler: HandlerSpec) -> Iterator[Problem]:
    vpc = handler.vpc
    if vpc is not None and vpc.network is None and vpc.subnetwork is None:
        message, hint = "has no network", "add `network: default`, or a `subnetwork`"
        yield _problem(node, at, ("vpc",), message, hint)


def _local_rules(node: Node, at: Path, handler: HandlerSpec) -> Iterator[Problem]:
    if handler.local.command and handler.local.url is not None:
        message = "has both `command` and `url`"
        hint = "keep one: `command` starts the handler, `url` says where it already runs"
        yield _problem(node, at, ("local",), message, hint)


def _instance_rules(node: Node, at: Path, handler: HandlerSpec) -> Iterator[Problem]:
    instances = handler.instances
    if instances.min > instances.max:
        default = "" if "max" in instances.model_fields_set else " (the default)"
        message = f"{instances.min} is more than `max`, which is {instances.max}{default}"
        hint = f"lower it, or set `max: {instances.min}` or more"
        yield _problem(node, at, ("instances", "min"), message, hint)


def _memory_rules(node: Node, at: Path, handler: HandlerSpec) -> Iterator[Problem]:
    cpu = handler.cpu
    if cpu is None:
        return
    memory = handler.memory or (FUNCTION_MEMORY if handler.function else SERVICE_MEMORY)
    default = "" if handler.memory else " (the default)"
    least_cpu = next((least for over, least in CPU_FOR_MEMORY if memory > size(over)), 0)
    least_memory = next((least for over, least in MEMORY_FOR_CPU if cpu >= over), "0Ki")
    if cpu < least_cpu:
        message = f"{cpu:g} is not enough CPU for `{written_size(memory)}` of memory{default}"
        hint = f"Cloud Run requires `cpu: {least_cpu:g}` or more"
        yield _problem(node, at, ("cpu",), message, hint)
    if memory < size(least_memory):
        message = f"{cpu:g} CPUs are too many for `{written_size(memory)}` of memory{default}"
        hint = f"Cloud Run requires `memory: {least_memory}` or more"
        yield _problem(node, at, ("cpu",), message, hint)


def _concurrency_rules(node: Node, at: Path, handler: HandlerSpec) -> Iterator[Problem]:
    if handler.cpu is not None and handler.cpu < 1 and (handler.concurrency or 1) > 1:
        message = f"a concurrency of {handler.concurrency} needs a whole CPU"
        hint = "set `cpu: 1` or more, or `concurrency: 1`"
        yield _problem(node, at, ("concurrency",), message, hint)


_RULES = (
    _service_rules,
    worker_rules,
    code_rules,
    _app_engine_rules,
    _audience_rules,
    _header_rules,
    _secret_rules,
    _vpc_rules,
    _instance_rules,
    _memory_rules,
    _concurrency_rules,
    _local_rules,
)
