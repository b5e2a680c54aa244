"""A handler's folder as a deterministic archive, named by its content."""

from queuewright.packages.archive import Package, package
from queuewright.packages.files import source_files
from queuewright.packages.ignore import is_ignored
from queuewright.packages.runtime import NAME as RUNTIME
from queuewright.packages.runtime import runtime_files, runtime_folder
from queuewright.packages.suspects import Suspect, suspects
from queuewright.packages.trees import Trees, collides, collision, package_files, tree_files

__all__ = [
    "RUNTIME",
    "Package",
    "Suspect",
    "Trees",
    "collides",
    "collision",
    "is_ignored",
    "package",
    "package_files",
    "runtime_files",
    "runtime_folder",
    "source_files",
    "suspects",
    "tree_files",
]
