"""The outputs that Google computes for a new resource: ids, URLs, e-mail addresses.

They let a test read a program's derived values (an audience, a member, a host) without a cloud.
The formats are Google's; numbers that only Google knows are constants.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from queuewright.graph.wire import UNKNOWN, Properties, Value

PROJECT_NUMBER = "123456789012"
_OLD_AGENTS = {"cloudfunctions": "gcf-admin-robot", "run": "serverless-robot-prod"}


def computed(type_token: str, inputs: Properties, *, project: str) -> tuple[str, Properties]:
    """The id of a new resource, and its outputs that are not inputs.

    Args:
        type_token: such as `gcp:cloudtasks/queue:Queue`.
        inputs: the requested properties, named as on the wire.
        project: the provider's project, used if the inputs name none.
    """
    filled: Properties = {"project": project, **inputs}
    if rule := _RULES.get(type_token):
        return rule(_Texts(filled))
    if "iam" in type_token.lower():
        parts = [str(value) for key, value in sorted(inputs.items()) if key != "condition"]
        return "/".join(parts), {"etag": "BwXhqDV0yKk="}
    return str(inputs.get("name", inputs.get("id", "id"))), {}


def unknown_in_preview(filled: Properties, inputs: Properties) -> Properties:
    """The outputs of `computed` as a preview knows them: only inputs have values.

    >>> unknown_in_preview({"uri": "https://…", "config": {"cpu": 1, "uri": "…"}},
    ...                    {"config": {"cpu": 1}})
    {'uri': <unknown>, 'config': {'cpu': 1, 'uri': <unknown>}}
    """
    known: Properties = {}
    for key, value in filled.items():
        given = inputs.get(key)
        if isinstance(value, dict) and isinstance(given, dict):
            known[key] = unknown_in_preview(value, given)
        else:
            known[key] = given if key in inputs else UNKNOWN
    return known


class _Texts:
    """Properties, read as text."""

    def __init__(self, properties: Properties) -> None:
        self.properties = properties

    def __getitem__(self, key: str) -> str:
        return str(self.properties.get(key, ""))

    def path(self, collection: str, name: str) -> str:
        return f"projects/{self['project']}/locations/{self['location']}/{collection}/{name}"


def _queue(of: _Texts) -> tuple[str, Properties]:
    return of.path("queues", of["name"]), {"project": of["project"], "state": "RUNNING"}


def _account(of: _Texts) -> tuple[str, Properties]:
    email = f"{of['accountId']}@{of['project']}.iam.gserviceaccount.com"
    name = f"projects/{of['project']}/serviceAccounts/{email}"
    return name, {
        "project": of["project"],
        "email": email,
        "member": f"serviceAccount:{email}",
        "name": name,
    }


def _run_uri(of: _Texts, name: str) -> str:
    """Cloud Run's deterministic URL: https://cloud.google.com/run/docs/triggering/https-request."""
    return f"https://{name}-{PROJECT_NUMBER}.{of['location']}.run.app"


def _run_service(of: _Texts) -> tuple[str, Properties]:
    return of.path("services", of["name"]), {
        "project": of["project"],
        "uri": _run_uri(of, of["name"]),
        "latestReadyRevision": of.path("services", of["name"]) + f"/revisions/{of['name']}-00001",
    }


def _function(of: _Texts) -> tuple[str, Properties]:
    name = of["name"]
    config: Value = of.properties.get("serviceConfig", {})
    assert isinstance(config, dict)
    return of.path("functions", name), {
        "project": of["project"],
        "state": "ACTIVE",
        "url": f"https://{of['location']}-{of['project']}.cloudfunctions.net/{name}",
        "serviceConfig": {
            **config,
            "service": of.path("services", name),
            "uri": _run_uri(of, name),
        },
    }


def _bucket(of: _Texts) -> tuple[str, Properties]:
    return of["name"], {"project": of["project"], "url": f"gs://{of['name']}"}


def _bucket_object(of: _Texts) -> tuple[str, Properties]:
    return f"{of['bucket']}-{of['name']}", {"generation": 1, "outputName": of["name"]}


def _enabled_service(of: _Texts) -> tuple[str, Properties]:
    return f"{of['project']}/{of['service']}", {"project": of["project"]}


def _service_identity(of: _Texts) -> tuple[str, Properties]:
    """Agents of older APIs have other names: https://cloud.google.com/iam/docs/service-agents."""
    service = of["service"].removesuffix(".googleapis.com")
    agent = _OLD_AGENTS.get(service, f"gcp-sa-{service}")
    email = f"service-{PROJECT_NUMBER}@{agent}.iam.gserviceaccount.com"
    return f"projects/{of['project']}/services/{of['service']}", {
        "project": of["project"],
        "email": email,
        "member": f"serviceAccount:{email}",
    }


def _secret(of: _Texts) -> tuple[str, Properties]:
    name = f"projects/{of['project']}/secrets/{of['secretId']}"
    return name, {"project": of["project"], "name": name}


def _secret_version(of: _Texts) -> tuple[str, Properties]:
    name = f"{of['secret']}/versions/1"
    return name, {"version": "1", "name": name}


def _repository(of: _Texts) -> tuple[str, Properties]:
    path = of.path("repositories", of["repositoryId"])
    registry = f"{of['location']}-docker.pkg.dev/{of['project']}/{of['repositoryId']}"
    return path, {"project": of["project"], "name": path, "registryUri": registry}


def _app_version(of: _Texts) -> tuple[str, Properties]:
    name = f"apps/{of['project']}/services/{of['service']}/versions/{of['versionId']}"
    return name, {"project": of["project"], "name": name}


def _image(of: _Texts) -> tuple[str, Properties]:
    tags = of.properties.get("tags")
    tag = str(tags[0]) if isinstance(tags, list) and tags else "image"
    digest = f"sha256:{hashlib.sha256(tag.encode()).hexdigest()}"
    return digest, {"digest": digest, "ref": f"{tag}@{digest}"}


_RULES: dict[str, Callable[[_Texts], tuple[str, Properties]]] = {
    "docker-build:index:Image": _image,
    "gcp:appengine/standardAppVersion:StandardAppVersion": _app_version,
    "gcp:artifactregistry/repository:Repository": _repository,
    "gcp:cloudfunctionsv2/function:Function": _function,
    "gcp:cloudrunv2/service:Service": _run_service,
    "gcp:cloudtasks/queue:Queue": _queue,
    "gcp:projects/service:Service": _enabled_service,
    "gcp:projects/serviceIdentity:ServiceIdentity": _service_identity,
    "gcp:secretmanager/secret:Secret": _secret,
    "gcp:secretmanager/secretVersion:SecretVersion": _secret_version,
    "gcp:serviceaccount/account:Account": _account,
    "gcp:storage/bucket:Bucket": _bucket,
    "gcp:storage/bucketObject:BucketObject": _bucket_object,
}
