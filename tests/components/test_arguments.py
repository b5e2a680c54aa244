"""Wrong arguments of components are refused with the rules of the YAML."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components import (
    AppEngineHandler,
    AppEngineRoute,
    DockerfileSource,
    FolderSource,
    FunctionHandler,
    HandlerSecret,
    ImageRepository,
    ImageSource,
    Instances,
    PackageBucket,
    RateLimits,
    RetryConfig,
    SecretVariable,
    ServiceHandler,
    TaskQueue,
    UrlRoute,
    VpcAccess,
)
from queuewright.errors import SpecError
from queuewright.testing import Graph, capture

PLACE = {"project": "acme-dev", "location": "europe-west1"}
HANDLERS = Path(__file__).parents[2] / "handlers"
PARTNER = UrlRoute.of("https://partner.example/hooks")


def queue(**arguments: Any) -> None:
    TaskQueue(**{"name": "emails", "target": PARTNER, **PLACE, **arguments})


def service(**arguments: Any) -> None:
    ServiceHandler(**{"name": "worker", "source": ImageSource("worker:1"), **PLACE, **arguments})


def function(folder: Path, **arguments: Any) -> None:
    packages = PackageBucket("packages", bucket_name="b-1", folder=folder / "packages", **PLACE)
    given = {
        "name": "mailer",
        "source": HANDLERS / "mailer",
        "entry_point": "handle",
        "runtime": "python312",
        "packages": packages,
        **PLACE,
    }
    FunctionHandler(**{**given, **arguments})


def refused(program: Callable[[], None]) -> list[str]:
    """Each mistake of a program as `path: message → hint`; the traceback leads to its line."""
    with pytest.raises(SpecError) as error:
        capture(program)
    assert all(each.location is None for each in error.value.problems)
    here = [entry for entry in error.traceback if Path(entry.path) == Path(__file__)]
    assert here[-1].name != "refused"
    return [f"{each.path}: {each.message} → {each.hint}" for each in error.value.problems]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            {"queue_id": "my_queue"},
            "emails: not a queue id → "
            "Cloud Tasks allows 1 to 100 of A-Z, a-z, 0-9 and -, with the prefix",
        ),
        (
            {"rate_limits": {"max_dispatches_per_second": 600}},
            "emails.rate_limits.max_dispatches_per_second: `600` is out of range → "
            "Cloud Tasks allows more than 0 and at most 500",
        ),
        (
            {"retry_config": {"max_attemps": 3}},
            "emails.retry_config.max_attemps: unknown key → did you mean `max_attempts`?",
        ),
        (
            {"retry_config": RetryConfig(min_backoff=timedelta(hours=2))},
            "emails.retry_config.min_backoff: `2h` is more than `max_backoff`, which is `1h` "
            "(the default) → lower it, or set `max_backoff='2h'` or more",
        ),
        (
            {"sampling_ratio": 2.0},
            "emails.sampling_ratio: `2.0` is out of range → "
            "Cloud Tasks allows at least 0 and at most 1",
        ),
        (
            {"desired_state": "paused"},
            "emails.desired_state: `paused` is not a choice → did you mean `PAUSED`?",
        ),
        (
            {"path": "send"},
            "emails.path: `send` is not a path (`/` first; no spaces, `?` or `#`) → "
            "such as `/send`",
        ),
        (
            {"target": AppEngineRoute("my-service"), "path": "/send"},
            "emails.path: a queue of an App Engine handler has no path → "
            "remove it: each App Engine task has its own `relative_uri`",
        ),
        (
            {"target": "https://partner.example"},
            "emails.target: expected a handler or a route, found `https://partner.example` → "
            "give a `FunctionHandler`, a `ServiceHandler`, or `UrlRoute.of('https://…')`",
        ),
        (
            {"target": UrlRoute.of("partner.example")},
            "emails.target: `partner.example` is not an http or https URL → "
            "such as `https://partner.example/hooks`",
        ),
        (
            {"target": UrlRoute.of("http://partner.example", audience="https://partner.example")},
            "emails.target.audience: Cloud Tasks sends no token to an http URL → "
            "give an https URL, or remove `audience`",
        ),
        (
            {"target": UrlRoute.of("https://partner.example", headers={"Host": "x"})},
            "emails.target.headers.Host: Cloud Tasks replaces `Host` with its own value → "
            "remove it, or choose another name, as in `X-My-Header`",
        ),
        (
            {"enqueuers": ["allUsers"]},
            "emails.enqueuers[0]: `allUsers` would let anyone add tasks → "
            "list members instead: a handler, `serviceAccount:…` or `group:…`",
        ),
        (
            {"enqueuers": ["mailer"]},
            "emails.enqueuers: `mailer` is not an IAM member → "
            "give the handler itself, or a member such as `serviceAccount:…`",
        ),
        (
            {"location": "Belgium"},
            "emails.location: `Belgium` is not a Google Cloud region → such as `europe-west1`",
        ),
    ],
)
def test_a_queue_that_no_file_may_describe_is_refused(arguments: dict[str, Any], said: str) -> None:
    """In the words of the YAML, with the program's names and a fix."""
    assert refused(lambda: queue(**arguments)) == [said]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"memroy": "1Gi"}, "worker.memroy: no such argument → did you mean `memory`?"),
        ({"memory": "256MB"}, "worker.memory: `256MB` is not a size → write `256Mi` or `256Gi`"),
        (
            {"memory": 2**40},
            "worker.memory: `1024Gi` is out of range → "
            "Cloud Run allows at least `128Mi` and at most `32Gi`",
        ),
        (
            {"timeout": 30},
            "worker.timeout: expected a duration, found `30` → write it with its unit: `30s`",
        ),
        (
            {"instances": {"min": 5, "max": 2}},
            "worker.instances.min: 5 is more than `max`, which is 2 → "
            "lower it, or set `max=5` or more",
        ),
        (
            {"cpu": 1.0, "memory": "8Gi"},
            "worker.cpu: 1 is not enough CPU for `8Gi` of memory → "
            "Cloud Run requires `cpu=2` or more",
        ),
        ({"vpc": {}}, "worker.vpc: has no network → add `network='default'`, or a `subnetwork`"),
        (
            {"environment": {"PORT": "8080"}},
            "worker.environment.PORT: `PORT` is set by the platform → "
            "choose another name, as in `MY_PORT`",
        ),
        (
            {"environment": {"RETRIES": 3}},
            'worker.environment.RETRIES: expected text, found `3` → write it in quotes: `"3"`',
        ),
        (
            {"environment": {"KEY": "\ud800"}},
            'worker.environment.KEY: `"\\ud800"` contains half of a surrogate pair, which is no '
            "character → write the character itself",
        ),
        (
            {"secrets": {"TOKEN": "smtp-token"}},
            "worker.secrets.TOKEN: expected a SecretVariable, found `smtp-token` → "
            "wrap it, as in `SecretVariable(HandlerSecret(…))`",
        ),
        (
            {"service_name": "Worker"},
            "worker: not a handler name → "
            "use up to 49 of a-z, 0-9 and -, with the prefix; start with a letter, end without -",
        ),
        (
            {"labels": {"Team": "growth"}},
            "worker.labels.Team: `Team` is not a label key → such as `team`",
        ),
        (
            {"project": pulumi.Output.from_input("acme-dev")},
            "worker.project: is an output, whose value is not known yet → give a text or a number",
        ),
        (
            {"source": "worker:1"},
            "worker.source: expected a source, found `worker:1` → "
            "give an `ImageSource`, a `DockerfileSource` or a `FolderSource`",
        ),
    ],
)
def test_a_service_that_no_file_may_describe_is_refused(
    arguments: dict[str, Any], said: str
) -> None:
    """In the words of the YAML, with the program's names and a fix."""
    assert refused(lambda: service(**arguments)) == [said]


def test_a_function_that_no_file_may_describe_is_refused(tmp_path: Path) -> None:
    """A setting of functions is named like its argument."""
    assert refused(lambda: function(tmp_path, runtime="python3.12", entry_point="main:app")) == [
        "mailer.entry_point: `main:app` is not a function name → such as `handle`",
        "mailer.runtime: `python3.12` is not a Google runtime → such as `python312`",
    ]


def test_a_source_that_does_not_say_how_it_runs_is_refused(tmp_path: Path) -> None:
    """A folder without a Dockerfile, or without a command."""

    def from_a_dockerfile() -> None:
        images = ImageRepository("images", repository_id="r", folder=tmp_path, **PLACE)
        service(source=DockerfileSource(HANDLERS / "mailer", images))

    def as_it_is() -> None:
        packages = PackageBucket("packages", bucket_name="b-1", folder=tmp_path, **PLACE)
        service(source=FolderSource(HANDLERS / "mailer", "python313", [], packages))

    assert refused(from_a_dockerfile) == [
        f"worker.source: `{HANDLERS / 'mailer'}` has no Dockerfile → "
        "add one, or give a `FolderSource`"
    ]
    assert refused(as_it_is) == [
        "worker.command: missing: required with `runtime` → add `command='python main.py'`"
    ]


def test_an_app_engine_version_that_no_file_may_describe_is_refused(tmp_path: Path) -> None:
    """A setting of App Engine is named like its argument."""

    def program() -> None:
        AppEngineHandler(
            "ledger",
            project="acme-dev",
            service="Ledger",
            source=HANDLERS / "mailer",
            runtime="python312",
            packages=PackageBucket("packages", bucket_name="b-1", folder=tmp_path, **PLACE),
            instances={"min": 5, "maxi": 2},
        )

    assert refused(program) == [
        "ledger.service: `Ledger` is not a name (1 to 63 of a-z, 0-9 and -) → such as `my-service`",
        "ledger.instances.maxi: unknown key → did you mean `max`?",
    ]


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (
            lambda: PackageBucket("packages", bucket_name="Packages", **PLACE),
            "packages.bucket_name: `Packages` is not a valid name → "
            "3 to 63 of a-z, 0-9, -, _ and ., a letter or digit first and last",
        ),
        (
            lambda: ImageRepository("images", repository_id="2images", **PLACE),
            "images.repository_id: `2images` is not a valid name → "
            "1 to 63 of a-z, 0-9 and -, a letter first and no - last",
        ),
        (
            lambda: HandlerSecret("token", project="acme-dev", secret_id="smtp/token"),
            "token.secret_id: `smtp/token` is not a valid name → "
            "1 to 255 of A-Z, a-z, 0-9, _ and -",
        ),
    ],
)
def test_a_name_that_google_would_refuse_is_refused(program: Callable[[], None], said: str) -> None:
    """Before anything is created."""
    assert refused(program) == [said]


def test_all_mistakes_of_a_component_are_reported_at_once() -> None:
    """As for a file; and nothing is created."""

    def program() -> None:
        with pytest.raises(SpecError) as error:
            queue(location="Belgium", sampling_ratio=-1.0, enqueuers=["mailer"], path="send")
        assert [each.path for each in error.value.problems] == [
            "emails.location",
            "emails.enqueuers",
            "emails.path",
            "emails.sampling_ratio",
        ]

    assert [each.type for each in capture(program) if not each.type.startswith("pulumi:")] == []


def test_settings_may_be_written_as_in_the_yaml(tmp_path: Path) -> None:
    """A map with the words of the YAML and the class give the same resources."""

    def made(words: bool) -> Graph:
        def program() -> None:
            function(
                tmp_path,
                memory="512Mi" if words else 2**29,
                timeout="90s" if words else timedelta(seconds=90),
                instances={"max": 3} if words else Instances(max=3),
                vpc={"network": "default"} if words else VpcAccess(network="default"),
            )
            queue(
                rate_limits={"max_dispatches_per_second": 5}
                if words
                else RateLimits(max_dispatches_per_second=5),
                retry_config={"min_backoff": "10s", "max_attempts": 8}
                if words
                else RetryConfig(min_backoff=timedelta(seconds=10), max_attempts=8),
            )

        return capture(program)

    assert made(words=True).changes_since(made(words=False)) == {}


def test_a_value_that_is_known_only_later_may_be_a_variable() -> None:
    """An output of another resource, and a secret."""

    def program() -> None:
        token = SecretVariable(HandlerSecret("token", project="acme-dev", secret_id="smtp-token"))
        name = pulumi.Output.from_input("projects/p/locations/l/queues/q")
        service(environment={"QUEUE_EMAILS": name}, secrets={"TOKEN": token})

    envs = capture(program)["worker-service"].input("template.containers[0].envs")
    assert isinstance(envs, list)
    assert [each["name"] for each in envs if isinstance(each, dict)] == ["QUEUE_EMAILS", "TOKEN"]
