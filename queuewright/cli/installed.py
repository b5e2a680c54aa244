"""How to install the queuewright that runs here somewhere else."""

from __future__ import annotations

import json
from importlib.metadata import Distribution, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

NAME = "queuewright"


def requirement(extra: str, found: Distribution | None = None) -> str:
    """The line of a requirements file that installs what runs here, with an extra.

    A clone, a wheel or a repository is named by its URL, as pip has recorded it
    (https://packaging.python.org/en/latest/specifications/direct-url/); what came from an index,
    or from a file that is gone, by its version.

    Args:
        extra: such as `deploy`.
        found: the installation. Default: this one.
    """
    found = found or distribution(NAME)
    origin = _origin(found.read_text("direct_url.json"))
    name = f"{NAME}[{extra}]"
    return f"{name} @ {origin}" if origin else f"{name}=={found.version}"


def _origin(recorded: str | None) -> str | None:
    """The URL of a `direct_url.json`, as a requirement has it; None if it leads nowhere."""
    if recorded is None:
        return None
    told = json.loads(recorded)
    url: str = told["url"]
    parts = urlsplit(url)
    if parts.scheme == "file" and not Path(unquote(parts.path)).exists():
        return None
    if vcs := told.get("vcs_info"):
        url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    subdirectory = told.get("subdirectory")
    return f"{url}#subdirectory={subdirectory}" if subdirectory else url
