"""A handler's requirements are installed once, into an environment of its own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from queuewright.errors import TargetError
from queuewright.local.handlers import runtime_library
from queuewright.local.handlers.virtual_environments import STAMP, VirtualEnvironments
from queuewright.local.processes.groups import ProcessGroups
from queuewright.packages import runtime

# A package that builds itself, so that nothing has to come over a network.
PROJECT = """
[project]
name = "greeting"
version = "1"
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
BACKEND = """
import zipfile
def build_wheel(directory, settings=None, metadata=None):
    info = "greeting-1.dist-info"
    with zipfile.ZipFile(f"{directory}/greeting-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("greeting.py", "WORD = 'hello'")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: greeting\\nVersion: 1")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any")
        wheel.writestr(f"{info}/RECORD", "")
    return "greeting-1-py3-none-any.whl"
"""


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "venvs"


@pytest.fixture
def venvs(folder: Path, groups: ProcessGroups, said: list[str]) -> VirtualEnvironments:
    return VirtualEnvironments(
        folder, groups, say=lambda name, text: said.append(f"{name}: {text}")
    )


@pytest.fixture
def handler(tmp_path: Path) -> Path:
    """A handler's folder, with a package beside its requirements."""
    handler = tmp_path / "handler"
    (handler / "greeting").mkdir(parents=True)
    (handler / "greeting" / "pyproject.toml").write_text(PROJECT)
    (handler / "greeting" / "backend.py").write_text(BACKEND)
    (handler / "requirements.txt").write_text("# nothing\n")
    return handler


def imports(interpreter: Path, module: str) -> bool:
    code = f"import {module}"
    return subprocess.run([interpreter, "-I", "-c", code], capture_output=True).returncode == 0


async def test_it_has_the_packages_of_the_file_and_none_of_ours(
    venvs: VirtualEnvironments, handler: Path
) -> None:
    """A path in the file starts at the handler's folder."""
    (handler / "requirements.txt").write_text("./greeting\n")
    interpreter = await venvs.interpreter("mailer", handler / "requirements.txt", None)
    assert imports(interpreter, "greeting")
    assert not imports(interpreter, "queuewright")
    assert not imports(interpreter, "yaml")


async def test_it_is_created_once(
    venvs: VirtualEnvironments, handler: Path, said: list[str]
) -> None:
    """The second time nothing is installed or printed."""
    first = await venvs.interpreter("mailer", handler / "requirements.txt", None)
    assert said == [
        "mailer: installing requirements.txt into its own environment (once)",
        "mailer: installed requirements.txt",
    ]
    assert await venvs.interpreter("mailer", handler / "requirements.txt", None) == first
    assert len(said) == 2


async def test_other_requirements_another_environment_and_the_old_one_goes(
    venvs: VirtualEnvironments, handler: Path
) -> None:
    """At the next pruning; another handler's stays."""
    requirements = handler / "requirements.txt"
    other = await venvs.interpreter("mailer-eu", requirements, None)
    old = await venvs.interpreter("mailer", requirements, None)
    requirements.write_text("# nothing else\n")
    new = await venvs.interpreter("mailer", requirements, None)
    assert new != old
    assert old.exists()
    venvs.prune()
    assert not old.exists()
    assert new.exists()
    assert other.exists()


async def test_a_change_in_an_included_file_counts(
    venvs: VirtualEnvironments, handler: Path
) -> None:
    """`-r` and `-c` are followed, in a circle too."""
    (handler / "requirements.txt").write_text("-r base.txt\n")
    (handler / "base.txt").write_text("--constraint=limits.txt\n-r requirements.txt\n")
    (handler / "limits.txt").write_text("# 1\n")
    before = venvs._digest(handler / "requirements.txt", None)
    (handler / "limits.txt").write_text("# 2\n")
    assert venvs._digest(handler / "requirements.txt", None) != before


async def test_an_unfinished_environment_is_created_again(
    venvs: VirtualEnvironments, handler: Path, said: list[str]
) -> None:
    """A killed `up` leaves no stamp."""
    interpreter = await venvs.interpreter("mailer", handler / "requirements.txt", None)
    (interpreter.parents[1] / STAMP).unlink()
    await venvs.interpreter("mailer", handler / "requirements.txt", None)
    assert len(said) == 4


async def test_an_environment_without_its_python_is_created_again(
    venvs: VirtualEnvironments, handler: Path, said: list[str]
) -> None:
    """An upgrade of Python took it away."""
    interpreter = await venvs.interpreter("mailer", handler / "requirements.txt", None)
    interpreter.unlink()
    interpreter.symlink_to("/no/such/python")
    again = await venvs.interpreter("mailer", handler / "requirements.txt", None)
    assert os.access(again, os.X_OK)
    assert len(said) == 4


async def test_a_failed_installation_is_an_error_with_pips_output(
    venvs: VirtualEnvironments, handler: Path, folder: Path
) -> None:
    """The handler's name, the end of the output, and where the rest is."""
    (handler / "requirements.txt").write_text("./no-such-package\n")
    with pytest.raises(TargetError) as refused:
        await venvs.interpreter("mailer", handler / "requirements.txt", None)
    assert "`mailer`: its requirements cannot be installed" in str(refused.value)
    assert "no-such-package" in str(refused.value)
    assert str(folder / "mailer.log") in str(refused.value)


async def test_a_failed_installation_is_tried_again(
    venvs: VirtualEnvironments, handler: Path
) -> None:
    """Perhaps the network is back."""
    (handler / "requirements.txt").write_text("./late\n")
    with pytest.raises(TargetError):
        await venvs.interpreter("mailer", handler / "requirements.txt", None)
    (handler / "greeting").rename(handler / "late")
    interpreter = await venvs.interpreter("mailer", handler / "requirements.txt", None)
    assert imports(interpreter, "greeting")


async def test_two_are_made_side_by_side(venvs: VirtualEnvironments, handler: Path) -> None:
    """They do not disturb each other."""
    requirements = handler / "requirements.txt"
    made = await asyncio.gather(
        venvs.interpreter("mailer", requirements, None),
        venvs.interpreter("thumbnails", requirements, None),
    )
    assert len(set(made)) == 2


async def test_the_build_of_a_package_sees_no_token(
    venvs: VirtualEnvironments, handler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is code from elsewhere; it gets what a handler gets, and pip's own variables."""
    tells = (
        f"import json, os\nopen({str(handler / 'seen')!r}, 'w').write(json.dumps([*os.environ]))"
    )
    (handler / "greeting" / "backend.py").write_text(f"{tells}\n{BACKEND}")
    (handler / "requirements.txt").write_text("./greeting\n")
    tokens = ("GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "GOOGLE_APPLICATION_CREDENTIALS")
    for name in (*tokens, "PIP_RETRIES", "XDG_CACHE_HOME", "no_proxy"):
        monkeypatch.setenv(name, "1")
    await venvs.interpreter("mailer", handler / "requirements.txt", None)
    seen = json.loads((handler / "seen").read_text())
    assert {"PIP_RETRIES", "XDG_CACHE_HOME", "no_proxy", "PATH"} <= set(seen)
    assert not set(tokens) & set(seen)


async def test_the_library_of_workers_needs_no_index(
    venvs: VirtualEnvironments, handler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes with queuewright, whatever an index may have under its name."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    requirements = handler / "requirements.txt"
    requirements.write_text("queuewright-runtime\n", "utf-8")
    python = await venvs.interpreter("reporter", requirements, None)
    program = "import queuewright_runtime; print(queuewright_runtime.__file__)"
    found = await asyncio.to_thread(
        subprocess.check_output, [python, "-c", program], text=True, cwd=handler
    )
    assert found.startswith(str(python.parents[1]))


async def test_processes_that_start_together_make_one_environment(
    venvs: VirtualEnvironments, handler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The instances of a worker start at the same time; the second waits for the first's."""
    made: list[str] = []

    async def make(_: str, venv: Path, requirements: Path, needs: str | None) -> None:  # noqa: ARG001
        made.append(venv.name)
        await asyncio.sleep(0)
        (venv / "bin").mkdir(parents=True)
        for name in ("complete", "bin/python"):
            (venv / name).touch()

    monkeypatch.setattr(venvs, "_make", make)
    requirements = handler / "requirements.txt"
    requirements.write_text("flask\n", "utf-8")
    both = (venvs.interpreter("reporter", requirements, None) for _ in range(2))
    first, second = await asyncio.gather(*both)
    assert first == second
    assert len(made) == 1


def test_a_folder_that_git_ignores_makes_the_same_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the folder of a virtual environment, where queuewright is installed."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("*\n", "utf-8")
    copy = shutil.copytree(runtime_library.runtime_folder(), tmp_path / "lib" / "_runtime")
    monkeypatch.setattr(runtime, "PLACES", (copy,))
    requirement = runtime_library.runtime_requirement(tmp_path / "out")
    (wheel,) = requirement.parent.glob("*.whl")
    assert requirement.read_text("utf-8") == f"queuewright-runtime @ {wheel.as_uri()}\n"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {f"queuewright_runtime/{each}.py" for each in ("__init__", "pull", "task")} <= names
