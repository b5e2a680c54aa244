"""The project of `docs/guides/own-program.md`, built from the page's fences."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import components

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "own-program.md"
FENCES = [
    text for _, text in re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
]
PLACE = {"gcp:project": "acme-dev", "gcp:region": "europe-west1"}
READY = 'ImageSource("europe-docker.pkg.dev/acme-images/apps/thumbnails:1")'


def shown(name: str) -> str:
    """The fence that starts with this name as a comment."""
    (text,) = (text for text in FENCES if text.startswith(f"# {name}\n"))
    return text


def other_sources() -> dict[str, str]:
    """Name to expression of the page's sources other than an image."""
    (text,) = (text for text in FENCES if "as_it_is = " in text)
    return dict(re.findall(r"^(\w+) = (.+)$", text, re.M))


def own_program(
    folder: Path,
    *,
    continued: bool = False,
    source: str = READY,
    secrets: bool = False,
    pull_queue: bool = False,
) -> Path:
    """Write the project into `folder`.

    `continued` adds the service, with its code from `source`; `secrets` adds the secrets,
    and `pull_queue` the pull queue with its worker.
    """
    for name in ("Pulumi.yaml", "handlers/mailer/main.py", "handlers/mailer/requirements.txt"):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(shown(name), encoding="utf-8")
    program = shown("__main__.py")
    if continued:
        more = shown("__main__.py, continued").replace(READY, source)
        program += "from queuewright.components import DockerfileSource, FolderSource\n" + more
    if secrets:
        program += shown("__main__.py, with secrets")
    if pull_queue:
        program = program.replace('"iam", "run"', '"iam", "pubsub", "run"')
        program += shown("__main__.py, with a pull queue")
    (folder / "__main__.py").write_text(program, encoding="utf-8")
    return folder


@contextmanager
def installed_components() -> Iterator[None]:
    """Import `components` as `queuewright.components`, as from an installed wheel."""
    name = "queuewright.components"
    assert name not in sys.modules
    sys.modules[name] = components
    try:
        yield
    finally:
        del sys.modules[name]
