"""Conditions, in IAM's subset of CEL, that limit a role to the resources of one blueprint.

IAM checks some permissions of such a role against the project, for example to create a bucket. So
each condition names the types that it limits, and allows all others.

https://cloud.google.com/iam/docs/conditions-resource-attributes
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

SECRETS_IN_A_CONDITION = 5
"""IAM allows 12 logical operators in a condition (https://cloud.google.com/iam/quotas#limits). The
types need one, and each secret needs two."""


def on_bucket(bucket: str) -> str:
    """The condition for one bucket and its objects.

    >>> on_bucket("acme").partition(" || ")[2]
    'resource.name == "projects/_/buckets/acme" || \
resource.name.startsWith("projects/_/buckets/acme/objects/")'
    """
    name = f"projects/_/buckets/{bucket}"
    types = _other_than("storage.googleapis.com/Bucket", "storage.googleapis.com/Object")
    return f'{types} || resource.name == "{name}" || resource.name.startsWith("{name}/objects/")'


def on_secrets(names: Sequence[str]) -> Iterator[tuple[Sequence[str], str]]:
    """The conditions for secrets and their versions, each with the secrets that it allows."""
    types = _other_than(
        "secretmanager.googleapis.com/Secret", "secretmanager.googleapis.com/SecretVersion"
    )
    for start in range(0, len(names), SECRETS_IN_A_CONDITION):
        some = names[start : start + SECRETS_IN_A_CONDITION]
        yield some, " || ".join((types, *map(_secret, some)))


def _secret(name: str) -> str:
    # The name begins with the project's number, which is not known here.
    version = f'resource.name.extract("/secrets/{{secret}}/") == "{name}"'
    return f'resource.name.endsWith("/secrets/{name}") || {version}'


def _other_than(one: str, other: str) -> str:
    return f'(resource.type != "{one}" && resource.type != "{other}")'
