"""A queue's plan becomes the engine's queue, with the addresses of this machine."""

from __future__ import annotations

from google.protobuf.json_format import MessageToDict

from queuewright.local.queues.planned import Address, queue_message, queue_policy
from tests.local.conftest import Project

SPEC = """
handlers:
  mailer:
    service: {image: europe-docker.pkg.dev/acme/r/mailer}
  partner:
    url: https://partner.example:8443/hooks?key=1
    headers: {X-Key: abc}
    %s
  ledger:
    app_engine: {service: ledger, version: v2}
queues:
  emails:
    handler: mailer
    path: /send
    rate_limits: {max_dispatches_per_second: 0.5, max_concurrent_dispatches: 2}
    retry_config:
      {max_attempts: -1, max_retry_duration: 1h, min_backoff: 10s, max_backoff: 5m,
       max_doublings: 3}
    stackdriver_logging_config: {sampling_ratio: 0.25}
    enqueuers: [mailer, "group:ops@acme.example"]
    desired_state: PAUSED
  plain: {handler: mailer}
  events: {handler: partner, path: /orders}
  entries: {handler: ledger}
"""
HERE = Address("http://127.0.0.1:5000", is_its_own=False)


def message(
    project: Project, key: str, address: Address = HERE, extra: str = ""
) -> dict[str, object]:
    project.spec(SPEC % extra)
    plan = project.blueprint()
    queue = queue_message(plan.queues[key], plan, dict.fromkeys(plan.handlers, address))
    found: dict[str, object] = MessageToDict(queue)
    return found


def target(project: Project, key: str, address: Address = HERE, extra: str = "") -> object:
    return message(project, key, address, extra)["httpTarget"]


def test_every_setting_is_written_out(project: Project) -> None:
    """Rates, retries, logging, state, with defaults."""
    found = message(project, "emails")
    del found["httpTarget"]
    assert found == {
        "name": "projects/acme-dev/locations/europe-west1/queues/emails",
        "rateLimits": {"maxDispatchesPerSecond": 0.5, "maxConcurrentDispatches": 2},
        "retryConfig": {
            "maxAttempts": -1,
            "maxRetryDuration": "3600s",
            "minBackoff": "10s",
            "maxBackoff": "300s",
            "maxDoublings": 3,
        },
        "state": "PAUSED",
        "stackdriverLoggingConfig": {"samplingRatio": 0.25},
    }


def test_tasks_go_to_the_front_door_with_the_invokers_token(project: Project) -> None:
    """Always, whatever a task's own URL says; the audience is the door's root URL."""
    assert target(project, "emails") == {
        "uriOverride": {
            "scheme": "HTTP",
            "host": "127.0.0.1",
            "port": "5000",
            "pathOverride": {"path": "/send"},
            "uriOverrideEnforceMode": "ALWAYS",
        },
        "oidcToken": {
            "serviceAccountEmail": "mailer-invoker@acme-dev.iam.gserviceaccount.com",
            "audience": "http://127.0.0.1:5000",
        },
    }


def test_without_a_path_each_task_has_its_own(project: Project) -> None:
    """Only scheme, host and port are overridden."""
    found = target(project, "plain")
    assert isinstance(found, dict)
    assert "pathOverride" not in found["uriOverride"]


def test_a_caught_task_keeps_its_path_query_and_headers(
    project: Project,
) -> None:
    """So that it is shown as it would have been sent."""
    assert target(project, "events") == {
        "uriOverride": {
            "scheme": "HTTP",
            "host": "127.0.0.1",
            "port": "5000",
            "pathOverride": {"path": "/hooks/orders"},
            "queryOverride": {"queryParams": "key=1"},
            "uriOverrideEnforceMode": "ALWAYS",
        },
        "headerOverrides": [{"header": {"key": "X-Key", "value": "abc"}}],
    }


def test_a_local_url_replaces_the_url(project: Project) -> None:
    """`local.url`, with the queue's path after it."""
    found = target(project, "events", Address("https://test.local/api/", is_its_own=True))
    assert isinstance(found, dict)
    assert found["uriOverride"] == {
        "scheme": "HTTPS",
        "host": "test.local",
        "pathOverride": {"path": "/api/orders"},
        "uriOverrideEnforceMode": "ALWAYS",
    }


def test_an_audience_of_its_own_stays(project: Project) -> None:
    """A partner that checks tokens gets the one it asks for."""
    found = target(project, "events", extra="audience: https://partner.example")
    assert isinstance(found, dict)
    assert found["oidcToken"] == {
        "serviceAccountEmail": "partner-invoker@acme-dev.iam.gserviceaccount.com",
        "audience": "https://partner.example",
    }


def test_app_engine_tasks_are_routed_by_service(project: Project) -> None:
    """The engine asks for the URL of the service when it dispatches."""
    found = message(project, "entries")
    assert "httpTarget" not in found
    assert found["appEngineRoutingOverride"] == {"service": "ledger", "version": "v2"}


def test_the_policy_of_a_queue_is_its_grants(project: Project) -> None:
    """Enqueuers, by role; another queue's are not among them."""
    project.spec(SPEC % "")
    plan = project.blueprint()
    (binding,) = queue_policy(plan.grants, "emails").bindings
    assert binding.role == "roles/cloudtasks.enqueuer"
    assert set(binding.members) == {
        "serviceAccount:mailer-handler@acme-dev.iam.gserviceaccount.com",
        "group:ops@acme.example",
    }
    assert not queue_policy(plan.grants, "plain").bindings


def test_without_a_sampling_ratio_logging_is_not_configured(project: Project) -> None:
    """As on Google Cloud, where it is the same as 0; the log here has everything."""
    assert "stackdriverLoggingConfig" not in message(project, "plain")


def test_dead_letters_have_a_paused_queue_that_sends_to_the_same_handler(project: Project) -> None:
    """For a letter that is run by hand; only the handler may add to it."""
    project.spec(
        "handlers: {web: {service: {image: i}}}\n"
        "queues: {emails: {handler: web, path: /send, dead_letters: true, enqueuers: [web]}}\n"
    )
    plan = project.blueprint()
    emails = plan.queues["emails"]
    assert emails.dead_queue is not None
    dead = queue_message(emails.dead_queue, plan, {"web": HERE})
    live = queue_message(emails, plan, {"web": HERE})
    assert dead.name == "projects/acme-dev/locations/europe-west1/queues/emails-dead"
    assert (dead.state, dead.retry_config.max_attempts) == (2, -1)
    assert dead.http_target == live.http_target
    assert live.retry_config.max_attempts == 110
    (binding,) = queue_policy(plan.grants, "emails", "dead_letter_queue").bindings
    assert list(binding.members) == [plan.accounts["web-handler"].member]
