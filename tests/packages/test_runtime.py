"""The library in a package: all of it and nothing else of ours, and only where it is asked for."""

from __future__ import annotations

import ast
import sys
import zipfile
from pathlib import Path

import pytest

from queuewright.packages import package, runtime_files


@pytest.fixture
def mailer(tmp_path: Path) -> Path:
    """A handler's folder."""
    folder = tmp_path / "mailer"
    (folder / "templates").mkdir(parents=True)
    (tmp_path / "Pulumi.yaml").write_text("name: x\n")
    (folder / "main.py").write_text("def handle(request):\n    return 'sent'\n")
    (folder / "templates" / "plain.txt").write_text("Hello\n")
    return folder


def test_a_package_without_it_is_what_it_was_before_there_was_any(
    mailer: Path, tmp_path: Path
) -> None:
    """Byte for byte: this is its digest at commit 8984500. So no handler is deployed again."""
    assert package(mailer, into=tmp_path / "out", name="mailer").digest == "6b50c45545bbf907"


def test_with_it_a_package_has_the_library_and_the_handlers_files(
    mailer: Path, tmp_path: Path
) -> None:
    """Each where Python finds it."""
    made = package(mailer, into=tmp_path / "out", name="mailer", vendored=runtime_files())
    names = set(zipfile.ZipFile(made.path).namelist())
    ours = {name for name in names if name.startswith("queuewright_runtime/")}
    assert names - ours == {"main.py", "templates/plain.txt"}
    assert {f"queuewright_runtime/{each}.py" for each in ("__init__", "wrapped_function")} < ours
    assert ours == set(map(str, runtime_files()))


def test_the_library_needs_the_standard_library_alone() -> None:
    """Others are imported where they are used, and only if the handler has them."""
    known = {*sys.stdlib_module_names, "queuewright_runtime"}
    imported = {
        name.partition(".")[0]
        for file in runtime_files().values()
        if file.suffix == ".py"
        for node in ast.parse(file.read_text("utf-8")).body
        for name in _names(node)
    }
    assert imported <= known


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []
