"""A queue's `payload`: the JSON schema's file, and the example that must fit it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from queuewright.spec import payload_errors, read_schema
from tests.spec.conftest import Project
from tests.spec.saying import REST

SCHEMA = {
    "type": "object",
    "properties": {"to": {"type": "string"}, "cc": {"type": "array", "items": {"type": "string"}}},
    "required": ["to"],
    "additionalProperties": False,
}
STACK = f"""\
{REST}handlers: {{mailer: {{service: {{image: i}}}}}}
queues:
  emails:
    handler: mailer
    payload: schemas/email.schema.json
    example: {{to: ada@example.com, cc: [bob@example.com]}}
"""


@pytest.fixture
def shop(project: Project) -> Project:
    project.stack("dev.yaml", STACK)
    project.write("schemas/email.schema.json", json.dumps(SCHEMA))
    return project


def test_a_schema_is_found_and_the_example_fits(shop: Project) -> None:
    """The spec keeps the path; the file is read by whoever needs it."""
    assert shop.load().queues["emails"].payload == "schemas/email.schema.json"
    assert read_schema("schemas/email.schema.json", shop.root) == SCHEMA


def test_each_mistake_in_an_example_is_reported_at_its_line(shop: Project) -> None:
    shop.stack(
        "dev.yaml",
        STACK.replace(
            "{to: ada@example.com, cc: [bob@example.com]}", "\n      to: 7\n      cc: [1]"
        ),
    )
    assert shop.said() == (
        "stacks/dev.yaml:9:7: queues.emails.example.to: 7 is not of type 'string'\n"
        "  hint: write an example that fits `schemas/email.schema.json`\n"
        "stacks/dev.yaml:10:12: queues.emails.example.cc[0]: 1 is not of type 'string'\n"
        "  hint: write an example that fits `schemas/email.schema.json`"
    )


def test_a_pull_queue_has_a_payload_too(shop: Project) -> None:
    text = STACK.replace("handler: mailer\n", "pull: {}\n").replace("{to: ada@example.com,", "{")
    shop.stack("dev.yaml", text)
    assert "queues.emails.example: 'to' is a required property" in shop.said()


def test_the_schema_of_the_defaults_counts(shop: Project) -> None:
    text = STACK.replace("    payload: schemas/email.schema.json\n", "").replace("{to:", "{too:")
    shop.stack("dev.yaml", text + "queue_defaults: {payload: schemas/email.schema.json}\n")
    assert "'to' is a required property" in shop.said()


@pytest.mark.parametrize(
    ("path", "message", "hint"),
    [
        (
            "schemas/emial.schema.json",
            "does not exist",
            "did you mean `schemas/email.schema.json`?",
        ),
        ("other.json", "does not exist", "the path is relative to the project's folder"),
        ("schemas", "is a folder", "name the file of the schema"),
        ("../x.json", "not a path inside the project", "as in `schemas/email.schema.json`"),
    ],
)
def test_a_path_that_names_no_schema_says_so(
    shop: Project, path: str, message: str, hint: str
) -> None:
    shop.stack("dev.yaml", STACK.replace("payload: schemas/email.schema.json", f"payload: {path}"))
    said = shop.said()
    assert said.startswith("stacks/dev.yaml:7:5: queues.emails.payload: ")
    assert message in said
    assert hint in said
    assert len(said.splitlines()) == 2


def test_a_link_that_leads_out_of_the_project_is_refused(shop: Project) -> None:
    outside = shop.root.parent / f"{shop.root.name}.json"
    outside.write_text("{}")
    (shop.root / "link.json").symlink_to(outside)
    shop.stack("dev.yaml", STACK.replace("schemas/email.schema.json", "link.json"))
    assert "leads out of the project" in shop.said()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{\n  "type": object}', "schemas/email.schema.json:2:11: $: not JSON: expecting value"),
        ("[]", "schemas/email.schema.json:1:1: $: not a JSON schema"),
        ('{"type": "objekt"}', "1:1: $: not a JSON schema: type: 'objekt' is not valid"),
        (
            '{"$ref": "https://a.example/s.json"}',
            "`https://a.example/s.json` leads out",
        ),
        ('{"properties": {"to": {"$ref": "to.json"}}}', "the reference `to.json` leads out"),
        ('{"$ref": "#/$defs/none"}', "the reference `#/$defs/none` leads to nothing"),
        (
            '{"properties": {"cc": {"$ref": "#/$defs/none"}}}',
            "the reference `#/$defs/none` leads to nothing",
        ),
        ('{"properties": {"cc": {"$ref": "#/type/x"}}, "type": "object"}', "leads to nothing"),
        (
            '{"properties": {"cc": {"$ref": "#/required/x"}}, "required": ["to"]}',
            "leads to nothing",
        ),
        ('{"properties": {"cc": {"$ref": "#none"}}}', "the reference `#none` leads to nothing"),
    ],
)
def test_a_file_that_is_no_schema_says_why(shop: Project, text: str, said: str) -> None:
    shop.write("schemas/email.schema.json", text)
    assert said in shop.said()
    assert "  hint: " in shop.said()


@pytest.mark.parametrize(
    "text",
    [
        '{"properties": {"cc": {"$ref": "#"}}}',
        '{"$defs": {"a": {"$anchor": "address"}}, "properties": {"cc": {"$ref": "#address"}}}',
        '{"$id": "https://a.example/s", "$defs": {"a": {}}, "properties": '
        '{"cc": {"$ref": "#/$defs/a"}}}',
        '{"$defs": {"a": {"$id": "a", "$defs": {"b": {}}, "properties": '
        '{"b": {"$ref": "#/$defs/b"}}}}}',
        '{"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": '
        '{"$id": "#address"}}, "properties": {"cc": {"$ref": "#address"}}}',
    ],
)
def test_references_inside_the_file_are_fine(shop: Project, text: str) -> None:
    shop.write("schemas/email.schema.json", text)
    assert "leads to nothing" not in shop.said()


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a schema refers to, no network is used."""

    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("a request")

    monkeypatch.setattr("urllib.request.urlopen", fail)
    ((path, message),) = payload_errors({"$ref": "https://a.example/s.json"}, {})
    assert path == ()
    assert "reference to nothing" in message


def test_a_long_value_is_cut_in_messages() -> None:
    ((_, message),) = payload_errors({"type": "integer"}, "x" * 1000)
    assert len(message) == 200


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ('{"$ref": "#"}', "the schema refers to itself without end"),
        ('{"not":' * 3_000 + "{}" + "}" * 3_000, "$: nested too deep"),
        ('{"maximum": ' + "9" * 5_000 + "}", "$: cannot be read: "),
    ],
)
def test_a_schema_that_cannot_be_followed_is_a_problem(
    shop: Project, schema: str, said: str
) -> None:
    """Not an error of ours."""
    shop.write("schemas/email.schema.json", schema)
    assert said in shop.said()
