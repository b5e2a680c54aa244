"""The stack of `bench/stack.py`, written by hand in plain Pulumi.

It has the same resources with the same names and inputs, but no component, YAML or blueprint.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pulumi
import pulumi_gcp as gcp
from pulumi_gcp import (
    artifactregistry,
    cloudfunctionsv2,
    cloudrunv2,
    cloudtasks,
    projects,
    serviceaccount,
    storage,
)

PROJECT, LOCATION = "acme-bench", "europe-west1"
APIS = (
    "artifactregistry",
    "cloudbuild",
    "cloudfunctions",
    "cloudresourcemanager",
    "cloudtasks",
    "iam",
    "run",
    "storage",
)


def program(queues: int, handlers: int, root: Path) -> Callable[[], None]:
    """A program with this many queues and functions, whose sources are in `root`."""
    return lambda: _program(queues, handlers, root)


def _program(queues: int, handlers: int, root: Path) -> None:
    google = gcp.Provider("tasks-google", project=PROJECT, region=LOCATION)

    def after(*made: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(provider=google, depends_on=list(made))

    apis = {
        name: projects.Service(
            f"tasks-project-{name}",
            project=PROJECT,
            service=f"{name}.googleapis.com",
            disable_on_destroy=False,
            opts=after(),
        )
        for name in APIS
    }
    agents = {
        name: projects.ServiceIdentity(
            f"tasks-project-{name}-agent",
            project=PROJECT,
            service=f"{name}.googleapis.com",
            opts=after(apis[name]),
        )
        for name in ("artifactregistry", "cloudbuild", "cloudfunctions", "cloudtasks", "run")
    }
    bucket = storage.Bucket(
        "tasks-packages-bucket",
        name=f"{PROJECT}-queuewright",
        project=PROJECT,
        location=LOCATION.upper(),
        labels={},
        uniform_bucket_level_access=True,
        public_access_prevention="enforced",
        force_destroy=True,
        versioning={"enabled": True},
        lifecycle_rules=[
            {
                "action": {"type": "Delete"},
                "condition": {"days_since_noncurrent_time": 90, "with_state": "ARCHIVED"},
            }
        ],
        opts=after(apis["storage"]),
    )
    images = artifactregistry.Repository(
        "tasks-images-repository",
        repository_id="queuewright",
        project=PROJECT,
        location=LOCATION,
        format="DOCKER",
        labels={},
        cleanup_policies=[
            {
                "id": "keep-the-last",
                "action": "KEEP",
                "most_recent_versions": {"keep_count": 30},
            },
            {
                "id": "delete-the-rest",
                "action": "DELETE",
                "condition": {"tag_state": "ANY", "older_than": "2592000s"},
            },
        ],
        opts=after(apis["artifactregistry"], agents["artifactregistry"]),
    )
    builder = serviceaccount.Account(
        "tasks-build-account",
        account_id="queuewright-build",
        display_name="queuewright dev: functions are built by it",
        project=PROJECT,
        opts=after(apis["iam"], apis["cloudresourcemanager"]),
    )
    building = [
        projects.IAMMember(
            "tasks-build-project-logging.logWriter",
            project=PROJECT,
            role="roles/logging.logWriter",
            member=builder.member,
            opts=after(apis["iam"], apis["cloudresourcemanager"]),
        ),
        projects.IAMMember(
            "tasks-build-project-storage.objectViewer",
            project=PROJECT,
            role="roles/storage.objectViewer",
            member=builder.member,
            condition={
                "title": "function-sources",
                "expression": 'resource.name.startsWith("projects/_/buckets/gcf-v2-sources-")',
            },
            opts=after(apis["iam"], apis["cloudresourcemanager"]),
        ),
        storage.BucketIAMMember(
            "tasks-packages-reader-build",
            bucket=bucket.name,
            role="roles/storage.objectViewer",
            member=builder.member,
            opts=after(apis["storage"]),
        ),
        artifactregistry.RepositoryIamMember(
            "tasks-images-writer-build",
            project=PROJECT,
            location=LOCATION,
            repository=images.id,
            role="roles/artifactregistry.writer",
            member=builder.member,
            opts=after(apis["artifactregistry"], agents["artifactregistry"]),
        ),
    ]
    calling = [apis["cloudtasks"], apis["iam"], agents["cloudtasks"]]
    serving: list[pulumi.Resource] = [
        apis["iam"],
        *(
            each[name]
            for each in (apis, agents)
            for name in ("cloudfunctions", "cloudbuild", "run")
        ),
    ]
    accounts: list[serviceaccount.Account] = []
    called: list[
        tuple[cloudfunctionsv2.Function, serviceaccount.Account, cloudrunv2.ServiceIamMember]
    ] = []
    for number in range(handlers):
        name = f"handler{number}"
        account = serviceaccount.Account(
            f"tasks-{name}-account",
            account_id=f"{name}-handler",
            display_name=f"queuewright dev: handler {name} runs as it",
            project=PROJECT,
            opts=after(*serving),
        )
        archive = _archive(root / "handlers" / name)
        package = storage.BucketObject(
            f"tasks-{name}-package",
            bucket=bucket.name,
            name=archive.name,
            source=pulumi.FileAsset(str(archive)),
            opts=after(apis["storage"]),
        )
        fed = [each for each in range(queues) if (each + 1) % handlers == number]
        variables: Mapping[str, str] = {
            f"QUEUE_QUEUE{each}": f"projects/{PROJECT}/locations/{LOCATION}/queues/queue{each}"
            for each in fed
        }
        function = cloudfunctionsv2.Function(
            f"tasks-{name}-function",
            name=name,
            project=PROJECT,
            location=LOCATION,
            labels={},
            build_config={
                "runtime": "python312",
                "entry_point": "handle",
                "service_account": builder.name,
                "docker_repository": images.id,
                "source": {
                    "storage_source": {
                        "bucket": bucket.name,
                        "object": package.output_name,
                        "generation": package.generation,
                    }
                },
            },
            service_config={
                "service_account_email": account.email,
                "available_memory": "256Mi",
                "available_cpu": "0.167",
                "timeout_seconds": 60,
                "max_instance_request_concurrency": 1,
                "min_instance_count": 0,
                "max_instance_count": 100,
                "ingress_settings": "ALLOW_ALL",
                "all_traffic_on_latest_revision": True,
                "environment_variables": {"LOG_EXECUTION_ID": "true", **variables},
            },
            opts=after(*serving, *building),
        )
        invoker = serviceaccount.Account(
            f"tasks-{name}-invoker",
            account_id=f"{name}-invoker",
            display_name=f"queuewright dev: tasks call {name} with its token",
            project=PROJECT,
            opts=after(*serving),
        )
        admitted = cloudrunv2.ServiceIamMember(
            f"tasks-{name}-invoker-queues",
            project=PROJECT,
            location=LOCATION,
            name=function.name,
            role="roles/run.invoker",
            member=invoker.member,
            opts=after(*serving),
        )
        accounts.append(account)
        called.append((function, invoker, admitted))
    for number in range(queues):
        name, handler = f"queue{number}", number % handlers
        function, invoker, admitted = called[handler]
        url = function.service_config.apply(lambda config: (config and config.uri) or "")
        queue = cloudtasks.Queue(
            f"tasks-{name}-queue",
            name=name,
            project=PROJECT,
            location=LOCATION,
            desired_state="RUNNING",
            rate_limits={"max_dispatches_per_second": 5, "max_concurrent_dispatches": 1000},
            retry_config={
                "max_attempts": 100,
                "max_retry_duration": "0s",
                "min_backoff": "0.100s",
                "max_backoff": "3600s",
                "max_doublings": 16,
            },
            http_target={
                "uri_override": {
                    "scheme": "HTTPS",
                    "host": url.apply(lambda url: url.removeprefix("https://")),
                    "uri_override_enforce_mode": "ALWAYS",
                },
                "oidc_token": {"service_account_email": invoker.email, "audience": url},
            },
            opts=pulumi.ResourceOptions(
                provider=google, depends_on=[*calling, admitted], protect=True
            ),
        )
        adding = (number + 1) % handlers
        cloudtasks.QueueIamMember(
            f"tasks-{name}-enqueuer-handler{adding}",
            project=PROJECT,
            location=LOCATION,
            name=queue.name,
            role="roles/cloudtasks.enqueuer",
            member=accounts[adding].member,
            opts=after(*calling),
        )


def _archive(folder: Path) -> Path:
    """The folder's files in a zip, named by their content."""
    files = {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*.py")}
    digest = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:16]
    path = folder.parent / f"{folder.name}-{digest}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in sorted(files.items()):
            archive.writestr(name, content)
    return path
