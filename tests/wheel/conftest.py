"""The wheel, built and installed where nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.wheel.wheelhouse import fill

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Installed:
    """A virtual environment with the wheel in it; its programs find packages in `wheelhouse` only.

    Nothing of this repository and of its own environment is in reach.
    """

    folder: Path
    wheelhouse: Path

    def run(self, *words: str | Path, cwd: Path) -> str:
        """The output of a program of the environment's; fails the test where that one fails."""
        done = subprocess.run(
            [self.program(str(words[0])), *map(str, words[1:])],
            cwd=cwd,
            env=self.variables(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def program(self, name: str) -> Path:
        return self.folder / "bin" / name

    def variables(self) -> dict[str, str]:
        """What its programs get for an environment."""
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        return kept | {
            "PATH": os.pathsep.join((str(self.folder / "bin"), os.environ["PATH"])),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": self.wheelhouse.as_uri(),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_COMPILE": "1",
        }


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this folder."""
    into = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", into, ROOT],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (built,) = into.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an index has for queuewright: everything that it needs, also to be built, but itself."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    fill(folder, ["queuewright[deploy]", "pytest"], but="queuewright")
    return folder


@pytest.fixture(scope="session")
def installed(wheel: Path, wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel, with what `pulumi up` needs, and pytest in an empty virtual environment."""
    made = empty(tmp_path_factory.mktemp("installed") / ".venv", wheelhouse)
    made.run("pip", "install", "--quiet", f"{wheel}[deploy]", "pytest", cwd=made.folder)
    return made


def empty(folder: Path, wheelhouse: Path) -> Installed:
    """A virtual environment with nothing in it."""
    venv.create(folder, with_pip=True)
    return Installed(folder, wheelhouse)


@pytest.fixture(scope="session")
def project(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `queuewright init` makes."""
    folder = tmp_path_factory.mktemp("made") / "greetings"
    installed.run(
        "queuewright", "init", folder, "--project=acme-tasks", "--location=us-east1", cwd=ROOT
    )
    return folder
