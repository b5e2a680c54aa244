"""Describes a resource of a Pulumi program in words: what it is, and its main settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from queuewright.graph import UNKNOWN, Graph, Resource

ACCOUNT = "gcp:serviceaccount/account:Account"
CALLED = ("gcp:cloudfunctionsv2/function:Function", "gcp:cloudrunv2/service:Service")
IAM_TYPE = re.compile(r"^gcp:(?P<service>\w+)/(?P<kind>\w*?)(?:IAM|Iam|iAM|iam)Member:")
# The input of a grant that names its resource; otherwise `name`.
NAMED_BY = ("secretId", "bucket", "repository", "serviceAccountId", "topic", "subscription")


def words(graph: Graph, resource: Resource) -> str:
    """Return a description of a resource in one line."""
    iam = IAM_TYPE.match(resource.type)
    if iam:
        return _grant(graph, resource, iam["kind"])
    described = DESCRIBED.get(resource.type, _anything)
    return described(graph, resource)


def is_grant(resource: Resource) -> bool:
    """Return whether a resource gives somebody a role."""
    return IAM_TYPE.match(resource.type) is not None


def _queue(graph: Graph, queue: Resource) -> str:
    settings = ", ".join(_queue_settings(queue))
    return f"queue `{_name(queue)}` → {_target(graph, queue)}{f': {settings}' if settings else ''}"


def _target(graph: Graph, queue: Resource) -> str:
    engine = queue.input("appEngineRoutingOverride")
    if isinstance(engine, dict):
        return f"App Engine `{'/'.join(str(each) for each in engine.values())}`"
    path = queue.input("httpTarget.uriOverride.pathOverride.path")
    at = f" at `{path}`" if path else ""
    host = queue.input("httpTarget.uriOverride.host")
    if isinstance(host, str):
        scheme = str(queue.input("httpTarget.uriOverride.scheme")).lower()
        port = queue.input("httpTarget.uriOverride.port")
        return f"`{scheme}://{host}{f':{port}' if port else ''}{path or ''}`"
    for urn in queue.property_dependencies.get("httpTarget", ()):
        handler = graph.resources.get(urn)
        if handler is not None and handler.type in CALLED:
            return f"`{_name(handler)}`{at}"
    return f"each task's own URL{at}"


def _queue_settings(queue: Resource) -> Iterator[str]:
    rate = queue.input("rateLimits.maxDispatchesPerSecond")
    if rate is not None:
        yield f"{rate:g}/s" if isinstance(rate, int | float) else f"{rate}/s"
    at_once = queue.input("rateLimits.maxConcurrentDispatches")
    if at_once is not None:
        yield f"{at_once} at once"
    attempts = queue.input("retryConfig.maxAttempts")
    if attempts is not None:
        yield "attempts without limit" if attempts == -1 else f"{attempts} attempts"
    if queue.input("desiredState") == "PAUSED":
        yield "paused"


def _subscription(graph: Graph, subscription: Resource) -> str:
    settings = [f"lease {subscription.input('ackDeadlineSeconds')}s"]
    attempts = subscription.input("deadLetterPolicy.maxDeliveryAttempts")
    settings += [f"{attempts} attempts"] if attempts is not None else []
    settings += ["in order"] if subscription.input("enableMessageOrdering") else []
    topic = _known_by(graph, subscription, "topic")
    return f"subscription `{_name(subscription)}` to topic `{topic}`: {', '.join(settings)}"


def _worker_pool(_graph: Graph, pool: Resource) -> str:
    container, counts = "template.containers[0]", "scaling"
    count = pool.input(f"{counts}.manualInstanceCount")
    if count is None:
        low, high = (pool.input(f"{counts}.{end}InstanceCount") for end in ("min", "max"))
        count = f"{low} to {high}"
    memory = pool.input(f"{container}.resources.limits.memory")
    plural = "instance" if count == 1 else "instances"
    return f"worker pool `{_name(pool)}`: {memory}, {count} {plural}"


def _function(_graph: Graph, function: Resource) -> str:
    config = "serviceConfig"
    parts = [
        f"{function.input('buildConfig.runtime')}",
        f"`{function.input('buildConfig.entryPoint')}`",
        str(function.input(f"{config}.availableMemory") or ""),
        _instances(function.input(f"{config}.maxInstanceCount")),
    ]
    return f"function `{_name(function)}`: {', '.join(each for each in parts if each)}"


def _service(_graph: Graph, service: Resource) -> str:
    container = "template.containers[0]"
    parts = [
        _code(service),
        str(service.input(f"{container}.resources.limits.memory") or ""),
        _instances(service.input("template.scaling.maxInstanceCount")),
    ]
    return f"service `{_name(service)}`: {', '.join(each for each in parts if each)}"


def _code(service: Resource) -> str:
    """The code that a service runs."""
    container = "template.containers[0]"
    if service.input(f"{container}.sourceCode") is not None:
        base = str(service.input(f"{container}.baseImageUri"))
        return f"{base.rpartition('/')[2]} without a build"
    image = service.input(f"{container}.image")
    return f"image `{image}`" if isinstance(image, str) else "the image built from its folder"


def _instances(most: object) -> str:
    return f"at most {most} instances" if isinstance(most, int | float) else ""


def _grant(graph: Graph, grant: Resource, kind: str) -> str:
    named = next((key for key in NAMED_BY if key in grant.inputs), "name")
    place = grant.input(named)
    if place is UNKNOWN:
        place = _known_by(graph, grant, named)
    where = f"{kind or 'project'} `{place or grant.input('project')}`"
    member = grant.input("member")
    if member is UNKNOWN:
        member = _known_by(graph, grant, "member")
    condition = grant.input("condition.title")
    narrowed = f", {condition} only" if condition else ""
    return f"`{grant.input('role')}` on {where} for `{member}`{narrowed}"


def _known_by(graph: Graph, resource: Resource, key: str) -> str:
    """The names of the resources that an input comes from."""
    made = [graph.resources[urn] for urn in resource.property_dependencies.get(key, ())]
    return ", ".join(_name(each) for each in made) or "not known yet"


def _app_version(_graph: Graph, version: Resource) -> str:
    name = f"{version.input('service')}/{version.input('versionId')}"
    return f"App Engine version `{name}`: {version.input('runtime')}"


def _account(_graph: Graph, account: Resource) -> str:
    about = account.input("displayName")
    return f"service account `{_name(account)}`{f': {about}' if about else ''}"


def _image(_graph: Graph, image: Resource) -> str:
    return f"image `{image.input('tags[0]')}`, built here"


def _provider(_graph: Graph, provider: Resource) -> str:
    return f"Google Cloud, project `{provider.input('project')}`"


def _simply(noun: str, key: str) -> Callable[[Graph, Resource], str]:
    """A description made of a noun and a name."""
    return lambda _graph, resource: f"{noun} `{resource.input(key) or resource.name}`"


def _anything(_graph: Graph, resource: Resource) -> str:
    noun = resource.type.rpartition(":")[2]
    return f"{noun} `{_name(resource)}`"


def _name(resource: Resource) -> str:
    """Its name on Google Cloud, if the program sets one."""
    for key in ("name", "accountId", "secretId", "repositoryId"):
        if isinstance(found := resource.input(key), str):
            return found.rpartition("/")[2]
    return resource.name


DESCRIBED: dict[str, Callable[[Graph, Resource], str]] = {
    "gcp:cloudtasks/queue:Queue": _queue,
    "gcp:cloudfunctionsv2/function:Function": _function,
    "gcp:cloudrunv2/service:Service": _service,
    "gcp:cloudrunv2/workerPool:WorkerPool": _worker_pool,
    "gcp:pubsub/topic:Topic": _simply("topic", "name"),
    "gcp:pubsub/subscription:Subscription": _subscription,
    "gcp:appengine/standardAppVersion:StandardAppVersion": _app_version,
    ACCOUNT: _account,
    "docker-build:index:Image": _image,
    "pulumi:providers:gcp": _provider,
    "gcp:artifactregistry/repository:Repository": _simply("image repository", "repositoryId"),
    "gcp:projects/service:Service": _simply("API", "service"),
    "gcp:projects/serviceIdentity:ServiceIdentity": _simply("Google's own account for", "service"),
    "gcp:secretmanager/secret:Secret": _simply("secret", "secretId"),
    "gcp:secretmanager/secretVersion:SecretVersion": lambda _graph, _resource: "its value",
    "gcp:storage/bucket:Bucket": _simply("bucket", "name"),
    "gcp:storage/bucketObject:BucketObject": _simply("package", "name"),
}
