"""Turns an emulator's file into the engine's queues and settings. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from queuewright.engine import METHODS, QueueOptions, Settings
from queuewright.engine.protocol import messages as m
from queuewright.local.queues.fields import (
    ENFORCE_MODES,
    SCHEMES,
    STATES,
    set_address,
    set_limits,
)
from queuewright.spec import EmulatedQueue, EmulatorSettings, HttpTarget


def engine_settings(asked: EmulatorSettings) -> Settings:
    """Return the engine's settings."""
    services: Mapping[str, str] = asked.app_engine_url

    def app_engine_url(service: str, _version: str, _instance: str) -> str | None:
        return services.get(service or "default")

    return Settings(
        task_name_reuse=asked.task_name_reuse,
        queue_name_reuse=asked.queue_name_reuse,
        retention=asked.retention,
        follow_redirects=asked.follow_redirects,
        throttling=asked.throttling,
        missing_queue_is_precondition=asked.missing_queue_is_precondition,
        app_engine_url=app_engine_url if services else None,
    )


def emulated_queue(name: str, asked: EmulatedQueue) -> m.Queue:
    """Return the queue with this full name."""
    queue = m.Queue(name=name, state=STATES[asked.desired_state])
    if asked.pull:
        if "max_attempts" in asked.retry_config.model_fields_set:
            queue.retry_config.max_attempts = asked.retry_config.max_attempts
    else:
        set_limits(queue, asked.rate_limits, asked.retry_config)
    if asked.stackdriver_logging_config is not None:
        ratio = asked.stackdriver_logging_config.sampling_ratio
        queue.stackdriver_logging_config.sampling_ratio = ratio
    if asked.url is not None:
        set_address(queue.http_target, asked.url, None)
        if query := urlsplit(asked.url).query:
            queue.http_target.uri_override.query_override.query_params = query
    elif asked.http_target is not None:
        _set_target(queue.http_target, asked.http_target)
    return queue


def queue_options(asked: EmulatedQueue) -> QueueOptions:
    """Return the options of a queue that v2 does not have."""
    return QueueOptions(burst=asked.rate_limits.max_burst_size, pull=asked.pull)


def _set_target(target: m.HttpTarget, asked: HttpTarget) -> None:
    target.SetInParent()
    if asked.http_method is not None:
        target.http_method = METHODS.index(asked.http_method)
    for key, value in asked.header_overrides.items():
        header = target.header_overrides.add().header
        header.key, header.value = key, value
    if asked.oidc_token is not None:
        target.oidc_token.service_account_email = asked.oidc_token.service_account_email
        target.oidc_token.audience = asked.oidc_token.audience
    if asked.oauth_token is not None:
        target.oauth_token.service_account_email = asked.oauth_token.service_account_email
        target.oauth_token.scope = asked.oauth_token.scope
    uri = asked.uri_override
    if uri is None:
        return
    over = target.uri_override
    over.uri_override_enforce_mode = ENFORCE_MODES[uri.uri_override_enforce_mode]
    if uri.scheme is not None:
        over.scheme = SCHEMES[uri.scheme.lower()]
    if uri.host is not None:
        over.host = uri.host
    if uri.port is not None:
        over.port = uri.port
    if uri.path_override is not None:
        over.path_override.path = uri.path_override.path
    if uri.query_override is not None:
        over.query_override.query_params = uri.query_override.query_params
