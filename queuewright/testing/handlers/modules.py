"""The modules of a handler's folder, kept apart from those of other handlers and of the tests.

Two handlers may both have a `main.py`, as each has an interpreter of its own in the cloud. Here
they share one, so a handler's modules are in `sys.modules` only while its code runs.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType


class HandlerModules:
    """The modules that one handler has imported from its folders.

    Args:
        folders: the folders of its own code, where it looks first.
        libraries: folders that it looks through after all others, and whose modules are shared.
    """

    def __init__(self, folders: Sequence[Path], libraries: Sequence[Path] = ()) -> None:
        self._folders = tuple(map(str, folders))
        self._libraries = tuple(map(str, libraries))
        self._names = sorted({name for folder in folders for name in _names(folder)})
        self._modules: dict[str, ModuleType] = {}

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make them importable, instead of others with the same names, until the block ends."""
        path = sys.path[:]
        hidden = _taken(self._names)
        sys.modules.update(self._modules)
        sys.path[:] = [*self._folders, *path, *self._libraries]
        try:
            yield
        finally:
            self._modules = _taken(self._names)
            sys.modules.update(hidden)
            sys.path[:] = path

    def imported(self, name: str) -> ModuleType:
        """Import one of them, while they are active.

        Raises:
            ImportError: there is none of this name.
        """
        importlib.invalidate_caches()
        return importlib.import_module(name)


def _names(folder: Path) -> Iterator[str]:
    """The names of the modules that are in a folder, without those in its folders."""
    for entry in folder.iterdir():
        if entry.suffix == ".py" and entry.is_file():
            yield entry.stem
        elif entry.name.isidentifier() and entry.is_dir() and _has_modules(entry):
            yield entry.name


def _has_modules(folder: Path) -> bool:
    """Whether a folder is a package: with modules, or folders that are packages."""
    return any(
        entry.suffix == ".py" or (entry.is_dir() and _has_modules(entry))
        for entry in folder.iterdir()
        if entry.name.partition(".")[0].isidentifier() and entry.name != "__pycache__"
    )


def _taken(names: Sequence[str]) -> dict[str, ModuleType]:
    """Take modules and what is in them out of `sys.modules`, and return them."""
    taken: dict[str, ModuleType] = {}
    for name in names:
        if name not in sys.modules:
            continue
        if hasattr(sys.modules[name], "__path__"):
            inside = [other for other in sys.modules if other.startswith(f"{name}.")]
            taken.update((other, sys.modules.pop(other)) for other in inside)
        taken[name] = sys.modules.pop(name)
    return taken
