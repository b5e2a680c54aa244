"""A handler's process sees what it would see on Google Cloud."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from queuewright.local.handlers.variables import TasksApi, unset_secrets, variables
from tests.local.conftest import Project

SPEC = """
handlers:
  h:
    function: {source: h, entry_point: handle, runtime: python312}
    env: {MODE: cloud, LEVEL: info}
    secrets: {PASSWORD: smtp-password}
    %s
  engine:
    app_engine: {service: ledger, version: v2, source: h, runtime: python312}
  worker:
    service: {source: h}
queues:
  order-events: {handler: h, enqueuers: [h]}
"""


TASKS = TasksApi(grpc_port=9, http_port=10)


def seen(
    project: Project,
    handler: str = "h",
    *,
    extra: str = "",
    image: Mapping[str, str] | None = None,
    shell: Mapping[str, str] | None = None,
    tasks: TasksApi | None = TASKS,
) -> dict[str, str]:
    project.write("h/Dockerfile", "")
    project.write("h/main.py", "")
    project.spec(SPEC % extra)
    plan = project.blueprint()
    return variables(
        plan.handlers[handler],
        plan,
        port=8080,
        tasks=tasks,
        image=image or {},
        shell=shell or {"PATH": "/bin"},
    )


def test_a_function_sees_what_the_platform_sets(project: Project) -> None:
    """Cloud Run's contract, the framework's variables and the way to Cloud Tasks."""
    assert seen(project) == {
        "PATH": "/bin",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MODE": "cloud",
        "LEVEL": "info",
        "QUEUE_ORDER_EVENTS": "projects/acme-dev/locations/europe-west1/queues/order-events",
        "DEADLINE_ORDER_EVENTS": "60s",
        "K_SERVICE": "h",
        "K_REVISION": "h-local",
        "K_CONFIGURATION": "h",
        "FUNCTION_TARGET": "handle",
        "FUNCTION_SIGNATURE_TYPE": "http",
        "PORT": "8080",
        "CLOUD_TASKS_EMULATOR_HOST": "127.0.0.1:9",
        "CLOUD_TASKS_EMULATOR_URL": "http://127.0.0.1:10",
        "GOOGLE_CLOUD_PROJECT": "acme-dev",
    }


def test_an_app_engine_service_sees_its_own_names(project: Project) -> None:
    """App Engine's variables in place of Cloud Run's."""
    found = seen(project, "engine")
    assert (found["GAE_SERVICE"], found["GAE_VERSION"]) == ("ledger", "v2")
    assert found["GAE_ENV"] == "standard"
    assert "K_SERVICE" not in found


def test_a_service_has_no_function_target(project: Project) -> None:
    """It is no function."""
    assert "FUNCTION_TARGET" not in seen(project, "worker")


def test_local_variables_win_over_the_spec_and_the_spec_over_the_image(project: Project) -> None:
    """Nearest wins, and the platform over all: a PORT of the image does not count."""
    image = {"MODE": "image", "LEVEL": "image", "ONLY": "image", "PORT": "1"}
    found = seen(project, extra="local: {env: {LEVEL: local}}", image=image)
    assert [found[name] for name in ("MODE", "LEVEL", "ONLY", "PORT")] == [
        "cloud",
        "local",
        "image",
        "8080",
    ]


def test_a_handler_does_not_inherit_this_shells_variables(project: Project) -> None:
    """Only variables about the machine are passed on, in upper or lower case."""
    shell = {
        "PATH": "/bin",
        "HOME": "/home/ada",
        "LC_ALL": "C",
        "SMTP_HOST": "mine",
        "VIRTUAL_ENV": "/v",
        "PYTHONPATH": "/p",
        "QUEUE_OTHER": "q",
    }
    found = seen(project, shell=shell)
    assert found["HOME"] == "/home/ada"
    assert found["LC_ALL"] == "C"
    assert found.keys().isdisjoint({"SMTP_HOST", "VIRTUAL_ENV", "PYTHONPATH", "QUEUE_OTHER"})


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY"])
def test_no_proxy_is_used_for_this_machine(project: Project, name: str) -> None:
    """gRPC would send a task for 127.0.0.1 through it."""
    found = seen(project, shell={name: "http://proxy:3128", "NO_PROXY": "internal"})
    assert found[name] == "http://proxy:3128"
    assert found["no_proxy"] == found["NO_PROXY"] == "internal,127.0.0.1,localhost"


def test_a_secret_comes_from_this_shell(project: Project) -> None:
    """By the name that the handler knows it by."""
    assert seen(project, shell={"PASSWORD": "s3cret"})["PASSWORD"] == "s3cret"


def test_a_secret_in_local_env_wins_over_the_shell(project: Project) -> None:
    """It was written for this machine."""
    found = seen(project, extra="local: {env: {PASSWORD: test}}", shell={"PASSWORD": "s3cret"})
    assert found["PASSWORD"] == "test"


def test_a_secret_without_a_value_is_unset_and_named(project: Project) -> None:
    """It is not set to an empty or invented value."""
    assert "PASSWORD" not in seen(project)
    plan = project.blueprint().handlers["h"]
    assert {name: found.secret for name, found in unset_secrets(plan, {}).items()} == {
        "PASSWORD": "smtp-password"
    }
    assert unset_secrets(plan, {"PASSWORD": ""}) == {}


def test_the_stand_in_for_an_endpoint_gets_no_cloud_tasks_address(project: Project) -> None:
    """It is somebody else's program."""
    assert [name for name in seen(project, tasks=None) if "EMULATOR" in name] == []


PULLED = """
handlers:
  reporter: {worker: {source: h}, env: {LEVEL: info}, local: {env: {LEVEL: debug}}}
queues:
  reports: {pull: {}, worker: reporter}
  steps: {pull: {}, enqueuers: [reporter]}
"""


def test_a_worker_sees_its_queues_and_pubsub_and_no_port(project: Project) -> None:
    """Nothing calls it."""
    project.write("h/Dockerfile", "")
    project.spec(PULLED)
    plan = project.blueprint()
    found = variables(
        plan.handlers["reporter"],
        plan,
        port=None,
        tasks=TASKS,
        pubsub="127.0.0.1:8085",
        image={},
        shell={"PATH": "/bin"},
    )
    assert found == {
        "PATH": "/bin",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LEVEL": "debug",
        "SUBSCRIPTION_REPORTS": "projects/acme-dev/subscriptions/reports",
        "QUEUE_STEPS": "projects/acme-dev/topics/steps",
        "CLOUD_TASKS_EMULATOR_HOST": "127.0.0.1:9",
        "CLOUD_TASKS_EMULATOR_URL": "http://127.0.0.1:10",
        "PUBSUB_EMULATOR_HOST": "127.0.0.1:8085",
        "GOOGLE_CLOUD_PROJECT": "acme-dev",
    }
