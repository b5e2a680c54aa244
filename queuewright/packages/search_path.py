"""Finds where Python code adds a folder outside of its package to `sys.path`.

Such a folder exists on this machine and is not deployed. Code is read, not run: an expression that
cannot be followed is taken to be right.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_SAME = frozenset({"abspath", "realpath", "normpath", "resolve", "absolute", "as_posix"})
_PATHS = frozenset({"Path", "PurePath", "PosixPath", "PurePosixPath", "str", "fspath"})


@dataclass(frozen=True)
class Escape:
    """A line that adds a folder outside of the package to the search path."""

    path: PurePosixPath
    """The file, relative to the folder."""
    line: int
    leads_to: Path
    """The real folder that it adds."""


def escapes(folder: Path, files: Iterable[PurePosixPath]) -> list[Escape]:
    """The lines in a source's Python files that add a folder outside of `folder` to `sys.path`.

    Args:
        folder: the handler's folder.
        files: its source, relative to it.
    """
    found = []
    for path in sorted(files):
        if path.suffix != ".py":
            continue
        try:
            text = (folder / path).read_bytes()
            tree = ast.parse(text) if b"sys.path" in text else None
        except (OSError, SyntaxError, ValueError):
            continue  # Python itself reports it
        if tree is not None:
            found += [
                Escape(path, line, leads_to)
                for line, leads_to in _Reader(folder.resolve(), path).added(tree)
                if not leads_to.is_relative_to(folder.resolve())
            ]
    return found


class _Reader:
    """Follows the expressions of one file, which runs in `folder`."""

    def __init__(self, folder: Path, path: PurePosixPath) -> None:
        self._folder = folder
        self._file = folder / path
        self._known: dict[str, Path] = {}

    def added(self, tree: ast.AST) -> Iterator[tuple[int, Path]]:
        """Each folder that is added to `sys.path`, with its line."""
        for node in ast.walk(tree):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    if (path := self._path(value)) is not None:
                        self._known[name] = path
        for node in ast.walk(tree):
            match node:
                case ast.Call(
                    func=ast.Attribute(
                        value=ast.Attribute(value=ast.Name(id="sys"), attr="path"),
                        attr="append" | "insert",
                    ),
                    args=[*_, value],
                ):
                    if (path := self._path(value)) is not None:
                        yield node.lineno, path

    def _path(self, node: ast.expr) -> Path | None:
        """The path that an expression stands for; None if that is not known."""
        match node:
            case ast.Constant(value=str(text)):
                return self._joined(self._folder, text)
            case ast.Name(id="__file__"):
                return self._file
            case ast.Name(id=name):
                return self._known.get(name)
            case ast.Attribute(value=inner, attr="parent"):
                return self._above(inner, 1)
            case ast.Subscript(
                value=ast.Attribute(value=inner, attr="parents"),
                slice=ast.Constant(value=int(steps)),
            ):
                return self._above(inner, steps + 1)
            case ast.BinOp(left=left, op=ast.Div(), right=ast.Constant(value=str(text))):
                base = self._path(left)
                return self._joined(base, text) if base is not None else None
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=arguments):
                return self._called(node, name, arguments)
        return None

    def _called(self, call: ast.Call, name: str, arguments: list[ast.expr]) -> Path | None:
        if name in ("cwd", "getcwd"):
            return self._folder
        if name == "dirname" and len(arguments) == 1:
            return self._above(arguments[0], 1)
        if name in ("join", "joinpath", *_PATHS) and arguments:
            first, rest = arguments[0], arguments[1:]
            if name == "joinpath" and isinstance(call.func, ast.Attribute):
                first, rest = call.func.value, arguments
            base = self._path(first)
            for each in rest:
                if base is None or not isinstance(each, ast.Constant):
                    return None
                base = self._joined(base, str(each.value))
            return base
        if name in _SAME:
            if arguments:
                return self._path(arguments[0])
            return self._path(call.func.value) if isinstance(call.func, ast.Attribute) else None
        return None

    def _above(self, node: ast.expr, steps: int) -> Path | None:
        path = self._path(node)
        if path is None or steps < 1:
            return None
        return path.parents[min(steps, len(path.parents)) - 1] if path.parents else path

    def _joined(self, base: Path, text: str) -> Path:
        # Not `resolve`: a link is followed by the code only after it has counted its folders.
        return Path(os.path.normpath(base / text))
