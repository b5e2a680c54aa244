"""Google's rules between resources: what it refuses to create or delete, in its words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from queuewright.cloud_tasks import roles
from queuewright.graph.formats import format_problems
from queuewright.graph.wire import Properties, Value, walk
from tests.pulumi_double.cloud import BLOCKED, Cloud
from tests.pulumi_double.difference import sent
from tests.pulumi_double.rules import (
    ACCOUNT,
    API,
    APP_VERSION,
    BUCKET,
    FUNCTION,
    OBJECT,
    QUEUE,
    REPOSITORY,
    RUN_SERVICE,
    is_iam_member,
    rule,
)

SECRET_MEMBER = "gcp:secretmanager/secretIamMember:SecretIamMember"
PROJECT_MEMBER = "gcp:projects/iAMMember:IAMMember"
IMAGE_MEMBER = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"
BUCKET_MEMBER = "gcp:storage/bucketIAMMember:BucketIAMMember"

# google/cloud/tasks/v2/cloudtasks.proto, DeleteQueue, and the service's own message.
TOO_RECENT = "The queue cannot be created because a queue with this name existed too recently."
# A build needs these roles, on the project, on the bucket of its source and on its repository:
# https://cloud.google.com/functions/docs/securing/build-custom-sa
BUILD_ROLES = (roles.LOG_WRITER, roles.OBJECT_VIEWER)
SOURCE_ROLE, IMAGE_ROLE = roles.OBJECT_VIEWER, roles.IMAGE_WRITER

# App Engine builds a version as its own account, from a bucket of its own:
# https://github.com/GoogleCloudPlatform/magic-modules/pull/11326
VERSION_ROLES = (roles.LOG_WRITER, roles.IMAGE_CREATOR, roles.BUCKET_VIEWER, roles.OBJECT_USER)

# Part of a grant's type, the types it guards, the input that names the resource, and its id.
_GUARDED = (
    ("cloudtasks/queueIam", (QUEUE,), "name", "{place}/queues/{name}"),
    ("cloudrunv2/serviceIam", (RUN_SERVICE,), "name", "{place}/services/{name}"),
    # A 2nd gen function has a Cloud Run service of the same name.
    ("cloudrunv2/serviceIam", (FUNCTION,), "name", "{place}/functions/{name}"),
    (
        "artifactregistry/repositoryIam",
        (REPOSITORY,),
        "repository",
        "{place}/repositories/{name}",
    ),
    ("storage/bucketIAM", (BUCKET,), "bucket", "{name}"),
)


class GoogleError(Exception):
    """Google's refusal."""


def admit(
    cloud: Cloud, type_token: str, identity: str, properties: Properties, project: str
) -> None:
    """Refuse to create a resource if a rule forbids it.

    Raises:
        GoogleError: its API is disabled, its name is taken or blocked, or a reference is missing.
    """
    known = rule(type_token)
    if known.api and cloud.get(API, f"{project}/{known.api}") is None:
        raise GoogleError(
            f"Error 403: {known.api} has not been used in project {project} before or it is "
            "disabled., accessNotConfigured"
        )
    if type_token == QUEUE and cloud.get(BLOCKED, identity) is not None:
        raise GoogleError(f"Error 400: {TOO_RECENT}")
    if known.unique and cloud.get(type_token, identity) is not None:
        raise GoogleError(f"Error 409: {known.noun} already exists")
    admit_references(cloud, type_token, properties, project)


def admit_references(cloud: Cloud, type_token: str, properties: Properties, project: str) -> None:
    """Check the values of a resource and the resources that it refers to.

    Raises:
        GoogleError: a value is invalid, or an account, a secret's grant, a source or a guarded
            resource is missing.
    """
    for problem in format_problems(type_token, sent(properties)):
        raise GoogleError(f"Error 400: Invalid value: {problem}, badRequest")
    if is_iam_member(type_token):
        _require_guarded(cloud, type_token, properties, project)
    for email in sorted(set(_accounts(properties))):
        _require_account(cloud, email, project)
    for secret in sorted(set(_secrets(properties))):
        _require_secret_access(cloud, secret, properties, project)
    if type_token == FUNCTION:
        _require_buildable(cloud, properties)
    if type_token == APP_VERSION:
        _require_version_rights(cloud, properties)


def admit_removal(cloud: Cloud, type_token: str, identity: str, properties: Properties) -> None:
    """Refuse to delete a resource if a rule forbids it.

    Raises:
        GoogleError: it is protected in the cloud, or not empty.
    """
    if properties.get("deletionPolicy") == "PREVENT":
        raise GoogleError('cannot destroy resource without setting deletion_policy="DELETE"')
    if properties.get("deletionProtection") is True:
        raise GoogleError("cannot destroy resource without setting deletion_protection=false")
    if type_token == BUCKET and not properties.get("forceDestroy"):
        held = [each for _, each in cloud.of_type(OBJECT) if each["bucket"] == identity]
        if held:
            raise GoogleError("Error 409: The bucket you tried to delete is not empty., conflict")


def _require_guarded(cloud: Cloud, type_token: str, properties: Properties, project: str) -> None:
    guards = [each for each in _GUARDED if each[0] in type_token]
    names = {str(properties[key]) for _, _, key, _ in guards}
    place = f"projects/{project}/locations/{properties.get('location')}"
    found = [
        cloud.get(kind, form.format(place=place, name=name.split("/")[-1]))
        for _, kinds, _, form in guards
        for kind in kinds
        for name in names
    ]
    if guards and not any(each is not None for each in found):
        raise GoogleError(f"Error 404: Resource {', '.join(names)} was not found")


def _require_account(cloud: Cloud, email: str, project: str) -> None:
    """An account of the project must exist; other projects' and Google's accounts always do."""
    own = email.endswith(f"@{project}.iam.gserviceaccount.com")
    if own and cloud.get(ACCOUNT, f"projects/{project}/serviceAccounts/{email}") is None:
        raise GoogleError(f"Error 400: Service account {email} does not exist., badRequest")


def _require_secret_access(cloud: Cloud, secret: str, properties: Properties, project: str) -> None:
    paths = ("template.serviceAccount", "serviceConfig.serviceAccountEmail")
    emails = {str(value) for path, value in walk(properties) if path in paths}
    for _, grant in cloud.of_type(SECRET_MEMBER):
        same = str(grant["secretId"]).split("/")[-1] == secret.split("/")[-1]
        if same and str(grant["member"]).removeprefix("serviceAccount:") in emails:
            return
    raise GoogleError(
        f"Error 403: Permission denied on secret: projects/{project}/secrets/{secret} for "
        f"Revision service account {', '.join(sorted(emails))}."
    )


def _require_buildable(cloud: Cloud, properties: Properties) -> None:
    values = {path: str(value) for path, value in walk(properties)}
    storage = "buildConfig.source.storageSource"
    bucket, name = values.get(f"{storage}.bucket"), values.get(f"{storage}.object")
    if bucket and cloud.get(OBJECT, f"{bucket}-{name}") is None:
        raise GoogleError(f"Error 404: gs://{bucket}/{name} was not found")
    builder = values.get("buildConfig.serviceAccount", "").split("/")[-1]
    if not builder:
        return
    repository = values["buildConfig.dockerRepository"]
    needed = [
        *((role, "the project", _roles(cloud, PROJECT_MEMBER, builder)) for role in BUILD_ROLES),
        (SOURCE_ROLE, bucket, _roles(cloud, BUCKET_MEMBER, builder, bucket=bucket)),
        (IMAGE_ROLE, repository, _roles(cloud, IMAGE_MEMBER, builder, repository=repository)),
    ]
    for role, on, held in needed:
        if role not in held:
            raise GoogleError(f"Error 400: Build failed: {builder} lacks {role} on {on}")


def _require_version_rights(cloud: Cloud, properties: Properties) -> None:
    """The account of an App Engine version must be able to build it."""
    account = str(properties["serviceAccount"])
    held = _roles(cloud, PROJECT_MEMBER, account)
    for role in VERSION_ROLES:
        if role not in held:
            raise GoogleError(f"Error code 13, message: service account {account} lacks {role}")
    source = next(str(value) for path, value in walk(properties) if path.endswith("sourceUrl"))
    bucket, _, name = source.removeprefix("https://storage.googleapis.com/").partition("/")
    if roles.OBJECT_VIEWER not in _roles(cloud, BUCKET_MEMBER, account, bucket=bucket):
        raise GoogleError(f"Error 403: {account} does not have access to gs://{bucket}/{name}")


def _roles(cloud: Cloud, type_token: str, account: str, **on: str | None) -> set[Value]:
    """The roles that an account has by grants of a type."""
    return {
        grant["role"]
        for _, grant in cloud.of_type(type_token)
        if grant["member"] == f"serviceAccount:{account}"
        and all(grant[key] == value for key, value in on.items())
    }


def _accounts(properties: Properties) -> Iterator[str]:
    """The accounts that a resource runs as, is built by, gets tokens of or grants a role to."""
    for path, value in walk(properties):
        if isinstance(value, str) and re.search(r"(^|\.)serviceAccount(Email)?$", path):
            yield value.split("/")[-1]
        elif isinstance(value, str) and path == "member" and value.startswith("serviceAccount:"):
            yield value.removeprefix("serviceAccount:")


def _secrets(properties: Properties) -> Iterator[str]:
    """The secrets of a handler's variables."""
    for path, value in walk(properties):
        if re.search(r"(secretKeyRef|secretEnvironmentVariables\[\d+\])\.secret$", path):
            yield str(value)
