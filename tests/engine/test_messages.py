"""`messages.pyi` agrees with the message descriptors."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from queuewright.engine.protocol import messages

STUB = ast.parse(Path(messages.__file__).with_suffix(".pyi").read_text())
CLASSES = {node.name: node for node in STUB.body if isinstance(node, ast.ClassDef)}
EXPORTED = {name for name, value in vars(messages).items() if hasattr(value, "DESCRIPTOR")}


def test_every_message_has_a_type_and_every_type_a_message() -> None:
    assert {name for name in EXPORTED if not name.endswith("_pb2")} == set(CLASSES)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_type_has_the_fields_of_its_message(name: str) -> None:
    written = {
        node.target.id if isinstance(node, ast.AnnAssign) else node.name  # type: ignore[union-attr]
        for node in CLASSES[name].body
        if isinstance(node, ast.AnnAssign | ast.FunctionDef)
    } - {"__init__"}
    assert written == {field.name for field in getattr(messages, name).DESCRIPTOR.fields}
