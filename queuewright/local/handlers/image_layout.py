"""Finds the files of an image on this machine: its Dockerfile says where it copies them from."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from queuewright.local.handlers.dockerfile import ContainerProcess


@dataclass(frozen=True)
class ImageLayout:
    """Where the files of an image are on this machine.

    Attributes:
        process: what the Dockerfile says.
        context: the folder that its image is built from.
        source: the folder of the handler's code, in the context.
    """

    process: ContainerProcess
    context: Path
    source: Path

    def working_folder(self, argv: tuple[str, ...]) -> Path:
        """The folder here that stands for the image's working directory.

        If folders are put together there, it is the one with the program that `argv` names.
        """
        found = dict.fromkeys(self._origins(self.process.workdir))
        ordered = sorted(found, key=lambda folder: (folder != self.source, folder != self.context))
        names = list(_names(argv))
        for folder in ordered:
            if any((folder / name).exists() for name in names):
                return folder
        return next(iter(ordered), self.source)

    def beside(self, folder: Path) -> dict[str, Path]:
        """What the image has in its working directory from elsewhere than `folder`, by name."""
        found: dict[str, Path] = {}
        for to, origin in self._copied():
            if to.parent == self.process.workdir:
                found[to.name] = origin
            elif to == self.process.workdir and origin.is_dir() and origin != folder:
                found |= {each.name: each for each in sorted(origin.iterdir())}
        return {
            name: origin
            for name, origin in found.items()
            if not name.startswith(".") and not (folder / name).exists()
        }

    def search_path(self, value: str) -> str:
        """A `PYTHONPATH` of the image with folders of this machine."""
        return ":".join(self._here(entry) for entry in value.split(":"))

    def _here(self, entry: str) -> str:
        if not entry.startswith("/"):
            return entry
        origins = self._origins(PurePosixPath(entry))
        return next((str(each) for each in origins), entry)

    def _origins(self, folder: PurePosixPath) -> Iterator[Path]:
        """The folders here whose files are in this folder of the image.

        First those that are copied, then those of which a part is, at the same path below them.
        """
        copied = list(self._copied())
        for to, origin in copied:
            if origin.is_dir() and folder.is_relative_to(to):
                inner = origin / folder.relative_to(to)
                if inner.is_dir():
                    yield inner
        for to, origin in copied:
            if to != folder and to.is_relative_to(folder):
                below = to.relative_to(folder).parts
                if origin.parts[-len(below) :] == below:
                    yield Path(*origin.parts[: -len(below)])

    def _copied(self) -> Iterator[tuple[PurePosixPath, Path]]:
        """Each folder and file with its path in the image; of a folder, its content is there."""
        for copy in self.process.copies:
            for source in copy.sources:
                for origin in self._matches(source):
                    is_file_in_folder = copy.is_folder and origin.is_file()
                    yield (copy.to / origin.name if is_file_in_folder else copy.to), origin

    def _matches(self, source: str) -> list[Path]:
        pattern = source.lstrip("/")
        if "://" in source or ".." in PurePosixPath(pattern).parts:
            return []
        if not set("*?[") & set(pattern):
            path = self.context / pattern
            return [path] if path.exists() else []
        return sorted(self.context.glob(pattern))


def _names(argv: tuple[str, ...]) -> Iterator[str]:
    """The files that a command may start: `main.py`, or `app.py` of `app:application`."""
    for word in argv:
        try:
            words = shlex.split(word)
        except ValueError:
            continue
        for each in words:
            if each.startswith(("-", "/", "$")):
                continue
            yield each
            module = each.partition(":")[0].replace(".", "/")
            yield f"{module}.py"
            yield module
