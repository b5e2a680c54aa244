"""A handler's folder as a deterministic archive, named by what is in it."""

from queuewright.packages.archive import Package, package
from queuewright.packages.files import is_ignored, source_files

__all__ = ["Package", "is_ignored", "package", "source_files"]
