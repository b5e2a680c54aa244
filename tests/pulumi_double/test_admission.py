"""Google's refusals, rule by rule, without the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuewright.cloud_tasks import roles
from queuewright.graph.wire import Properties
from tests.pulumi_double.admission import (
    VERSION_ROLES,
    GoogleError,
    admit,
    admit_references,
    admit_removal,
)
from tests.pulumi_double.cloud import Cloud
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
)

PLACE = "projects/acme/locations/l"
RUNS_AS = "mailer@acme.iam.gserviceaccount.com"
BUILDER = "builder@acme.iam.gserviceaccount.com"
ENQUEUER = "gcp:cloudtasks/queueIamMember:QueueIamMember"
ACCESSOR = "gcp:secretmanager/secretIamMember:SecretIamMember"
IMAGE_MEMBER = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"
BUCKET_MEMBER = "gcp:storage/bucketIAMMember:BucketIAMMember"
PROJECT_MEMBER = "gcp:projects/iAMMember:IAMMember"
RUN_INVOKER = "gcp:cloudrunv2/serviceIamMember:ServiceIamMember"


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    """A project with enabled APIs and two accounts."""
    cloud = Cloud(tmp_path)
    for api in ("appengine", "cloudtasks", "run", "cloudfunctions"):
        cloud.put(API, f"acme/{api}.googleapis.com", {})
    for email in (RUNS_AS, BUILDER):
        cloud.put(ACCOUNT, f"projects/acme/serviceAccounts/{email}", {})
    return cloud


def made(cloud: Cloud, type_token: str, identity: str, properties: Properties) -> None:
    admit(cloud, type_token, identity, properties, "acme")
    cloud.put(type_token, identity, properties)


def test_an_api_must_be_on(tmp_path: Path) -> None:
    """Nothing is created before its API is enabled."""
    with pytest.raises(GoogleError, match=r"403: cloudtasks\.googleapis\.com has not been used"):
        admit(Cloud(tmp_path), QUEUE, f"{PLACE}/queues/q", {}, "acme")


def test_a_second_of_one_name_is_a_conflict(cloud: Cloud) -> None:
    """An existing queue cannot be created again."""
    made(cloud, QUEUE, f"{PLACE}/queues/q", {})
    with pytest.raises(GoogleError, match="409: Queue already exists"):
        made(cloud, QUEUE, f"{PLACE}/queues/q", {})


def test_a_deleted_queues_name_is_blocked(cloud: Cloud) -> None:
    """The name is free again only after days."""
    made(cloud, QUEUE, f"{PLACE}/queues/q", {})
    cloud.remove(QUEUE, f"{PLACE}/queues/q")
    with pytest.raises(GoogleError, match="existed too recently"):
        made(cloud, QUEUE, f"{PLACE}/queues/q", {})
    cloud.forget_deleted_queues()
    made(cloud, QUEUE, f"{PLACE}/queues/q", {})


def test_a_value_out_of_range_is_refused(cloud: Cloud) -> None:
    """A duration needs a unit; a zero is omitted, so Google never sees it."""
    with pytest.raises(GoogleError, match=r"400: .*minBackoff: '10' is not a duration"):
        made(cloud, QUEUE, f"{PLACE}/queues/q", {"retryConfig": {"minBackoff": "10"}})
    made(cloud, QUEUE, f"{PLACE}/queues/q", {"retryConfig": {"maxDoublings": 0}})


def test_a_member_must_exist(cloud: Cloud) -> None:
    """Only accounts of this project are checked."""
    made(cloud, QUEUE, f"{PLACE}/queues/q", {})
    grant: Properties = {"name": "q", "location": "l", "role": "roles/cloudtasks.enqueuer"}
    nobody = "serviceAccount:nobody@acme.iam.gserviceaccount.com"
    with pytest.raises(GoogleError, match=r"nobody@acme\S+ does not exist"):
        made(cloud, ENQUEUER, "1", {**grant, "member": nobody})
    made(cloud, ENQUEUER, "1", {**grant, "member": f"serviceAccount:{RUNS_AS}"})
    other = "serviceAccount:web@other.iam.gserviceaccount.com"
    made(cloud, ENQUEUER, "2", {**grant, "member": other})


def test_what_is_guarded_must_exist(cloud: Cloud) -> None:
    """A grant needs its queue; a function is guarded as a service."""
    grant: Properties = {
        "name": "f",
        "location": "l",
        "member": "user:a@example.com",
        "role": "roles/run.invoker",
    }
    for type_token in (ENQUEUER, RUN_INVOKER):
        with pytest.raises(GoogleError, match="404: Resource f was not found"):
            made(cloud, type_token, "1", grant)
    cloud.put(FUNCTION, f"{PLACE}/functions/f", {})
    made(cloud, RUN_INVOKER, "1", grant)


def test_an_account_that_signs_or_runs_must_exist(cloud: Cloud) -> None:
    """A queue's invoker and a service's own account must exist."""
    target: Properties = {"oidcToken": {"serviceAccountEmail": "gone@acme.iam.gserviceaccount.com"}}
    with pytest.raises(GoogleError, match=r"gone@acme\S+ does not exist"):
        made(cloud, QUEUE, f"{PLACE}/queues/q", {"httpTarget": target})
    template: Properties = {"serviceAccount": "gone@acme.iam.gserviceaccount.com"}
    with pytest.raises(GoogleError, match=r"gone@acme\S+ does not exist"):
        made(cloud, RUN_SERVICE, f"{PLACE}/services/s", {"template": template})


def test_a_secret_must_be_readable_by_who_runs(cloud: Cloud) -> None:
    """Cloud Run refuses a revision whose account may not read its secrets."""
    by_reference: Properties = {"valueSource": {"secretKeyRef": {"secret": "key"}}}
    service: Properties = {
        "template": {"serviceAccount": RUNS_AS, "containers": [{"envs": [by_reference]}]}
    }
    with pytest.raises(GoogleError, match=f"403: Permission denied on secret.*{RUNS_AS}"):
        made(cloud, RUN_SERVICE, f"{PLACE}/services/s", service)
    made(
        cloud,
        ACCESSOR,
        "1",
        {
            "secretId": "projects/acme/secrets/key",
            "member": f"serviceAccount:{RUNS_AS}",
            "role": "roles/secretmanager.secretAccessor",
        },
    )
    made(cloud, RUN_SERVICE, f"{PLACE}/services/s", service)


def test_a_function_needs_its_source_and_a_builder_who_may(cloud: Cloud) -> None:
    """A missing object or a builder without its role fails the function."""
    function: Properties = {
        "buildConfig": {
            "serviceAccount": f"projects/acme/serviceAccounts/{BUILDER}",
            "source": {"storageSource": {"bucket": "b", "object": "f.zip"}},
            "dockerRepository": f"{PLACE}/repositories/r",
        }
    }
    with pytest.raises(GoogleError, match=r"404: gs://b/f\.zip was not found"):
        made(cloud, FUNCTION, f"{PLACE}/functions/f", function)
    made(cloud, OBJECT, "b-f.zip", {"bucket": "b", "name": "f.zip"})
    cloud.put(BUCKET, "b", {})
    cloud.put(REPOSITORY, f"{PLACE}/repositories/r", {})
    grants: list[tuple[str, str, Properties]] = [
        (PROJECT_MEMBER, roles.LOG_WRITER, {"project": "acme"}),
        (PROJECT_MEMBER, roles.OBJECT_VIEWER, {"project": "acme"}),
        (BUCKET_MEMBER, roles.OBJECT_VIEWER, {"bucket": "b"}),
        (
            IMAGE_MEMBER,
            roles.IMAGE_WRITER,
            {"repository": f"{PLACE}/repositories/r", "location": "l"},
        ),
    ]
    for number, (kind, role, on) in enumerate(grants):
        with pytest.raises(GoogleError, match=f"Build failed: {BUILDER} lacks {role} on"):
            made(cloud, FUNCTION, f"{PLACE}/functions/f", function)
        grant: Properties = {**on, "role": role, "member": f"serviceAccount:{BUILDER}"}
        made(cloud, kind, str(number), grant)
    made(cloud, FUNCTION, f"{PLACE}/functions/f", function)
    function["buildConfig"] = {"source": {"storageSource": {"bucket": "b", "object": "x"}}}
    with pytest.raises(GoogleError, match="404"):
        admit_references(cloud, FUNCTION, function, "acme")


def test_an_app_engine_version_is_built_by_its_own_account(cloud: Cloud) -> None:
    """Each role that the build lacks fails the version, and so does an unreadable package."""
    version: Properties = {
        "serviceAccount": RUNS_AS,
        "deployment": {"zip": {"sourceUrl": "https://storage.googleapis.com/b/f.zip"}},
    }
    member = f"serviceAccount:{RUNS_AS}"
    for role in VERSION_ROLES:
        with pytest.raises(GoogleError, match=f"service account {RUNS_AS} lacks {role}"):
            made(cloud, APP_VERSION, "v1", version)
        made(cloud, PROJECT_MEMBER, role, {"project": "acme", "role": role, "member": member})
    cloud.put(BUCKET, "b", {})
    cloud.put(BUCKET, "other", {})
    for bucket in ("other", "b"):
        with pytest.raises(GoogleError, match=r"does not have access to gs://b/f\.zip"):
            made(cloud, APP_VERSION, "v1", version)
        grant = {"bucket": bucket, "role": roles.OBJECT_VIEWER, "member": member}
        made(cloud, BUCKET_MEMBER, bucket, {**grant})
    made(cloud, APP_VERSION, "v1", version)


def test_what_is_protected_in_the_cloud_is_not_deleted(cloud: Cloud) -> None:
    """Cloud Run's protection, the provider's policy, and a bucket with objects."""
    with pytest.raises(GoogleError, match="deletion_protection=false"):
        admit_removal(cloud, RUN_SERVICE, "s", {"deletionProtection": True})
    with pytest.raises(GoogleError, match="deletion_policy"):
        admit_removal(cloud, QUEUE, "q", {"deletionPolicy": "PREVENT"})
    cloud.put(OBJECT, "b-f.zip", {"bucket": "b", "name": "f.zip"})
    with pytest.raises(GoogleError, match="not empty"):
        admit_removal(cloud, BUCKET, "b", {})
    admit_removal(cloud, BUCKET, "b", {"forceDestroy": True})
    admit_removal(cloud, BUCKET, "empty", {})
