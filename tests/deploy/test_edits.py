"""Each edit changes exactly the expected resources, on the real Pulumi engine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.pulumi_double.engine import Deployment, EngineError

pytestmark = [pytest.mark.engine, pytest.mark.slow]

QUEUE = "gcp:cloudtasks/queue:Queue"
FUNCTION = "gcp:cloudfunctionsv2/function:Function"
SERVICE = "gcp:cloudrunv2/service:Service"
OBJECT = "gcp:storage/bucketObject:BucketObject"


def rewrite(file: Path, old: str, new: str) -> None:
    """Replace a text that the file must contain."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_functions_code_changes_its_package_and_the_function(
    deployed: Deployment, whole: Path
) -> None:
    """New code is a new object, and the function is deployed again."""
    rewrite(whole / "handlers" / "mailer" / "main.py", "sent", "delivered")
    assert deployed.up().steps == {
        f"{OBJECT}::tasks-mailer-package": "replace",
        f"{FUNCTION}::tasks-mailer-function": "update",
    }
    assert deployed.up().steps == {}


def test_a_services_code_builds_its_image_and_changes_the_service(
    deployed: Deployment, whole: Path
) -> None:
    """New code beside a Dockerfile is a new image."""
    rewrite(whole / "handlers" / "resizer" / "main.py", "resizer", "RESIZER")
    assert deployed.up().steps == {
        "docker-build:index:Image::tasks-resizer-image": "update",
        f"{SERVICE}::tasks-resizer-service": "update",
    }


def test_a_folders_code_changes_its_package_and_the_service(
    deployed: Deployment, whole: Path
) -> None:
    """A service without a build is updated in place."""
    rewrite(whole / "handlers" / "reports" / "main.py", "reports", "REPORTS")
    assert deployed.up().steps == {
        f"{OBJECT}::tasks-reports-package": "replace",
        f"{SERVICE}::tasks-reports-service": "update",
    }


def test_an_app_engine_services_code_changes_its_package_and_the_version(
    deployed: Deployment, whole: Path
) -> None:
    """The same version serves the new code."""
    rewrite(whole / "handlers" / "ledger" / "main.py", "None", "'ledger'")
    assert deployed.up().steps == {
        f"{OBJECT}::tasks-ledger-package": "replace",
        "gcp:appengine/standardAppVersion:StandardAppVersion::tasks-ledger-version": "update",
    }


def test_what_is_not_source_changes_nothing(deployed: Deployment, whole: Path) -> None:
    """An ignored file, a compiled file or only a file's time."""
    mailer, resizer = whole / "handlers" / "mailer", whole / "handlers" / "resizer"
    (mailer / "notes.txt").write_text("other notes")
    (mailer / "__pycache__").mkdir()
    (mailer / "__pycache__" / "main.cpython-311.pyc").write_bytes(b"compiled")
    for file in (mailer / "main.py", resizer / "main.py", resizer / "Dockerfile"):
        os.utime(file, (1, 1))
    assert deployed.up().steps == {}


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        (
            "{SMTP_HOST: smtp.internal}",
            "{SMTP_HOST: smtp.example}",
            f"{FUNCTION}::tasks-mailer-function",
        ),
        ('version: "3"', 'version: "4"', f"{FUNCTION}::tasks-mailer-function"),
        ("images/ready:1", "images/ready:2", f"{SERVICE}::tasks-ready-service"),
        (
            "max_dispatches_per_second: 0.5",
            "max_dispatches_per_second: 0.25",
            f"{QUEUE}::tasks-emails-queue",
        ),
        ("desired_state: PAUSED", "desired_state: RUNNING", f"{QUEUE}::tasks-images-queue"),
        (
            "    stackdriver_logging_config: {sampling_ratio: 0.25}\n",
            "",
            f"{QUEUE}::tasks-emails-queue",
        ),
        ("path: /orders", "path: /shop", f"{QUEUE}::tasks-hooks-queue"),
    ],
)
def test_one_setting_changes_one_thing(
    deployed: Deployment, whole: Path, old: str, new: str, changed: str
) -> None:
    """A value, a secret, an image, a rate, a state or a path changes its own resource only."""
    rewrite(whole / "stacks" / "all.yaml", old, new)
    assert deployed.up().steps == {changed: "update"}


def test_a_removed_variable_is_gone(deployed: Deployment, whole: Path) -> None:
    """The function loses even the last variable of the YAML."""
    rewrite(whole / "stacks" / "all.yaml", "    env: {SMTP_HOST: smtp.internal}\n", "")
    deployed.up()
    ((_, function),) = deployed.cloud.of_type(FUNCTION)
    config = function["serviceConfig"]
    assert isinstance(config, dict)
    variables = config["environmentVariables"]
    assert isinstance(variables, dict)
    assert "SMTP_HOST" not in variables
    assert variables["QUEUE_ORDERS"] == (
        "projects/acme-all/locations/europe-west4/queues/shop-orders"
    )


def test_settings_that_leave_the_yaml_go_back_to_googles_defaults(
    deployed: Deployment, whole: Path
) -> None:
    """Without `retry_config` and `rate_limits` the live queue has Google's defaults."""
    file = whole / "stacks" / "all.yaml"
    text = file.read_text()
    start = text.index("    rate_limits: {max_dispatches_per_second: 0.5")
    file.write_text(text[:start] + text[text.index("    stackdriver_logging_config") :])
    assert deployed.up().steps == {f"{QUEUE}::tasks-emails-queue": "update"}
    queues = {queue["name"]: queue for _, queue in deployed.cloud.of_type(QUEUE)}
    assert queues["shop-emails"]["retryConfig"] == {
        "maxAttempts": 100,
        "maxBackoff": "3600s",
        "maxDoublings": 16,
        "maxRetryDuration": "0s",
        "minBackoff": "0.100s",
    }
    assert queues["shop-emails"]["rateLimits"] == {
        "maxBurstSize": 100,
        "maxConcurrentDispatches": 1000,
        "maxDispatchesPerSecond": 500,
    }


def test_a_new_value_of_a_configured_secret_reaches_its_handler(deployed: Deployment) -> None:
    """The version is replaced, and its handlers are deployed again."""
    deployed.configure("smtp_token", "another-token", secret=True)
    steps = deployed.up().steps
    version = "gcp:secretmanager/secretVersion:SecretVersion"
    assert steps[f"{version}::tasks-secret-shop-mailer-SMTP_TOKEN-version"] == "replace"
    assert "another-token" not in deployed.state()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("location: europe-west4", "location: europe-west1"),
        ("prefix: shop", "prefix: store"),
        ("project: acme-all", "project: acme-new"),
        ("  images: {", "  pictures: {"),
    ],
)
def test_an_edit_that_would_move_a_queue_is_refused_in_the_preview(
    deployed: Deployment, whole: Path, old: str, new: str
) -> None:
    """Another region, project, prefix or key is another queue, and the old one is protected."""
    before = deployed.cloud.contents()
    rewrite(whole / "stacks" / "all.yaml", old, new)
    with pytest.raises(EngineError, match=r"protect"):
        deployed.preview()
    assert deployed.cloud.contents() == before


def test_an_enqueuer_comes_and_goes_alone(deployed: Deployment, whole: Path) -> None:
    """A grant is one resource; the queue and handlers do not change."""
    file = whole / "stacks" / "all.yaml"
    grant = "gcp:cloudtasks/queueIamMember:QueueIamMember"
    rewrite(file, '["group:ops@example.com"]', '["group:ops@example.com", "user:a@example.com"]')
    assert deployed.up().steps == {f"{grant}::tasks-reports-enqueuer-user:a@example.com": "create"}
    rewrite(file, '["group:ops@example.com", "user:a@example.com"]', '["group:ops@example.com"]')
    assert deployed.up().steps == {f"{grant}::tasks-reports-enqueuer-user:a@example.com": "delete"}


def test_a_new_queue_leaves_the_others_alone(deployed: Deployment, whole: Path) -> None:
    """It shares its handler's invoker, so it is the only new resource."""
    file = whole / "stacks" / "all.yaml"
    file.write_text(f"{file.read_text()}  letters: {{handler: mailer}}\n")
    outcome = deployed.up()
    assert set(outcome.steps.values()) == {"create"}
    assert outcome.names("create") == [
        "tasks-letters",
        "tasks-letters-queue",
    ]
