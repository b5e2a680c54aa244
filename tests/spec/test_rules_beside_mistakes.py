"""One wrong value does not hide the problems between other values, and causes none itself."""

from __future__ import annotations

import pytest

from queuewright.errors import Problem
from queuewright.spec import parse
from queuewright.spec.document import read
from queuewright.spec.handler_model import HandlerSpec
from queuewright.spec.validation import validated
from tests.spec.saying import REST, said


def test_a_wrong_type_hides_no_problem_elsewhere() -> None:
    """All of them in file order."""
    assert said(
        "handlers:\n"
        "  old: {app_engine: {service: old}, local: {env: {A: 1}}}\n"
        "  web:\n"
        "    service: {image: i}\n"
        "    memory: 100\n"
        "    instances: {min: 5, max: 2}\n"
        "    env: {TOKEN: a}\n"
        "    secrets: {TOKEN: t}\n"
        "queues:\n"
        "  emails:\n"
        "    handler: old\n"
        "    path: /send\n"
        "    protect: maybe\n"
        "    retry_config: {min_backoff: 10m, max_backoff: 5m}\n" + REST
    ).splitlines()[::2] == [
        "spec.yaml:2:51: handlers.old.local.env.A: expected text, found `1`",
        "spec.yaml:5:5: handlers.web.memory: `100` is not a size",
        "spec.yaml:6:17: handlers.web.instances.min: 5 is more than `max`, which is 2",
        "spec.yaml:8:15: handlers.web.secrets.TOKEN: is in both `env` and `secrets`",
        "spec.yaml:12:5: queues.emails.path: a queue of an App Engine handler has no path",
        "spec.yaml:13:5: queues.emails.protect: expected `true` or `false`, found `maybe`",
        "spec.yaml:14:20: queues.emails.retry_config.min_backoff: "
        "`10m` is more than `max_backoff`, which is `5m`",
    ]


@pytest.mark.parametrize(
    ("handler", "wrong"),
    [
        ("{service: {image: i}, cpu: 8, memory: 100}", ["memory"]),
        ("{service: {image: i}, cpu: fast, memory: 32Gi, concurrency: 4}", ["cpu"]),
        ("{service: {image: i}, cpu: 0.5, concurrency: many}", ["concurrency"]),
        ("{service: {image: i}, cpu: 0.5, concurency: 4}", ["concurency"]),
        ("{service: {image: i}, cpu: 0.5, concurrency: 4, memory: 100}", ["concurrency", "memory"]),
        ("{service: {image: i}, instances: {min: 200, max: x}}", ["instances.max"]),
        ("{service: {image: i}, instances: {min: 200, mx: 300}}", ["instances.mx"]),
        ("{service: {image: i}, instances: 5}", ["instances"]),
        ("{service: {source: 5}}", ["service.source"]),
        ("{service: {image: 5, source: a}}", ["service.image"]),
        ("{service: {source: a, command: x, runtme: python312}}", ["service.runtme"]),
        ("{service: {source: a, command: [x, 5], runtime: python312}}", ["service.command[1]"]),
        ("{function: {source: a, entry_point: f}, cpu: 4}", ["function.runtime"]),
        ("{function: 5, cpu: 4, env: {A: a}, secrets: {A: b}}", ["function", "secrets.A"]),
        ("{app_engine: {source: 5, runtime: python312}}", ["app_engine.source"]),
        ("{app_engine: {source: a, runtime: 5}}", ["app_engine.runtime"]),
        ("{url: 'http://a.example', audience: 5}", ["audience"]),
        ("{url: 5, audience: a}", ["url"]),
        (
            "{url: 'https://a.example', audience: 5, headers: {A: a, a: b}}",
            ["audience", "headers.a"],
        ),
        ("{service: {image: i}, secrets: {A: {secret: 5}}}", ["secrets.A.secret"]),
        (
            "{service: {image: i}, secrets: {A: {secret: 5}, B: {secret: b, config: c}}}",
            ["secrets.A.secret", "secrets.B"],
        ),
        ("{service: {image: i}, vpc: {network: 5}}", ["vpc.network"]),
        ("{service: {image: i}, local: {command: 5, url: 'http://a.example'}}", ["local.command"]),
        ("{service: {image: i}, renamed_from: [web, A_]}", ["renamed_from[1]"]),
    ],
)
def test_a_wrong_value_has_one_problem(handler: str, wrong: list[str]) -> None:
    """A rule between it and others stays silent; rules between the others do not."""
    lines = said(f"handlers:\n  web: {handler}\n{REST}").splitlines()
    found = [line.split(": ")[1] for line in lines if not line.startswith("  hint: ")]
    assert sorted(found) == sorted(f"handlers.web.{path}" for path in wrong)


def test_a_queue_without_a_handler_may_have_other_problems() -> None:
    """The handler is required, but its other values are there."""
    text = f"queues:\n  emails: {{renamed_from: emails, example: {{a: .inf}}}}\n{REST}"
    assert said(text).splitlines()[::2] == [
        "spec.yaml:2:3: queues.emails.handler: missing",
        "spec.yaml:2:12: queues.emails.renamed_from: `emails` is the current key of the queue",
        "spec.yaml:2:44: queues.emails.example.a: JSON cannot represent `.inf`",
    ]


def test_a_handler_with_a_mistake_still_conflicts_with_others() -> None:
    """Two versions of a service, and the variable of an enqueuer."""
    source = "app_engine: {source: a, runtime: python312}"
    text = (
        f"handlers:\n  one: {{{source}, local: 5}}\n  two: {{{source}, local: 5}}\n"
        "  web: {service: {image: i}, memory: 100, env: {QUEUE_EMAILS: a}}\n"
        f"queues:\n  emails: {{handler: one, enqueuers: [web]}}\n{REST}"
    )
    problems = said(text)
    assert "handlers.two.app_engine: handler `one` also deploys this version" in problems
    assert "queues.emails.enqueuers[0]: `web` already has the variable" in problems


def test_a_mistake_leaves_the_defaults_whole() -> None:
    """They are shared by all files that are read."""
    text = "handlers: {{m: {{url: 'https://a.example'}}}}\nqueues: {{e: {{handler: m{}}}}}\n"
    assert said(text.format(", stackdriver_logging_config: {sampling_ratio: all}") + REST)
    spec = parse(text.format("") + REST)
    assert spec.queues["e"].stackdriver_logging_config.sampling_ratio == 0


def test_very_many_wrong_values_are_reported_without_the_rules() -> None:
    """Only the first hundred are shown anyhow."""
    keys = "".join(f"    k{number}: 1\n" for number in range(2_000))
    node, _ = read(f"service: {{image: i}}\n{keys.replace('    ', '')}", "spec.yaml")
    found: list[Problem] = []
    assert validated(HandlerSpec, node.plain(), node, (), found) is None
    assert len(found) == 2_000
