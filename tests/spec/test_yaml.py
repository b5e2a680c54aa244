"""Text that is not YAML, or harmful YAML, is refused in plain words; other YAML is read."""

from __future__ import annotations

import tracemalloc

import pytest

from queuewright.spec import parse
from queuewright.spec.document import MOST_FROM_ALIASES
from tests.spec.saying import REST, said

EMPTY = """\
spec.yaml:1:1: $: the file is empty
  hint: start with `project: my-project` and `location: europe-west1`"""
NO_MAP = """\
spec.yaml:1:1: $: the file is not a map
  hint: write keys such as `queues:` at the left edge"""
HANDLER = "handlers: {m: {url: https://a.example}}\n"
TOO_DEEP = "nested more than 100 levels deep\n  hint: is a bracket never closed?"


@pytest.mark.parametrize("text", ["", "# nothing\n", "  \n\n", "---\n", "null\n", "\ufeff"])
def test_a_file_without_content_is_empty(text: str) -> None:
    """Comments, whitespace and document markers are not content."""
    assert said(text) == EMPTY


@pytest.mark.parametrize("text", ["- a\n- b\n", "hello\n", "3\n", "[]\n"])
def test_a_file_must_be_a_map(text: str) -> None:
    """A list, a text, a number or null at the top is not a spec."""
    assert said(text) == NO_MAP


@pytest.mark.parametrize(
    ("text", "saying"),
    [
        ("labels: {a: b\x00}\n", "spec.yaml:1:14: $: the character U+0000"),
        ("labels: {a: b\x7f}\n", "spec.yaml:1:14: $: the character U+007F"),
        ("labels:\r\n  a: \x1b[0m\r\n", "spec.yaml:2:6: $: the character U+001B"),
        ("labels:\r  a: \x07\r", "spec.yaml:2:6: $: the character U+0007"),
        ("a: \ud800\n", "spec.yaml:1:4: $: the character U+D800"),
    ],
    ids=["NUL", "DEL", "ESC", "BEL", "half a surrogate"],
)
def test_a_control_character_is_reported_by_number(text: str, saying: str) -> None:
    """It is invisible, so the problem has its place and its number."""
    assert said(text) == f"{saying}, which YAML forbids\n  hint: delete it"


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 10_000,
        "a: " + "{b: " * 10_000,
        "".join("  " * level + "a:\n" for level in range(1_000)),
        "a: " + "[" * 10_000 + "]" * 10_000,
    ],
    ids=["brackets", "braces", "indentation", "closed brackets"],
)
def test_nesting_is_limited(text: str) -> None:
    """Ten thousand levels are refused at the hundredth."""
    assert said(text).endswith(TOO_DEEP)
    assert said(text).count("\n") == 1


def test_a_payload_may_be_deeply_nested() -> None:
    """Ninety levels of an `example` are read and kept."""
    deep = "[" * 90 + "]" * 90
    text = f"queues: {{e: {{handler: m, example: {deep}}}}}\n"
    value = parse(HANDLER + text + REST).queues["e"].example
    for _ in range(89):
        assert isinstance(value, list)
        value = value[0]
    assert value == []


def test_a_billion_laughs_are_refused() -> None:
    """Ten lines that expand to ten billion values take almost no time."""
    lines = ["labels:", "  a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 10):
        aliases = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"  a{level}: &a{level} [{aliases}]")
    tracemalloc.start()
    saying = said("\n".join(lines) + "\n" + REST)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    problem, hint = saying.splitlines()
    assert problem.endswith(f"the file's aliases expand to more than {MOST_FROM_ALIASES:,} values")
    assert hint == "  hint: write the values out"
    assert most < 50_000_000


def test_anchors_and_aliases_are_supported() -> None:
    """An alias may be used several times."""
    spec = parse(
        """\
project: acme-dev
location: europe-west1
handlers: {m: {url: https://a.example}}
queues:
  a: {handler: m, rate_limits: &slow {max_dispatches_per_second: 2}}
  b: {handler: m, rate_limits: *slow}
"""
    )
    assert spec.queues["a"].rate_limits == spec.queues["b"].rate_limits
    assert spec.queues["b"].rate_limits.max_dispatches_per_second == 2


def test_a_mistake_in_an_alias_is_reported_at_its_anchor() -> None:
    """Once, with its first path."""
    text = """\
handlers: {m: {url: https://a.example}}
queues:
  a: {handler: m, rate_limits: &slow {max_dispatches_per_second: 501}}
  b: {handler: m, rate_limits: *slow}
"""
    places = [line for line in said(text + REST).splitlines() if line.startswith("spec.yaml")]
    assert [place.partition(": `")[0] for place in places] == [
        "spec.yaml:3:39: queues.a.rate_limits.max_dispatches_per_second",
        "spec.yaml:3:39: queues.b.rate_limits.max_dispatches_per_second",
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z"),
        ("08", "08"),
        ("1e2", "1e2"),
        ('"yes"', "yes"),
        ("'007'", "007"),
        ("größe", "größe"),
        ("🦆", "🦆"),
        ("!!str 7", "7"),
        ("''", ""),
        ("'{{ no template }}'", "{{ no template }}"),
        ("$HOME", "$HOME"),
        ("|\n        a\n        b", "a\nb"),
    ],
)
def test_text_is_text(written: str, meant: str) -> None:
    """A date, a number of another YAML and a quoted word are kept as they stand."""
    spec = parse(
        f"handlers:\n  h:\n    service: {{image: i}}\n    env:\n      A: {written}\n{REST}"
    )
    assert spec.handlers["h"].env["A"].rstrip("\n") == meant


@pytest.mark.parametrize("key", ["yes", "no", "on", "off", "null", "true", "y"])
def test_a_key_is_the_text_that_stands_there(key: str) -> None:
    """Where YAML would take a key for a truth or for nothing, it is a name all the same."""
    assert list(parse(f"labels: {{{key}: x}}\n{REST}").labels) == [key]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_will_do(end: str) -> None:
    """Unix, Windows and old Macintosh; lines are counted alike."""
    text = "labels:\n  a: x\n  b: 7\n" + REST
    assert said(text.replace("\n", end)).startswith("spec.yaml:3:3: labels.b: ")


def test_a_byte_order_mark_is_passed_over() -> None:
    """It is no part of the first key."""
    assert parse("\ufeff" + REST).project == "acme-dev"


def test_a_very_long_value_is_not_repeated_whole() -> None:
    """Sixty characters tell which one it is."""
    line = said("labels: {a: " + "x" * 100_000 + "}\n" + REST).splitlines()[0]
    assert len(line) < 150


def test_very_large_headers_and_variables_are_refused() -> None:
    """Cloud Tasks takes 80 KiB of headers, Cloud Run 32 KiB of one variable."""
    large = f"""\
handlers:
  a: {{url: https://a.example, headers: {{X-A: {"x" * 81_920}}}}}
  b: {{service: {{image: i}}, env: {{B: {"x" * 32_769}}}}}
"""
    assert said(large + REST) == (
        "spec.yaml:2:31: handlers.a.headers: the headers have 81,923 bytes\n"
        "  hint: Cloud Tasks allows less than 81,920\n"
        "spec.yaml:3:34: handlers.b.env.B: the value is longer than 32 KiB\n"
        "  hint: Cloud Run allows 32 KiB; put the value into a file or Secret Manager"
    )


def test_a_large_stack_is_read() -> None:
    """A thousand queues, each with settings of its own."""
    queues = "".join(
        f"  q{number}:\n    handler: m\n    rate_limits: {{max_dispatches_per_second: 5}}\n"
        for number in range(1000)
    )
    assert len(parse(f"{HANDLER}queues:\n{queues}{REST}").queues) == 1000
