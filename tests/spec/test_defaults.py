"""Every entry inherits the defaults that its kind has; a mistake in them is reported once."""

from __future__ import annotations

from datetime import timedelta

from queuewright.spec import parse
from tests.spec.conftest import Project
from tests.spec.saying import REST, said

TWO = """\
handlers:
  a: {service: {image: i}}
  b: {service: {image: i}, memory: 2Gi}
  c: {url: https://a.example}
queues:
  q: {handler: a}
  r: {handler: b}
"""


def test_an_entry_overrides_defaults() -> None:
    """Its own settings win, and the rest of a map stays."""
    spec = parse(
        "handler_defaults: {memory: 1Gi, instances: {min: 1, max: 9}, env: {A: a}}\n"
        + TWO.replace("memory: 2Gi", "memory: 2Gi, instances: {max: 3}, env: {B: b}")
        + REST
    )
    a, b = spec.handlers["a"], spec.handlers["b"]
    assert (a.memory, b.memory) == (2**30, 2 * 2**30)
    assert (b.instances.min, b.instances.max) == (1, 3)
    assert b.env == {"A": "a", "B": "b"}


def test_defaults_skip_kinds_without_the_setting() -> None:
    """An external endpoint has no memory, and that is not a mistake."""
    spec = parse("handler_defaults: {memory: 1Gi}\n" + TWO + REST)
    assert spec.handlers["c"].memory is None


def test_a_kind_may_have_defaults() -> None:
    """They apply to handlers of that kind, and do not change another handler's kind."""
    spec = parse(
        "handler_defaults: {function: {runtime: python312, entry_point: handle}}\n"
        "handlers: {f: {function: {source: s}}, c: {url: https://a.example}}\n" + REST
    )
    function = spec.handlers["f"].function
    assert function is not None
    assert (function.runtime, function.entry_point) == ("python312", "handle")
    assert spec.handlers["c"].function is None


def test_null_removes_a_default() -> None:
    """The entry returns to Google's default."""
    spec = parse(
        "queue_defaults: {retry_config: {max_attempts: 3, min_backoff: 1s}}\n"
        + TWO.replace("q: {handler: a}", "q: {handler: a, retry_config: null}").replace(
            "r: {handler: b}", "r: {handler: b, retry_config: {min_backoff: null}}"
        )
        + REST
    )
    assert spec.queues["q"].retry_config.max_attempts == 100
    assert spec.queues["r"].retry_config.max_attempts == 3
    assert spec.queues["r"].retry_config.min_backoff == timedelta(milliseconds=100)


def test_null_in_the_base_removes_a_default(project: Project) -> None:
    """Whichever file set it."""
    project.stack("base.yaml", "handler_defaults: {timeout: 10s}\n" + TWO + "labels: {}\n")
    project.stack("middle.yaml", "extends: base.yaml\nhandlers: {a: {timeout: null}}\n")
    project.stack("dev.yaml", "extends: middle.yaml\n" + REST)
    spec = project.load()
    assert spec.handlers["a"].timeout is None
    assert spec.handlers["b"].timeout == timedelta(seconds=10)


def test_a_default_handler() -> None:
    """Every setting of a queue may be a default, including its handler."""
    spec = parse(
        "queue_defaults: {handler: c, protect: false}\n"
        "handlers: {c: {url: https://a.example}}\nqueues: {q: {}, r: {protect: true}}\n" + REST
    )
    assert [(queue.handler, queue.protect) for queue in spec.queues.values()] == [
        ("c", False),
        ("c", True),
    ]


def test_a_mistake_in_defaults_is_reported_once() -> None:
    """With the line and path of the defaults, however many entries inherit it."""
    text = (
        "handler_defaults: {memory: 64Mi, concurrencee: 3}\n"
        "queue_defaults:\n  handler: d\n  rate_limits: {max_concurrent_dispatches: 0}\n"
        "  retry_config: {min_backoff: 2h}\n"
        + TWO.replace("{handler: a}", "{}").replace("{handler: b}", "{}")
    )
    assert said(text + REST) == (
        "spec.yaml:1:20: handler_defaults.memory: `64Mi` is out of range\n"
        "  hint: Cloud Run allows at least `128Mi` and at most `32Gi`\n"
        "spec.yaml:1:34: handler_defaults.concurrencee: unknown key\n"
        "  hint: did you mean `concurrency`?\n"
        "spec.yaml:3:3: queue_defaults.handler: no handler `d`\n"
        "  hint: choose one of `a`, `b`, `c`\n"
        "spec.yaml:4:17: queue_defaults.rate_limits.max_concurrent_dispatches: "
        "Cloud Tasks treats 0 as not set\n"
        "  hint: leave it out, or give `1` or more\n"
        "spec.yaml:5:18: queue_defaults.retry_config.min_backoff: "
        "`2h` is more than `max_backoff`, which is `1h` (the default)\n"
        "  hint: lower it, or set `max_backoff: 2h` or more"
    )


def test_a_mistake_in_unused_defaults_is_reported() -> None:
    """Defaults are checked by themselves."""
    assert said("handler_defaults: {timeout: soon}\nqueue_defaults: {protect: maybe}\n" + REST) == (
        "spec.yaml:1:20: handler_defaults.timeout: `soon` is not a duration\n"
        "  hint: use d, h, m, s and ms, as in `10s` or `1h30m`\n"
        "spec.yaml:2:18: queue_defaults.protect: expected `true` or `false`, found `maybe`\n"
        "  hint: such as `protect: false`"
    )


def test_defaults_must_be_a_map() -> None:
    """A list or a text is reported."""
    assert said("handler_defaults: fast\nqueue_defaults: [a]\n" + REST) == (
        "spec.yaml:1:1: handler_defaults: expected a map, found `fast`\n"
        "  hint: write its entries below `handler_defaults:`, indented\n"
        "spec.yaml:2:1: queue_defaults: expected a map, found a list\n"
        "  hint: write its entries below `queue_defaults:`, indented"
    )


def test_a_wrong_backoff_order_is_reported_at_the_queue() -> None:
    """Right defaults are not blamed for one queue's value."""
    text = (
        "queue_defaults: {retry_config: {min_backoff: 10s}}\n"
        "handlers: {c: {url: https://a.example}}\n"
        "queues:\n  q: {handler: c, retry_config: {max_backoff: 5s}}\n"
    )
    assert said(text + REST) == (
        "spec.yaml:4:34: queues.q.retry_config.max_backoff: "
        "`5s` is less than `min_backoff`, which is `10s`\n"
        "  hint: raise it, or set `min_backoff: 5s` or less"
    )
