"""A file that extends another adds its differences; a mistake is reported where it is written."""

from __future__ import annotations

import pytest

from tests.spec.conftest import Project
from tests.spec.saying import REST

BASE = """\
handlers:
  mailer:
    url: https://a.example/hooks
    headers: {X-A: a, X-B: b}
queues:
  emails:
    handler: mailer
    rate_limits: {max_dispatches_per_second: 5, max_concurrent_dispatches: 2}
    enqueuers: ["user:a@b.example"]
    example: {a: 1, b: null}
  other: {handler: mailer}
"""


def over(project: Project, text: str) -> Project:
    """A project with `base.yaml`, and a `dev.yaml` that extends it."""
    project.stack("base.yaml", BASE)
    project.stack("dev.yaml", f"extends: base.yaml\n{REST}{text}")
    return project


def test_maps_merge_key_by_key(project: Project) -> None:
    """The base's other keys stay."""
    spec = over(
        project,
        "queues: {emails: {rate_limits: {max_dispatches_per_second: 7}}, new: {handler: mailer}}\n",
    ).load()
    limits = spec.queues["emails"].rate_limits
    assert (limits.max_dispatches_per_second, limits.max_concurrent_dispatches) == (7, 2)
    assert list(spec.queues) == ["emails", "other", "new"]


def test_a_list_replaces(project: Project) -> None:
    """It is not appended."""
    spec = over(project, "queues: {emails: {enqueuers: ['user:c@d.example']}}\n").load()
    assert spec.queues["emails"].enqueuers == ("user:c@d.example",)


def test_a_payload_replaces(project: Project) -> None:
    """An example is data: it is not merged, and a null in it removes nothing."""
    spec = over(project, "queues: {emails: {example: {c: null}}}\n").load()
    assert spec.queues["emails"].example == {"c": None}
    assert over(project, "").load().queues["emails"].example == {"a": 1, "b": None}


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("queues: {other: null}\n", lambda spec: "other" not in spec.queues),
        ("queues: null\n", lambda spec: not spec.queues),
        ("queues:\n", lambda spec: not spec.queues),
        (
            "queues: {emails: {rate_limits: null}}\n",
            lambda spec: spec.queues["emails"].rate_limits.max_concurrent_dispatches == 1000,
        ),
        (
            "queues: {emails: {example: null}}\n",
            lambda spec: spec.queues["emails"].example is None,
        ),
        (
            "handlers: {mailer: {headers: {X-A: ~}}}\n",
            lambda spec: spec.handlers["mailer"].headers == {"X-B": "b"},
        ),
        (
            "handlers: {mailer: {url: null, headers: null, service: {image: i}}}\n",
            lambda spec: spec.handlers["mailer"].service.image == "i",
        ),
    ],
    ids=["an entry", "a section", "a bare section", "a map", "a payload", "a name", "a kind"],
)
def test_null_removes(project: Project, text: str, gone: object) -> None:
    """The base's value is gone."""
    assert callable(gone)
    assert gone(over(project, text).load())


def test_a_removed_key_can_be_set_again(project: Project) -> None:
    """In a third file, without the base's old value."""
    project.stack("base.yaml", BASE)
    project.stack("middle.yaml", "extends: base.yaml\nqueues: {emails: {rate_limits: null}}\n")
    project.stack(
        "dev.yaml",
        "extends: middle.yaml\nqueues: {emails: {rate_limits: {max_dispatches_per_second: 3}}}\n"
        + REST,
    )
    limits = project.load().queues["emails"].rate_limits
    assert (limits.max_dispatches_per_second, limits.max_concurrent_dispatches) == (3, 1000)


def test_a_queue_named_example_is_a_queue(project: Project) -> None:
    """Only a queue's payload is data, not other things with this name."""
    project.stack(
        "base.yaml",
        "handlers: {example: {service: {image: i}, env: {A: a, B: b}}}\n"
        "queues: {example: {handler: example, protect: false}}\n",
    )
    project.stack(
        "dev.yaml",
        "extends: base.yaml\nhandlers: {example: {env: {A: null}}}\n"
        "queues: {example: {path: /x, protect: null}}\n" + REST,
    )
    spec = project.load()
    assert spec.handlers["example"].env == {"B": "b"}
    assert (spec.queues["example"].path, spec.queues["example"].protect) == ("/x", True)


def test_a_mistake_is_reported_in_its_file(project: Project) -> None:
    """In the base and the extension, ordered by file and line."""
    project.stack("base.yaml", BASE.replace("max_dispatches_per_second: 5", "max_rate: 5"))
    project.stack("dev.yaml", f"extends: base.yaml\n{REST}queues: {{emails: {{protect: 1}}}}\n")
    assert project.said() == (
        "stacks/base.yaml:8:19: queues.emails.rate_limits.max_rate: unknown key\n"
        "  hint: choose one of `max_concurrent_dispatches`, `max_dispatches_per_second`\n"
        "stacks/dev.yaml:4:19: queues.emails.protect: expected `true` or `false`, found `1`\n"
        "  hint: write `protect: true`"
    )


def test_the_backoff_order_is_checked_across_files(project: Project) -> None:
    """The mistake is the value of the extension, whichever bound it is."""
    project.stack(
        "base.yaml",
        BASE.replace("  other: {handler: mailer}\n", "")
        + "  other:\n    handler: mailer\n    retry_config: {min_backoff: 10s}\n",
    )
    project.stack(
        "dev.yaml",
        f"extends: base.yaml\n{REST}queues:\n  other: {{retry_config: {{max_backoff: 5s}}}}\n",
    )
    assert project.said() == (
        "stacks/dev.yaml:5:26: queues.other.retry_config.max_backoff: "
        "`5s` is less than `min_backoff`, which is `10s`\n"
        "  hint: raise it, or set `min_backoff: 5s` or less"
    )


@pytest.mark.parametrize(
    ("extends", "saying"),
    [
        ("bsae.yaml", "no file `bsae.yaml`\n  hint: did you mean `base.yaml`?"),
        (
            "../base.yaml",
            "no file `../base.yaml`\n  hint: the path is relative to this file's folder",
        ),
        ("sub", "`sub` is a folder\n  hint: name a file, as in `extends: base.yaml`"),
        ("loop.yaml", "no file `loop.yaml`\n  hint: did you mean `other.yaml`?"),
        (
            "'a\\0b'".replace("'", '"'),
            'no file `"a\\u0000b"`\n  hint: choose one of `base.yaml`, `other.yaml`',
        ),
        (
            "dev.yaml",
            "is a cycle: dev.yaml → dev.yaml\n  hint: remove one `extends` of the cycle",
        ),
        (
            "other.yaml",
            "is a cycle: dev.yaml → other.yaml → dev.yaml\n"
            "  hint: remove one `extends` of the cycle",
        ),
        ("7", 'expected text, found `7`\n  hint: write it in quotes: `"7"`'),
        ("[base.yaml]", "expected text, found a list\n  hint: such as `extends: base.yaml`"),
        ("''", "is empty\n  hint: such as `extends: base.yaml`"),
    ],
)
def test_a_base_must_be_a_file(project: Project, extends: str, saying: str) -> None:
    """It exists, is readable, and does not form a cycle."""
    project.stack("base.yaml", BASE)
    project.stack("other.yaml", "extends: dev.yaml\n")
    project.stack("dev.yaml", f"extends: {extends}\n{REST}")
    (project.root / "stacks" / "sub").mkdir()
    (project.root / "stacks" / "loop.yaml").symlink_to("loop.yaml")
    where = "other.yaml" if extends == "other.yaml" else "dev.yaml"
    assert project.said() == f"stacks/{where}:1:1: extends: {saying}"


def test_an_unreadable_base_hides_no_other_problem(project: Project) -> None:
    """Other problems of the extension are reported; missing keys that the base may have are not."""
    project.stack("base.yaml", "queues: [\n")
    project.stack(
        "dev.yaml",
        "extends: base.yaml\nprojct: acme\nqueues:\n  emails: {protect: 1}\n"
        "handlers: {mailer: {memory: 1}}\n",
    )
    assert project.said() == (
        "stacks/base.yaml:1:10: $: not YAML: expected the node content, but found '<stream end>'\n"
        "  hint: is the indentation right, and is every quote closed?\n"
        "stacks/dev.yaml:2:1: projct: unknown key\n"
        "  hint: did you mean `project`?\n"
        "stacks/dev.yaml:4:12: queues.emails.protect: expected `true` or `false`, found `1`\n"
        "  hint: write `protect: true`\n"
        "stacks/dev.yaml:5:21: handlers.mailer.memory: `1` is not a size\n"
        "  hint: write `1Mi` or `1Gi`"
    )


def test_a_base_may_be_a_path(project: Project) -> None:
    """Relative to the file that extends it."""
    project.write("shared/base.yaml", BASE)
    project.stack("dev.yaml", f"extends: ../shared/base.yaml\n{REST}")
    assert list(project.load().queues) == ["emails", "other"]


def test_a_queue_of_the_base_is_renamed_with_null(project: Project) -> None:
    """The old entry is in the base, and null removes it."""
    renamed = "queues:\n  letters: {handler: mailer, renamed_from: emails}\n"
    assert over(project, renamed).said() == (
        "stacks/dev.yaml:5:30: queues.letters.renamed_from: queue `emails` still exists\n"
        "  hint: write `emails: null`; or remove this, which makes `letters` a new queue"
    )
    spec = over(project, f"{renamed}  emails: null\n").load()
    assert spec.queues["letters"].renamed_from == ("emails",)
    assert list(spec.queues) == ["other", "letters"]
