"""The blueprint, the graph and the doctor are used through their front doors."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOORS = {
    "queuewright.blueprint": ("queuewright.blueprint", "queuewright.blueprint.explain"),
    "queuewright.graph": ("queuewright.graph", "queuewright.testing"),
    "queuewright.doctor": ("queuewright.doctor",),
}


def imports(file: Path, room: str) -> Iterator[tuple[str, str]]:
    """Module and name of everything that a file imports from a room."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and not node.level:
            module = node.module or ""
            if f"{module}.".startswith(f"{room}."):
                yield from ((module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith(f"{room}."):
                    yield alias.name, ""


@pytest.mark.parametrize("room", DOORS)
def test_neighbours_come_in_by_the_front_door(room: str) -> None:
    """Other folders import the names in `__all__` of the package itself."""
    inside = ROOT / room.replace(".", "/")
    folders = [ROOT / name for name in ("queuewright", "components", "bench", "handlers")]
    files = [file for folder in folders for file in folder.rglob("*.py")]
    around = [
        f"{file.relative_to(ROOT)}: {module}.{name}"
        for file in [*files, ROOT / "__main__.py"]
        if not file.is_relative_to(inside)
        for module, name in imports(file, room)
        if module not in DOORS[room] or name not in importlib.import_module(module).__all__
    ]
    assert around == []
