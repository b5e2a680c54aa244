"""The deployer's rights are limited to the stack, as far as IAM can."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from queuewright.blueprint import blueprint
from queuewright.blueprint.conditions import on_bucket, on_secrets
from queuewright.blueprint.deployer import DeployerRole, deployer_roles
from queuewright.spec import parse

STACK = """\
project: acme-dev
location: europe-west1
handlers:
  mailer:
    function: {source: handlers/mailer, entry_point: handle, runtime: python312}
    secrets: {SMTP_PASSWORD: {config: smtpPassword}, API_KEY: api-key}
queues:
  emails: {handler: mailer}
"""
OPERATORS = 12
"""https://cloud.google.com/iam/quotas#limits: logical operators in a condition."""

PROJECT = ("cloudresourcemanager.googleapis.com/Project", "projects/815")
BUCKET, OBJECT = "storage.googleapis.com/Bucket", "storage.googleapis.com/Object"
SECRET = "secretmanager.googleapis.com/Secret"
VERSION = "secretmanager.googleapis.com/SecretVersion"


class Name(str):
    """A resource's name with the functions that IAM has for it.

    https://cloud.google.com/iam/docs/conditions-attribute-reference#resource-name
    """

    __slots__ = ()

    def startsWith(self, text: str) -> bool:  # noqa: N802
        return self.startswith(text)

    def endsWith(self, text: str) -> bool:  # noqa: N802
        return self.endswith(text)

    def extract(self, template: str) -> str:
        before, _, after = re.split(r"(\{\w+\})", template)
        found = self.partition(before)[2]
        return found.partition(after)[0] if after in found else ""


@dataclass(frozen=True)
class Resource:
    type: str
    name: Name


def allows(condition: str, kind: str, name: str) -> bool:
    """Whether a condition allows access: CEL's operators have other names in Python."""
    python = condition.replace("&&", "and").replace("||", "or")
    return bool(eval(python, {"resource": Resource(kind, Name(name))}))


def roles(name: str) -> list[DeployerRole]:
    return [each for each in deployer_roles(blueprint(parse(STACK))) if each.role.endswith(name)]


@pytest.mark.parametrize(
    ("kind", "name", "allowed"),
    [
        (*PROJECT, True),
        (BUCKET, "projects/_/buckets/acme-dev-queuewright", True),
        (OBJECT, "projects/_/buckets/acme-dev-queuewright/objects/mailer-1.zip", True),
        (BUCKET, "projects/_/buckets/acme-dev-queuewright-2", False),
        (OBJECT, "projects/_/buckets/acme-dev-queuewright-2/objects/mailer-1.zip", False),
        (BUCKET, "projects/_/buckets/payroll", False),
        (OBJECT, "projects/_/buckets/payroll/objects/acme-dev-queuewright", False),
    ],
)
def test_storage_is_the_stack_s_bucket(kind: str, name: str, allowed: bool) -> None:
    """It may create a bucket, which IAM checks on the project, and use no other bucket."""
    (role,) = roles("storage.admin")
    assert role.condition == on_bucket("acme-dev-queuewright")
    assert allows(role.condition, kind, name) is allowed


@pytest.mark.parametrize(
    ("kind", "name", "allowed"),
    [
        (*PROJECT, True),
        (SECRET, "projects/815/secrets/mailer-SMTP_PASSWORD", True),
        (VERSION, "projects/815/secrets/mailer-SMTP_PASSWORD/versions/2", True),
        (SECRET, "projects/815/secrets/mailer-SMTP_PASSWORD_2", False),
        (SECRET, "projects/815/secrets/other-mailer-SMTP_PASSWORD", False),
        (VERSION, "projects/815/secrets/payroll/versions/1", False),
    ],
)
def test_secrets_are_those_that_the_stack_makes(kind: str, name: str, allowed: bool) -> None:
    """Secrets that it only reads are granted one by one."""
    made, read = roles("secretmanager.admin")
    assert (made.kind, read.kind, read.resource) == ("project", "secret", "api-key")
    assert made.condition is not None
    assert allows(made.condition, kind, name) is allowed


def test_no_condition_is_longer_than_iam_allows() -> None:
    """Many secrets need several grants, and each secret is in exactly one."""
    names = [f"secret-{number}" for number in range(12)]
    grants = list(on_secrets(names))
    assert [name for some, _ in grants for name in some] == names
    for some, condition in grants:
        assert len(re.findall(r"&&|\|\|", condition)) <= OPERATORS
        inside = [name for name in names if allows(condition, SECRET, f"projects/1/secrets/{name}")]
        assert inside == some
    assert len(re.findall(r"&&|\|\|", on_bucket("b"))) <= OPERATORS


def test_it_acts_as_the_stack_s_accounts_and_no_others() -> None:
    """On the project it may only create accounts; every other grant is on one account."""
    emails = {each.email for each in blueprint(parse(STACK)).accounts.values()}
    for name in ("iam.serviceAccountUser", "iam.serviceAccountAdmin"):
        assert {(each.kind, each.resource) for each in roles(name)} == {
            ("account", email) for email in emails
        }
    (creator,) = roles("iam.serviceAccountCreator")
    assert (creator.kind, creator.permissions) == ("project", ("iam.serviceAccounts.create",))
