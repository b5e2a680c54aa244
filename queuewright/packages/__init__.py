"""A handler's folder as a deterministic archive, named by its content."""

from queuewright.packages.archive import Package, package
from queuewright.packages.files import source_files
from queuewright.packages.ignore import is_ignored
from queuewright.packages.runtime import NAME as RUNTIME
from queuewright.packages.runtime import runtime_files, runtime_folder
from queuewright.packages.suspects import Suspect, suspects

__all__ = [
    "RUNTIME",
    "Package",
    "Suspect",
    "is_ignored",
    "package",
    "runtime_files",
    "runtime_folder",
    "source_files",
    "suspects",
]
