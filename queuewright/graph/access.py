"""Who may do what, according to a program's resources."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from queuewright.cloud_tasks import roles
from queuewright.graph.resource import Resource, ancestors
from queuewright.graph.wire import Properties, Value

QUEUE = "gcp:cloudtasks/queue:Queue"
RUN_SERVICE = "gcp:cloudrunv2/service:Service"
FUNCTION = "gcp:cloudfunctionsv2/function:Function"
WORKER_POOL = "gcp:cloudrunv2/workerPool:WorkerPool"
TOPIC = "gcp:pubsub/topic:Topic"
SUBSCRIPTION = "gcp:pubsub/subscription:Subscription"

PUBSUB = "pubsub.googleapis.com"

PUBLIC = ("allUsers", "allAuthenticatedUsers")
ENQUEUER_ROLES = (roles.ENQUEUER, roles.TASKS_ADMIN)
INVOKER_ROLES = (roles.INVOKER, roles.SERVICES_INVOKER, roles.RUN_ADMIN)
PUBLISHER_ROLES = (roles.PUBLISHER, roles.PUBSUB_ADMIN)
SUBSCRIBER_ROLES = (roles.SUBSCRIBER, roles.PUBSUB_ADMIN)
PROJECT_ROLES = (roles.OWNER, roles.EDITOR)
"""Roles that allow all of this when held on the whole project."""

_IAM_TYPE = re.compile(
    r"^gcp:(?P<service>\w+)/(?P<kind>\w*?)(?:IAM|Iam|iAM|iam)(?:Member|Binding|Policy):"
)
# The input that names the guarded resource, and its collection. Other kinds have the path
# projects/P/locations/L/KINDs/`name`.
_NAMED_BY = {
    ("artifactregistry", "repository"): ("repository", "repositories"),
    ("cloudfunctions", "function"): ("cloudFunction", "functions"),
    ("cloudfunctionsv2", "function"): ("cloudFunction", "functions"),
    ("pubsub", "subscription"): ("subscription", "subscriptions"),
    ("pubsub", "topic"): ("topic", "topics"),
    ("secretmanager", "secret"): ("secretId", "secrets"),
    ("serviceaccount", ""): ("serviceAccountId", "serviceAccounts"),
    ("storage", "bucket"): ("bucket", "buckets"),
}


@dataclass(frozen=True, order=True)
class Grant:
    """One role that one member holds on one resource.

    Attributes:
        member: such as `serviceAccount:web@acme.iam.gserviceaccount.com`.
        role: its full name, such as `cloud_tasks.roles.INVOKER`.
        resource: such as `projects/acme/locations/europe-west1/queues/emails`.
        condition: the title of its condition; empty if it has none.
    """

    member: str
    role: str
    resource: str
    condition: str = ""

    def __str__(self) -> str:
        condition = f" if {self.condition}" if self.condition else ""
        return f"{self.member} has {self.role} on {self.resource}{condition}"


@dataclass(frozen=True)
class Answer:
    """Yes or no, and why. True if yes, so that it can be asserted."""

    yes: bool
    because: str

    def __bool__(self) -> bool:
        return self.yes

    def __repr__(self) -> str:
        return f"<{'yes' if self.yes else 'no'}: {self.because}>"


def grants(resources: Mapping[str, Resource]) -> list[Grant]:
    """Every grant of the program, sorted; made by members, bindings and policies alike."""
    return sorted({grant for each in resources.values() for grant in _grants(resources, each)})


def public_resources(resources: Mapping[str, Resource]) -> list[str]:
    """What anyone on the internet may use, each as a sentence."""
    found = [str(grant) for grant in grants(resources) if grant.member in PUBLIC]
    for each in resources.values():
        if each.input("invokerIamDisabled") is True:
            found.append(f"{each} accepts every caller: invokerIamDisabled is true")
        if each.type.startswith("gcp:storage/") and "iam" not in each.type.lower():
            found += [
                f"{each} gives {value} access"
                for value in _texts(each.inputs)
                if value.rpartition(":")[2] in PUBLIC
            ]
    return sorted(found)


def may_invoke(resources: Mapping[str, Resource], queue: str, handler: str) -> Answer:
    """See `Graph.may_invoke`."""
    source, target = _queue(resources, queue), _handler(resources, handler)
    email = source.input("httpTarget.oidcToken.serviceAccountEmail")
    if not email:
        return Answer(False, f"{source} sends no token: it has no httpTarget.oidcToken")
    return _holds(
        resources, f"serviceAccount:{email}", INVOKER_ROLES, _run_service_path(resources, target)
    )


def may_enqueue(resources: Mapping[str, Resource], principal: str, queue: str) -> Answer:
    """See `Graph.may_enqueue`."""
    member = _member(resources, principal)
    if isinstance(member, Answer):
        return member
    source = _named(resources, queue, (QUEUE, TOPIC), "queue")
    if source.type == TOPIC:
        return _holds(resources, member, PUBLISHER_ROLES, _path(resources, source, "topics"))
    return _holds(resources, member, ENQUEUER_ROLES, _path(resources, source, "queues"))


def may_poll(resources: Mapping[str, Resource], principal: str, queue: str) -> Answer:
    """See `Graph.may_poll`."""
    member = _member(resources, principal)
    if isinstance(member, Answer):
        return member
    source = _named(resources, queue, (SUBSCRIPTION,), "pull queue")
    return _holds(resources, member, SUBSCRIBER_ROLES, _path(resources, source, "subscriptions"))


def routes_to(resources: Mapping[str, Resource], queue: str, handler: str) -> Answer:
    """See `Graph.routes_to`."""
    source, target = _queue(resources, queue), _handler(resources, handler)
    addresses = {str(each) for each in _addresses(target)}
    override = source.input("httpTarget.uriOverride")
    host = source.input("httpTarget.uriOverride.host")
    if not isinstance(override, dict) or not host:
        return Answer(False, f"{source} sends each task to its own URL: no uriOverride.host")
    if override.get("uriOverrideEnforceMode", "ALWAYS") != "ALWAYS":
        return Answer(False, f"{source} lets a task choose its own host")
    if host not in {urlsplit(address).hostname for address in addresses}:
        return Answer(False, f"{source} sends its tasks to {host}, but {target} is at {addresses}")
    audience = source.input("httpTarget.oidcToken.audience")
    if audience not in addresses:
        return Answer(False, f"{source} sends tokens for {audience}, not for {addresses}")
    return Answer(True, f"{source} sends its tasks to {host}")


def _holds(
    resources: Mapping[str, Resource], member: str, roles: tuple[str, ...], path: str
) -> Answer:
    project = "/".join(path.split("/")[:2])
    held = grants(resources)
    for grant in held:
        on_it = grant.resource == path and grant.role in roles
        on_all = grant.resource == project and grant.role in (*roles, *PROJECT_ROLES)
        if grant.member in (member, *PUBLIC) and (on_it or on_all):
            return Answer(True, str(grant))
    others = [f"{grant.role} on {grant.resource}" for grant in held if grant.member == member]
    has = f"it has {', '.join(others)}" if others else "it has no role"
    return Answer(False, f"{member} lacks {roles[0]} on {path}; {has}")


def _grants(resources: Mapping[str, Resource], resource: Resource) -> Iterator[Grant]:
    match = _IAM_TYPE.match(resource.type)
    if not match:
        return
    path = _guarded(resources, resource, match["service"], match["kind"])
    condition = str(resource.input("condition.title") or "")
    role = str(resource.input("role"))
    policy = resource.input("policyData")
    if isinstance(policy, str):
        for binding in json.loads(policy).get("bindings", ()):
            for member in binding["members"]:
                yield Grant(member, binding["role"], path)
    members = resource.input("members")
    for member in members if isinstance(members, list) else [resource.input("member")]:
        if member is not None:
            yield Grant(str(member), role, path, condition)


def _guarded(resources: Mapping[str, Resource], resource: Resource, service: str, kind: str) -> str:
    project = f"projects/{_project(resources, resource)}"
    if service == "projects":
        return project
    key, collection = _NAMED_BY.get((service, kind), ("name", f"{kind}s"))
    name = str(resource.input(key))
    if "/" in name:
        return name
    location = resource.input("location")
    return (
        f"{project}/locations/{location}/{collection}/{name}"
        if location
        else (f"{project}/{collection}/{name}")
    )


def _member(resources: Mapping[str, Resource], principal: str) -> str | Answer:
    """A principal as an IAM member; a handler's name stands for its account."""
    if ":" in principal:
        return principal
    handler = _named(resources, principal, (RUN_SERVICE, FUNCTION, WORKER_POOL), "handler")
    email = handler.input("template.serviceAccount") or handler.input(
        "serviceConfig.serviceAccountEmail"
    )
    if not email:
        return Answer(False, f"{handler} has no service account of its own")
    return f"serviceAccount:{email}"


def _path(resources: Mapping[str, Resource], resource: Resource, collection: str) -> str:
    project, location = _project(resources, resource), resource.input("location")
    place = f"projects/{project}/locations/{location}" if location else f"projects/{project}"
    return f"{place}/{collection}/{resource.output('name') or resource.name}"


def _project(resources: Mapping[str, Resource], resource: Resource) -> str:
    """The resource's own project, or its provider's."""
    provider = resources.get(resource.provider)
    project = resource.input("project") or (provider and provider.input("project"))
    return str(project or resource.output("project") or "project").removeprefix("projects/")


def _run_service_path(resources: Mapping[str, Resource], handler: Resource) -> str:
    """The path of a handler's Cloud Run service; a 2nd gen function has one of the same name."""
    return _path(resources, handler, "services")


def _addresses(handler: Resource) -> list[Value]:
    found = [handler.output("uri"), handler.output("url"), handler.output("serviceConfig.uri")]
    return [each for each in found if each]


def _queue(resources: Mapping[str, Resource], name: str) -> Resource:
    return _named(resources, name, (QUEUE,), "queue")


def _handler(resources: Mapping[str, Resource], name: str) -> Resource:
    return _named(resources, name, (RUN_SERVICE, FUNCTION), "handler")


def _named(
    resources: Mapping[str, Resource], name: str, types: tuple[str, ...], noun: str
) -> Resource:
    """The resource with this name: in the cloud, in the program, or of its component.

    `emails` also finds `tasks-emails`, if nothing is called `emails`.
    """
    candidates = [
        each
        for each in resources.values()
        if each.type in types and not _is_of_dead_letters(resources, each)
    ]
    names = {each.urn: _names(resources, each) for each in candidates}
    found = [each for each in candidates if name in names[each.urn]] or [
        each for each in candidates if any(known.endswith(f"-{name}") for known in names[each.urn])
    ]
    if len(found) == 1:
        return found[0]
    known = ", ".join(sorted(str(each.output("name") or each.name) for each in candidates))
    if not found:
        raise LookupError(f"no {noun} is named {name!r}; the program has {known or 'none'}")
    raise LookupError(f"{name!r} names {len(found)} {noun}s: {', '.join(map(str, found))}")


def _is_of_dead_letters(resources: Mapping[str, Resource], resource: Resource) -> bool:
    """Whether a queue or topic is for another queue's dead letters, or a subscription of such one.

    It has the component of that queue, and would be taken for the queue itself.
    """
    if resource.type == QUEUE:
        itself, _, role = resource.name.rpartition("-")
        return role == "dead_letters" and any(
            each.type == QUEUE and each.parent == resource.parent and each.name == f"{itself}-queue"
            for each in resources.values()
        )
    if resource.type not in (TOPIC, SUBSCRIPTION):
        return False
    topic = resource.id if resource.type == TOPIC else resource.input("topic")
    return isinstance(topic, str) and any(
        each.type == SUBSCRIPTION and each.input("deadLetterPolicy.deadLetterTopic") == topic
        for each in resources.values()
    )


def _names(resources: Mapping[str, Resource], resource: Resource) -> set[str]:
    own = {str(resource.output("name")), resource.name}
    if resource.type == QUEUE and resource.input("httpTarget.uriOverride.host") == PUBSUB:
        return own  # it has the component of the pull queue whose delays it keeps
    components = ancestors(resources, resource)[:-1]
    return {*own, *(each.name for each in components)}


def _texts(value: Properties) -> Iterator[str]:
    for each in value.values():
        for item in each if isinstance(each, list) else [each]:
            if isinstance(item, str):
                yield item
