"""Makes included code importable: for each handler, a folder of links to what it includes.

The folder is on the handler's `PYTHONPATH`. Nothing but what is deployed beside the handler can be
imported from there, as on Google Cloud.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class IncludedCode:
    """The folders of links, in a folder of the environment's state."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def search_path(self, handler: str, beside: Mapping[str, Path]) -> Path | None:
        """Return the folder that has a link to each path of `beside`, under its name.

        The links of a handler that runs already are changed in place.

        Args:
            handler: its key.
            beside: what it includes, by name. If it is empty, there is no folder.
        """
        folder = (self._folder / handler).absolute()
        if folder.is_dir():
            for link in folder.iterdir():
                if link.is_symlink() and link.name not in beside:
                    link.unlink()
        if not beside:
            return None
        folder.mkdir(parents=True, exist_ok=True)
        for name, path in beside.items():
            link, target = folder / name, path.resolve()
            if link.is_symlink() and link.readlink() == target:
                continue
            link.unlink(missing_ok=True)
            link.symlink_to(target)
        return folder
