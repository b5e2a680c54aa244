"""The grammar of the file of `queuewright emulator --config`, and the messages for mistakes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from queuewright.errors import SpecError
from queuewright.spec import EmulatedQueue, EmulatorSettings, load_emulator, parse_emulator

MISTAKES = """\
project: acme dev
settings:
  task_name_reuse: 24
  folow_redirects: true
  throttling: "yes"
  app_engine_url: {default: "127.0.0.1:8081"}
  max_attempts: 3
queue: {}
queues:
  my_queue: {}
  emails:
    url: localhost:8080
    rate_limits: {max_dispatches_per_second: 501}
    retry_config: {min_backoff: 10m, max_backoff: 5m, max_attempts: 0}
    stackdriver_logging_config: {sampling_ratio: 1.5}
    desired_state: STOPPED
    handler: mailer
  projects/p/locations/l/queues/jobs:
    url: http://127.0.0.1:8080
    http_target:
      uri_override: {host: "", port: 0, schem: HTTP}
      http_method: SEND
      header_overrides: {Host: a, X-Key: [b]}
      oidc_token: {service_account_email: a@b.c}
      oauth_token: {service_account_email: a@b.c, scope: s}
  projects/p/locations/l/queues/jobs: {}
  late:
"""


def said(text: str) -> str:
    """The problems of a text, as printed."""
    with pytest.raises(SpecError) as refused:
        parse_emulator(text)
    return str(refused.value)


@pytest.mark.parametrize("age", ["0s", "999ms", "3651d"])
def test_retention_is_at_least_a_second_and_at_most_ten_years(age: str) -> None:
    """A retention of zero would delete every task before it could run."""
    assert said(f"settings: {{retention: {age}}}\n") == (
        f"emulator.yaml:1:12: settings.retention: `{age}` is out of range\n"
        "  hint: queuewright allows at least `1s` and at most `3650d`"
    )


@pytest.mark.parametrize("host", ["http://h", "127.0.0.1:8080", "a b", "::1", "h/path"])
def test_a_host_is_only_a_host(host: str) -> None:
    """A host that the engine would refuse is reported with its line, like every other problem."""
    target = f"{{http_target: {{uri_override: {{host: '{host}'}}}}}}"
    text = f"queues: {{projects/p/locations/l/queues/q: {target}}}\n"
    assert f"uri_override.host: `{host}` is not a host without scheme, port and path" in said(text)


def test_all_problems_at_once() -> None:
    """In file order, each with its place and a hint."""
    assert said(MISTAKES) == (
        "emulator.yaml:1:1: project: `acme dev` is not a project id\n"
        "  hint: such as `acme-dev`\n"
        "emulator.yaml:3:3: settings.task_name_reuse: expected a duration, found `24`\n"
        "  hint: write it with its unit: `24s`\n"
        "emulator.yaml:4:3: settings.folow_redirects: unknown key\n"
        "  hint: did you mean `follow_redirects`?\n"
        "emulator.yaml:5:3: settings.throttling: expected `true` or `false`, found `yes`\n"
        "  hint: write `throttling: true`\n"
        "emulator.yaml:6:20: settings.app_engine_url.default: `127.0.0.1:8081` is not an http "
        "or https URL\n"
        "  hint: such as `https://partner.example/hooks`\n"
        "emulator.yaml:7:3: settings.max_attempts: unknown key\n"
        "  hint: choose one of `app_engine_url`, `follow_redirects`, "
        "`missing_queue_is_precondition`, `queue_name_reuse`, `retention`, `task_name_reuse`, "
        "`throttling`\n"
        "emulator.yaml:8:1: queue: unknown key\n"
        "  hint: did you mean `queues`?\n"
        "emulator.yaml:10:3: queues.my_queue: neither a queue id nor a full name\n"
        "  hint: give the id, 1 to 100 of A-Z, a-z, 0-9 and -, or the full name: "
        "`projects/P/locations/L/queues/Q`\n"
        "emulator.yaml:11:3: queues.emails: an id needs `location`\n"
        "  hint: give the full name, `projects/P/locations/L/queues/Q`, or add `location: "
        "europe-west1`\n"
        "emulator.yaml:12:5: queues.emails.url: `localhost:8080` is not an http or https URL\n"
        "  hint: such as `https://partner.example/hooks`\n"
        "emulator.yaml:13:19: queues.emails.rate_limits.max_dispatches_per_second: `501` is "
        "out of range\n"
        "  hint: Cloud Tasks allows more than 0 and at most 500\n"
        "emulator.yaml:14:20: queues.emails.retry_config.min_backoff: `10m` is more than "
        "`max_backoff`, which is `5m`\n"
        "  hint: lower it, or set `max_backoff: 10m` or more\n"
        "emulator.yaml:14:55: queues.emails.retry_config.max_attempts: Cloud Tasks treats "
        "0 as not set\n"
        "  hint: leave it out, or give `1` or more\n"
        "emulator.yaml:15:34: queues.emails.stackdriver_logging_config.sampling_ratio: `1.5` "
        "is out of range\n"
        "  hint: Cloud Tasks allows at least 0 and at most 1\n"
        "emulator.yaml:16:5: queues.emails.desired_state: `STOPPED` is not a choice\n"
        "  hint: choose one of `PAUSED`, `RUNNING`\n"
        "emulator.yaml:17:5: queues.emails.handler: unknown key\n"
        "  hint: choose one of `desired_state`, `http_target`, `pull`, `rate_limits`, "
        "`retry_config`, `stackdriver_logging_config`, `url`\n"
        'emulator.yaml:20:5: queues."projects/p/locations/l/queues/jobs": has both `url` and '
        "`http_target`\n"
        "  hint: keep one: `url` is short for an `http_target` with a `uri_override`\n"
        "emulator.yaml:21:22: "
        'queues."projects/p/locations/l/queues/jobs".http_target.uri_override.host: `""` is not '
        "a host without scheme, port and path\n"
        "  hint: such as `127.0.0.1`\n"
        "emulator.yaml:21:32: "
        'queues."projects/p/locations/l/queues/jobs".http_target.uri_override.port: `0` is out '
        "of range\n"
        "  hint: Cloud Tasks allows at least 1 and at most 65,535\n"
        "emulator.yaml:21:41: "
        'queues."projects/p/locations/l/queues/jobs".http_target.uri_override.schem: unknown '
        "key\n"
        "  hint: did you mean `scheme`?\n"
        "emulator.yaml:22:7: "
        'queues."projects/p/locations/l/queues/jobs".http_target.http_method: `SEND` is not a '
        "choice\n"
        "  hint: choose one of `DELETE`, `GET`, `HEAD`, `OPTIONS`, `PATCH`, `POST`, `PUT`\n"
        "emulator.yaml:23:26: "
        'queues."projects/p/locations/l/queues/jobs".http_target.header_overrides.Host: Cloud '
        "Tasks replaces `Host` with its own value\n"
        "  hint: remove it, or choose another name, as in `X-My-Header`\n"
        "emulator.yaml:23:35: "
        'queues."projects/p/locations/l/queues/jobs".http_target.header_overrides.X-Key: '
        "expected text, found a list\n"
        "  hint: write one value\n"
        "emulator.yaml:24:7: "
        'queues."projects/p/locations/l/queues/jobs".http_target.oidc_token.audience: missing\n'
        "  hint: add `audience: http://127.0.0.1:8080`\n"
        'emulator.yaml:25:7: queues."projects/p/locations/l/queues/jobs".http_target: has both '
        "`oidc_token` and `oauth_token`\n"
        "  hint: keep one of them\n"
        'emulator.yaml:26:3: queues."projects/p/locations/l/queues/jobs": duplicate key\n'
        "  hint: the first is at line 18; keep one of them\n"
        "emulator.yaml:27:3: queues.late: an id needs `location`\n"
        "  hint: give the full name, `projects/P/locations/L/queues/Q`, or add `location: "
        "europe-west1`"
    )


def test_missing_keys_have_defaults() -> None:
    """Google's defaults for queues, the engine's for settings."""
    spec = parse_emulator("project: p\nlocation: l\nqueues: {emails: {}}\n")
    assert spec.settings == EmulatorSettings()
    assert spec.queues == {"projects/p/locations/l/queues/emails": EmulatedQueue()}


def test_a_queue_may_be_empty() -> None:
    """It is created with all defaults."""
    spec = parse_emulator("queues:\n  projects/p/locations/l/queues/emails:\n")
    assert spec.queues == {"projects/p/locations/l/queues/emails": EmulatedQueue()}


def test_a_full_queue_name_needs_no_project() -> None:
    """The queue may be in another project than the file's."""
    spec = parse_emulator("project: p\nqueues: {projects/other/locations/l/queues/q: {}}\n")
    assert list(spec.queues) == ["projects/other/locations/l/queues/q"]


def test_a_queue_id_needs_a_project_and_a_location() -> None:
    """Both are reported at once."""
    assert said("queues: {emails: {}}\n") == (
        "emulator.yaml:1:10: queues.emails: an id needs `project` and `location`\n"
        "  hint: give the full name, `projects/P/locations/L/queues/Q`, "
        "or add `project: acme-dev` and `location: europe-west1`"
    )


def test_one_queue_under_two_names_is_a_mistake() -> None:
    """It is not clear which of the two should apply."""
    text = "project: p\nlocation: l\nqueues:\n  q: {}\n  projects/p/locations/l/queues/q: {}\n"
    assert "5:3" in said(text)
    assert "is the same queue as `q`" in said(text)


def test_null_is_like_a_missing_key() -> None:
    """As in environments' files."""
    text = "settings: {task_name_reuse: null, throttling: true}\nqueues: null\n"
    spec = parse_emulator(text)
    assert spec.settings.task_name_reuse == timedelta(hours=24)
    assert spec.settings.throttling


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """With the path as given."""
    with pytest.raises(SpecError) as refused:
        load_emulator(tmp_path / "none.yaml")
    assert str(refused.value).startswith(f"{tmp_path}/none.yaml:1:1: $: no such file")


def test_a_pull_queue_has_no_settings_of_push_queues() -> None:
    """Each of them is a problem at its place; the number of attempts is not."""
    text = """\
queues:
  projects/p/locations/l/queues/q:
    pull: true
    url: http://127.0.0.1:8080/
    rate_limits: {max_dispatches_per_second: 5}
    retry_config: {max_attempts: 5, min_backoff: 1s}
"""
    with pytest.raises(SpecError) as wrong:
        parse_emulator(text)
    hint = "  hint: remove it: workers lease the tasks, and nothing is sent\n"
    at = 'queues."projects/p/locations/l/queues/q"'
    assert f"{wrong.value}\n".startswith(
        f"emulator.yaml:4:5: {at}.url: has no effect in a pull queue\n{hint}"
        f"emulator.yaml:5:5: {at}.rate_limits: has no effect in a pull queue\n{hint}"
        f"emulator.yaml:6:37: {at}.retry_config.min_backoff: has no effect in a pull queue\n{hint}"
    )
