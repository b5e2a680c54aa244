"""A handler's folder as a deterministic archive, named by its content."""

from queuewright.packages.archive import Package, package
from queuewright.packages.files import source_files
from queuewright.packages.ignore import is_ignored
from queuewright.packages.suspects import Suspect, suspects

__all__ = [
    "Package",
    "Suspect",
    "is_ignored",
    "package",
    "source_files",
    "suspects",
]
