"""The double behaves like the measured provider, on the real engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pulumi
import pytest
from pulumi_gcp import (
    Provider,
    cloudrunv2,
    cloudtasks,
    projects,
    serviceaccount,
    storage,
)

from tests.pulumi_double.engine import TOOLS, EngineError, require_engine
from tests.pulumi_double.fixtures import Deploy

pytestmark = pytest.mark.engine

LOCATION = "europe-west1"


class Place:
    """An explicit provider and enabled APIs."""

    def __init__(self, *apis: str) -> None:
        self.provider = Provider("gcp", project="acme", region=LOCATION)
        self.enabled = [
            projects.Service(
                api,
                service=f"{api}.googleapis.com",
                project="acme",
                disable_on_destroy=False,
                opts=pulumi.ResourceOptions(provider=self.provider),
            )
            for api in apis
        ]

    def options(self, **more: object) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(provider=self.provider, depends_on=self.enabled, **more)  # type: ignore[arg-type]


def one_queue(*, protect: bool = False, apis: tuple[str, ...] = ("cloudtasks",), **inputs: object):  # noqa: ANN201
    def program() -> None:
        place = Place(*apis)
        arguments = {"name": "emails", "location": LOCATION, **inputs}
        cloudtasks.Queue("emails", **arguments, opts=place.options(protect=protect))  # type: ignore[arg-type]

    return program


def one_object(content: Path, *, name: str, force_destroy: bool = False) -> Callable[[], None]:
    def program() -> None:
        place = Place()
        bucket = storage.Bucket(
            "bucket",
            name="acme-bucket",
            location="EU",
            force_destroy=force_destroy,
            opts=place.options(),
        )
        storage.BucketObject(
            "object",
            bucket=bucket.name,
            name=name,
            source=pulumi.FileAsset(str(content)),
            opts=place.options(),
        )

    return program


def test_up_makes_it_and_up_again_changes_nothing(deploy: Deploy) -> None:
    """A program is previewed, deployed and settled."""
    stack = deploy(one_queue(rate_limits={"max_dispatches_per_second": 5}))
    assert stack.preview().names("create") == ["cloudtasks", "emails", "gcp", "project-dev"]
    assert stack.cloud.contents() == []
    stack.up()
    assert stack.cloud.contents() == [
        "gcp:cloudtasks/queue:Queue projects/acme/locations/europe-west1/queues/emails",
        "gcp:projects/service:Service acme/cloudtasks.googleapis.com",
    ]
    again = stack.up()
    assert (again.steps, again.same) == ({}, 4)


def test_a_rate_updates_in_place(deploy: Deploy) -> None:
    """A new rate updates the queue and replaces nothing."""
    stack = deploy(one_queue(rate_limits={"max_dispatches_per_second": 5}))
    stack.up()
    stack.use(one_queue(rate_limits={"max_dispatches_per_second": 6}))
    assert stack.up().steps == {"gcp:cloudtasks/queue:Queue::emails": "update"}


def test_a_removed_setting_stays_on_the_live_queue(deploy: Deploy) -> None:
    """A pitfall: a setting removed from the program keeps its value."""
    stack = deploy(one_queue(retry_config={"max_attempts": 3}))
    stack.up()
    stack.use(one_queue())
    assert stack.up().steps == {}
    ((_, queue),) = stack.cloud.of_type("gcp:cloudtasks/queue:Queue")
    retry = queue["retryConfig"]
    assert isinstance(retry, dict)
    assert retry["maxAttempts"] == 3


def test_an_explicit_zero_never_settles(deploy: Deploy) -> None:
    """A pitfall: the provider omits a zero, so every preview shows a difference."""
    stack = deploy(one_queue(retry_config={"max_doublings": 0}))
    stack.up()
    assert stack.preview().steps == {"gcp:cloudtasks/queue:Queue::emails": "update"}


@pytest.mark.parametrize("edit", [{"location": "europe-west4"}, {"name": "mails"}])
def test_a_queues_address_replaces_it(deploy: Deploy, edit: dict[str, str]) -> None:
    """Another location or name is another queue."""
    stack = deploy(one_queue())
    stack.up()
    stack.use(one_queue(**edit))
    assert stack.up().steps["gcp:cloudtasks/queue:Queue::emails"] == "replace"


def test_a_protected_queue_is_not_replaced(deploy: Deploy) -> None:
    """The engine, not the provider, refuses in the preview."""
    stack = deploy(one_queue(protect=True))
    stack.up()
    stack.use(one_queue(protect=True, name="mails"))
    with pytest.raises(EngineError, match="unable to replace resource"):
        stack.preview()


def test_the_name_of_a_deleted_queue_is_blocked(deploy: Deploy) -> None:
    """A deleted queue cannot be created again for days."""
    stack = deploy(one_queue())
    stack.up()
    stack.destroy()
    with pytest.raises(EngineError, match="a queue with this name existed too recently"):
        stack.up()
    stack.cloud.forget_deleted_queues()
    stack.up()


def test_a_grant_changes_by_replacement(deploy: Deploy) -> None:
    """Another value in any field is another grant."""

    def program(role: str) -> Callable[[], None]:
        def run() -> None:
            place = Place("iam")
            account = serviceaccount.Account("a", account_id="account", opts=place.options())
            projects.IAMMember(
                "grant", project="acme", role=role, member=account.member, opts=place.options()
            )

        return run

    stack = deploy(program("roles/viewer"))
    stack.up()
    stack.use(program("roles/browser"))
    assert stack.up().steps == {"gcp:projects/iAMMember:IAMMember::grant": "replace"}


def test_an_object_is_replaced_when_its_content_changes(deploy: Deploy, tmp_path: Path) -> None:
    """With the same name the delete comes first, and the object still exists in the end."""
    content = tmp_path / "content"
    content.write_text("one")
    stack = deploy(one_object(content, name="package.zip"))
    stack.up()
    content.write_text("two")
    assert stack.up().steps == {"gcp:storage/bucketObject:BucketObject::object": "replace"}
    changing = [each.method for each in stack.gcp.calls if each.method in ("Create", "Delete")]
    assert changing[-2:] == ["Delete", "Create"]


def test_an_api_stays_enabled_after_destroy(deploy: Deploy) -> None:
    """With `disable_on_destroy=False` the project keeps the API."""
    stack = deploy(one_queue())
    stack.up()
    stack.destroy()
    assert stack.cloud.contents() == ["gcp:projects/service:Service acme/cloudtasks.googleapis.com"]


def test_wrong_inputs_fail_in_the_preview(deploy: Deploy) -> None:
    """A misspelt key and a wrong type are refused before anything is created."""
    stack = deploy(one_queue(retry_config={"max_attempts": "three", "max_atempts": 3}))
    with pytest.raises(EngineError) as failure:
        stack.preview()
    assert "maxAttempts: expected int, got str 'three'" in str(failure.value)
    assert "max_atempts: unknown; did you mean `maxAttempts`?" in str(failure.value)


def test_a_failure_can_be_asked_for(deploy: Deploy) -> None:
    """A test can make one creation fail; the next `up` continues."""
    stack = deploy(one_queue())
    stack.gcp.failures["emails"] = "Error 503: try again"
    with pytest.raises(EngineError, match="Error 503: try again"):
        stack.up()
    assert stack.up().names("create") == ["emails"]


def test_secrets_are_encrypted_in_the_state(deploy: Deploy) -> None:
    """The state never has a secret in clear text."""

    def program() -> None:
        place = Place("run")
        cloudrunv2.Service(
            "mailer",
            name="mailer",
            location=LOCATION,
            template={
                "containers": [
                    {
                        "image": "mailer",
                        "envs": [{"name": "T", "value": pulumi.Config().require_secret("token")}],
                    }
                ]
            },
            opts=place.options(),
        )

    stack = deploy(program)
    stack.configure("token", "s3cret-value", secret=True)
    stack.up()
    assert "s3cret-value" not in stack.state()


def test_a_missing_engine_is_skipped_with_a_fix_and_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """CI cannot pass without the engine; on a laptop the message says how to build it."""
    monkeypatch.setattr("tests.pulumi_double.engine.TOOLS", tmp_path)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="run `make pulumi`"):
        require_engine()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="run `make pulumi`"):
        require_engine()
    assert TOOLS.name == ".tools"
