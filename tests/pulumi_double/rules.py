"""How Google's provider for Pulumi treats each resource type that a stack uses.

Measured with pulumi_gcp 10.2.0 against stand-ins of Google's APIs, or read in the schema of the
Terraform provider that it wraps (https://github.com/hashicorp/terraform-provider-google).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from queuewright.graph.wire import Properties

QUEUE = "gcp:cloudtasks/queue:Queue"
ACCOUNT = "gcp:serviceaccount/account:Account"
API = "gcp:projects/service:Service"
AGENT = "gcp:projects/serviceIdentity:ServiceIdentity"
TOPIC = "gcp:pubsub/topic:Topic"
SUBSCRIPTION = "gcp:pubsub/subscription:Subscription"
WORKER_POOL = "gcp:cloudrunv2/workerPool:WorkerPool"
RUN_SERVICE = "gcp:cloudrunv2/service:Service"
FUNCTION = "gcp:cloudfunctionsv2/function:Function"
BUCKET = "gcp:storage/bucket:Bucket"
OBJECT = "gcp:storage/bucketObject:BucketObject"
SECRET = "gcp:secretmanager/secret:Secret"
SECRET_VERSION = "gcp:secretmanager/secretVersion:SecretVersion"
REPOSITORY = "gcp:artifactregistry/repository:Repository"
APP_VERSION = "gcp:appengine/standardAppVersion:StandardAppVersion"
IMAGE = "docker-build:index:Image"


@dataclass(frozen=True)
class Rule:
    """The rules of one resource type.

    Attributes:
        force_new: inputs whose change replaces the resource.
        kept: paths (Optional and Computed) that keep their value when left out, with everything
            below them.
        sent_empty: blocks that are sent even if they consist of zeros only.
        defaults: Google's values for fields that are absent or zero in the request.
        own_defaults: the provider's values for fields that the program leaves out.
        delete_first: whether a replacement deletes the old resource first.
        autonamed: whether a resource without a `name` gets a random one.
        unique: whether a second resource with the same id is refused with 409.
        api: the API that the project needs; empty for none.
        noun: the resource's name in the API's conflict message.
    """

    force_new: frozenset[str]
    kept: frozenset[str] = frozenset()
    sent_empty: frozenset[str] = frozenset()
    defaults: Properties = field(default_factory=dict)
    own_defaults: Properties = field(default_factory=dict)
    delete_first: bool = False
    autonamed: bool = False
    unique: bool = True
    api: str = ""
    noun: str = "Requested entity"


def rule(type_token: str) -> Rule:
    """The rule of a type.

    Raises:
        LookupError: the double has no rule for the type.
    """
    if type_token in RULES:
        return RULES[type_token]
    if is_iam_member(type_token):
        return Rule(_IAM, unique=False, kept=frozenset({"project", "location"}))
    raise LookupError(f"the provider double has no rule for {type_token}; add it to rules.py")


def is_iam_member(type_token: str) -> bool:
    """Whether the type grants one role to one member."""
    return type_token.lower().endswith("iammember")


_IAM = frozenset(
    {
        "bucket",
        "condition",
        "location",
        "member",
        "name",
        "project",
        "repository",
        "role",
        "secretId",
        "service",
        "serviceAccountId",
        "subscription",
        "topic",
    }
)
_PLACE = frozenset({"name", "location", "project"})

RULES: dict[str, Rule] = {
    QUEUE: Rule(
        _PLACE,
        kept=frozenset({"project", "rateLimits", "retryConfig"}),
        # https://cloud.google.com/tasks/docs/configuring-queues
        defaults={
            "rateLimits": {
                "maxBurstSize": 100,
                "maxConcurrentDispatches": 1000,
                "maxDispatchesPerSecond": 500,
            },
            "retryConfig": {
                "maxAttempts": 100,
                "maxBackoff": "3600s",
                "maxDoublings": 16,
                "minBackoff": "0.100s",
            },
        },
        own_defaults={"desiredState": "RUNNING"},
        autonamed=True,
        api="cloudtasks.googleapis.com",
        noun="Queue",
    ),
    ACCOUNT: Rule(
        frozenset({"accountId", "project"}),
        kept=frozenset({"project"}),
        api="iam.googleapis.com",
        noun="Service account",
    ),
    API: Rule(frozenset({"project", "service"}), kept=frozenset({"project"}), unique=False),
    AGENT: Rule(frozenset({"project", "service"}), kept=frozenset({"project"}), unique=False),
    RUN_SERVICE: Rule(
        _PLACE,
        kept=frozenset(
            {
                "ingress",
                "launchStage",
                "project",
                "scaling",
                "template.containers[n].ports",
                "template.containers[n].resources",
                "template.containers[n].startupProbe",
                "template.maxInstanceRequestConcurrency",
                "template.scaling",
                "template.serviceAccount",
                "template.timeout",
                "traffics",
            }
        ),
        own_defaults={"deletionProtection": True},
        autonamed=True,
        api="run.googleapis.com",
        noun="Service",
    ),
    # Read in https://github.com/GoogleCloudPlatform/magic-modules, from which the provider is
    # generated: mmv1/products/pubsub and mmv1/products/cloudrunv2/WorkerPool.yaml.
    TOPIC: Rule(
        frozenset({"name", "project"}),
        kept=frozenset({"messageStoragePolicy", "project"}),
        autonamed=True,
        api="pubsub.googleapis.com",
        noun="Resource",
    ),
    SUBSCRIPTION: Rule(
        frozenset({"enableMessageOrdering", "filter", "name", "project", "topic"}),
        kept=frozenset({"ackDeadlineSeconds", "expirationPolicy", "project"}),
        # A policy without a time means that the subscription never expires.
        sent_empty=frozenset({"expirationPolicy"}),
        own_defaults={"messageRetentionDuration": "604800s"},
        autonamed=True,
        api="pubsub.googleapis.com",
        noun="Resource",
    ),
    WORKER_POOL: Rule(
        _PLACE,
        kept=frozenset(
            {
                "instanceSplits",
                "launchStage",
                "project",
                "template.containers[n].resources",
                "template.serviceAccount",
            }
        ),
        own_defaults={"deletionProtection": True},
        autonamed=True,
        api="run.googleapis.com",
        noun="WorkerPool",
    ),
    FUNCTION: Rule(
        _PLACE,
        kept=frozenset(
            {
                "buildConfig.automaticUpdatePolicy",
                "buildConfig.dockerRepository",
                "buildConfig.environmentVariables",
                "buildConfig.serviceAccount",
                "project",
                "serviceConfig.availableCpu",
                "serviceConfig.availableMemory",
                "serviceConfig.environmentVariables",
                "serviceConfig.maxInstanceCount",
                "serviceConfig.maxInstanceRequestConcurrency",
                "serviceConfig.serviceAccountEmail",
                "serviceConfig.timeoutSeconds",
            }
        ),
        defaults={"serviceConfig": {"ingressSettings": "ALLOW_ALL"}},
        autonamed=True,
        api="cloudfunctions.googleapis.com",
        noun="Function",
    ),
    BUCKET: Rule(
        _PLACE,
        kept=frozenset({"project", "softDeletePolicy", "rpo"}),
        autonamed=True,
        noun="Bucket",
    ),
    OBJECT: Rule(
        frozenset({"bucket", "content", "name", "source"}),
        kept=frozenset({"contentType", "storageClass"}),
        delete_first=True,
        autonamed=True,
        unique=False,
    ),
    SECRET: Rule(
        frozenset({"project", "replication", "secretId"}),
        kept=frozenset({"project"}),
        api="secretmanager.googleapis.com",
        noun="Secret",
    ),
    SECRET_VERSION: Rule(frozenset({"secret", "secretData"}), unique=False),
    REPOSITORY: Rule(
        frozenset({"format", "location", "mode", "project", "repositoryId"}),
        kept=frozenset({"project"}),
        api="artifactregistry.googleapis.com",
        noun="Repository",
    ),
    APP_VERSION: Rule(
        frozenset({"project", "service", "versionId"}),
        kept=frozenset({"project", "serviceAccount", "instanceClass"}),
        unique=False,
        api="appengine.googleapis.com",
    ),
    IMAGE: Rule(frozenset(), unique=False),
}
