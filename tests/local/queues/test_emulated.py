"""What an emulator's file says becomes queues and settings of the engine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from google.protobuf.json_format import MessageToDict

from queuewright.engine import QueueOptions, Settings, target_address
from queuewright.engine.protocol import Task
from queuewright.local.queues.emulated import emulated_queue, engine_settings, queue_options
from queuewright.spec import EmulatedQueue, parse_emulator

NAME = "projects/p/locations/l/queues/q"


def queue(text: str) -> dict[str, Any]:
    """The queue of a text, as JSON shows it."""
    spec = parse_emulator(f"queues:\n  {NAME}: {text}\n")
    return MessageToDict(emulated_queue(NAME, spec.queues[NAME]))


def test_a_queue_without_settings_is_googles_default() -> None:
    """Written out, so that a setting removed from the file returns to its default."""
    assert queue("{}") == {
        "name": NAME,
        "rateLimits": {"maxDispatchesPerSecond": 500.0, "maxConcurrentDispatches": 1000},
        "retryConfig": {
            "maxAttempts": 100,
            "maxRetryDuration": "0s",
            "minBackoff": "0.100s",
            "maxBackoff": "3600s",
            "maxDoublings": 16,
        },
        "state": "RUNNING",
    }


def test_every_setting_of_a_queue_arrives() -> None:
    """Limits, retries, sampling, state."""
    found = queue(
        "{rate_limits: {max_dispatches_per_second: 0.5, max_concurrent_dispatches: 2},"
        " retry_config: {max_attempts: -1, max_retry_duration: 1h, min_backoff: 1s,"
        " max_backoff: 1m, max_doublings: 3},"
        " stackdriver_logging_config: {sampling_ratio: 0.25}, desired_state: PAUSED}"
    )
    assert found == {
        "name": NAME,
        "rateLimits": {"maxDispatchesPerSecond": 0.5, "maxConcurrentDispatches": 2},
        "retryConfig": {
            "maxAttempts": -1,
            "maxRetryDuration": "3600s",
            "minBackoff": "1s",
            "maxBackoff": "60s",
            "maxDoublings": 3,
        },
        "stackdriverLoggingConfig": {"samplingRatio": 0.25},
        "state": "PAUSED",
    }


def test_a_ratio_of_zero_is_kept() -> None:
    """Without one, everything would be logged."""
    assert (
        queue("{stackdriver_logging_config: {sampling_ratio: 0}}")["stackdriverLoggingConfig"] == {}
    )


def test_a_burst_is_kept_beside_the_queue() -> None:
    """As v2beta3 shows it; the engine chooses a missing one."""
    text = f"queues:\n  {NAME}: {{rate_limits: {{max_burst_size: 1}}}}\n"
    assert queue_options(parse_emulator(text).queues[NAME]) == QueueOptions(burst=1)
    assert queue_options(EmulatedQueue()) == QueueOptions()


def test_a_pull_queue_has_a_number_of_attempts_at_most() -> None:
    """By default without a limit; push limits are left out."""
    assert queue("{pull: true}") == {"name": NAME, "state": "RUNNING"}
    found = queue("{pull: true, retry_config: {max_attempts: 5}, desired_state: PAUSED}")
    assert found == {"name": NAME, "retryConfig": {"maxAttempts": 5}, "state": "PAUSED"}
    assert queue_options(EmulatedQueue(pull=True)) == QueueOptions(pull=True)


def test_a_url_overrides_that_of_every_task() -> None:
    """With every part of it."""
    assert queue("{url: 'http://127.0.0.1:8080/send?from=tasks'}")["httpTarget"] == {
        "uriOverride": {
            "scheme": "HTTP",
            "host": "127.0.0.1",
            "port": "8080",
            "pathOverride": {"path": "/send"},
            "queryOverride": {"queryParams": "from=tasks"},
            "uriOverrideEnforceMode": "ALWAYS",
        }
    }


def test_a_url_without_a_path_leaves_the_tasks_own() -> None:
    """And its query."""
    override = queue("{url: 'https://a.example/'}")["httpTarget"]["uriOverride"]
    assert override.keys() == {"scheme", "host", "uriOverrideEnforceMode"}


def test_a_url_may_name_an_ipv6_address() -> None:
    """In brackets, as in a URL."""
    spec = parse_emulator(f"queues:\n  {NAME}: {{url: 'http://[::1]:8080/send'}}\n")
    target = emulated_queue(NAME, spec.queues[NAME]).http_target
    task = Task()
    task.http_request.url, task.http_request.http_method = "https://a.example/x", 1
    assert target_address(task, target) == "POST http://[::1]:8080/send"


def test_an_http_target_has_every_field_of_googles() -> None:
    """Every field of it."""
    target = {
        "uri_override": "{scheme: HTTPS, host: a.example, port: 8443, path_override: {path: /x},"
        " query_override: {query_params: a=b}, uri_override_enforce_mode: IF_NOT_EXISTS}",
        "http_method": "PUT",
        "header_overrides": "{X-Key: abc}",
        "oidc_token": "{service_account_email: a@b.c, audience: d}",
    }
    text = ", ".join(f"{key}: {value}" for key, value in target.items())
    assert queue(f"{{http_target: {{{text}}}}}")["httpTarget"] == {
        "uriOverride": {
            "scheme": "HTTPS",
            "host": "a.example",
            "port": "8443",
            "pathOverride": {"path": "/x"},
            "queryOverride": {"queryParams": "a=b"},
            "uriOverrideEnforceMode": "IF_NOT_EXISTS",
        },
        "httpMethod": "PUT",
        "headerOverrides": [{"header": {"key": "X-Key", "value": "abc"}}],
        "oidcToken": {"serviceAccountEmail": "a@b.c", "audience": "d"},
    }


def test_an_access_token_may_take_the_place_of_an_id_token() -> None:
    """With its scope."""
    found = queue("{http_target: {oauth_token: {service_account_email: a@b.c, scope: s}}}")
    assert found["httpTarget"] == {"oauthToken": {"serviceAccountEmail": "a@b.c", "scope": "s"}}


def test_missing_settings_are_the_engines_defaults() -> None:
    """The file and the engine have the same defaults."""
    assert engine_settings(parse_emulator("queues: {}\n").settings) == Settings()


def test_every_setting_arrives() -> None:
    """Under its own name."""
    settings = engine_settings(
        parse_emulator(
            "settings: {task_name_reuse: 1h, queue_name_reuse: 0s, retention: 10d,"
            " follow_redirects: true, throttling: true, missing_queue_is_precondition: true}\n"
        ).settings
    )
    assert settings == Settings(
        task_name_reuse=timedelta(hours=1),
        queue_name_reuse=timedelta(),
        retention=timedelta(days=10),
        follow_redirects=True,
        throttling=True,
        missing_queue_is_precondition=True,
    )


def test_app_engine_services_are_found_by_name() -> None:
    """A task that names none goes to the default one; an unknown one goes nowhere."""
    text = "settings: {app_engine_url: {default: 'http://127.0.0.1:1', api: 'http://127.0.0.1:2'}}"
    resolve = engine_settings(parse_emulator(text).settings).app_engine_url
    assert resolve is not None
    assert [resolve(service, "", "") for service in ("", "api", "other")] == [
        "http://127.0.0.1:1",
        "http://127.0.0.1:2",
        None,
    ]
