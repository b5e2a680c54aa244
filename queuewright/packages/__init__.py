"""A handler's folder as a deterministic archive, named by its content."""

from queuewright.packages.archive import Package, package
from queuewright.packages.files import source_files
from queuewright.packages.ignore import is_ignored
from queuewright.packages.runtime import NAME as RUNTIME
from queuewright.packages.runtime import runtime_files, runtime_folder
from queuewright.packages.search_path import Escape, escapes
from queuewright.packages.suspects import Suspect, suspects
from queuewright.packages.trees import (
    Trees,
    collides,
    collision,
    included,
    package_files,
    tree_files,
)

__all__ = [
    "RUNTIME",
    "Escape",
    "Package",
    "Suspect",
    "Trees",
    "collides",
    "collision",
    "escapes",
    "included",
    "is_ignored",
    "package",
    "package_files",
    "runtime_files",
    "runtime_folder",
    "source_files",
    "suspects",
    "tree_files",
]
