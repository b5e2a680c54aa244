"""The wheel as people get it: what it carries, and all that one does with it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from queuewright.local.handlers.runtime_library import runtime_requirement
from tests.pulumi_double.engine import TOOLS, require_engine
from tests.wheel.conftest import ROOT, Installed, empty

pytestmark = pytest.mark.slow

PATIENCE_S = 120
PREVIEW = """
import json, sys
from pathlib import Path
from tests.pulumi_double.engine import deployment

project, folder = map(Path, sys.argv[1:])
for stack in ("dev", "prod"):
    with deployment(project, folder / stack, stack=stack) as running:
        planned = running.preview().steps
        made = running.up().steps
        again = running.up()
    print(json.dumps([stack, planned == made, sorted(set(made.values())), again.steps]))
"""


def test_the_wheel_carries_the_components_and_nothing_of_the_tests(wheel: Path) -> None:
    """`components` is `queuewright.components` there; no name of ours is at the top but one."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    sources = [*(ROOT / "queuewright").rglob("*.py"), *(ROOT / "queuewright").rglob("*.template")]
    expected = {str(file.relative_to(ROOT)) for file in sources}
    expected |= {
        f"queuewright/components/{file.name}" for file in (ROOT / "components").glob("*.py")
    }
    expected |= {
        f"queuewright/_{file.relative_to(ROOT)}"
        for file in (ROOT / "runtime" / "pyproject.toml", *(ROOT / "runtime").rglob("*.py"))
    }
    assert expected <= set(names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"queuewright"}
    assert not [name for name in names if "test_" in name and not name.endswith(".template")]


def test_the_library_alone_does_not_bring_pulumi(wheel: Path) -> None:
    """Only the extra `deploy` does, and only the extra `dev` brings what tests need."""
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
        told = Parser().parsestr(archive.read(metadata).decode())
    always = [each for each in told.get_all("Requires-Dist", ()) if "extra ==" not in each]
    assert not [each for each in always if each.startswith(("pulumi", "pytest"))]
    assert [each for each in told.get_all("Requires-Dist", ()) if "extra == 'deploy'" in each]


def test_it_brings_the_library_of_workers(installed: Installed, tmp_path: Path) -> None:
    """Whose wheel it builds where no index and no repository is in reach."""
    build = (
        "import pathlib; from queuewright.local.handlers.runtime_library import "
        "runtime_requirement; print(runtime_requirement(pathlib.Path('venvs')).read_text())"
    )
    (wanted,) = installed.run("python", "-c", build, cwd=tmp_path).split("\n", 1)[:1]
    made = empty(tmp_path / ".venv", installed.wheelhouse)
    made.run("pip", "install", "--quiet", wanted, cwd=tmp_path)
    made.run("python", "-c", "import queuewright_runtime", cwd=tmp_path)


def test_the_client_is_importable_by_both_names(installed: Installed, tmp_path: Path) -> None:
    """It is the same module, whichever distribution it came with."""
    program = (
        "import queuewright_runtime.client as ours, queuewright.client as theirs;"
        "assert ours.Tasks is theirs.Tasks; print(ours.__file__)"
    )
    where = installed.run("python", "-c", program, cwd=tmp_path).strip()
    assert where.endswith("queuewright/_runtime/queuewright_runtime/client.py")


def test_the_runtimes_own_distribution_comes_first(
    wheel: Path, wheelhouse: Path, tmp_path: Path
) -> None:
    """Where both are installed, a handler meets the version that its requirements name."""
    made = empty(tmp_path / ".venv", wheelhouse)
    own = runtime_requirement(tmp_path / "venvs").read_text().strip()
    made.run("pip", "install", "--quiet", "--no-deps", str(wheel), own, cwd=tmp_path)
    program = "import queuewright_runtime.client as ours; print(ours.__file__)"
    where = made.run("python", "-c", program, cwd=tmp_path).strip()
    assert where.endswith("site-packages/queuewright_runtime/client.py")
    made.run("pip", "uninstall", "--quiet", "--yes", "queuewright-runtime", cwd=tmp_path)
    where = made.run("python", "-c", program, cwd=tmp_path).strip()
    assert where.endswith("queuewright/_runtime/queuewright_runtime/client.py")


def test_the_tests_of_a_new_project_pass(installed: Installed, project: Path) -> None:
    """Its handler's, and those of what `pulumi up` would build in either environment."""
    assert "12 passed" in installed.run("pytest", "-W", "error", cwd=project)


def test_a_new_project_is_planned_and_explained(installed: Installed, project: Path) -> None:
    """Without an account and without the Pulumi CLI."""
    planned = installed.run("queuewright", "plan", "prod", cwd=project)
    assert planned.startswith("prod: project `acme-tasks`, `us-east1`, ")
    assert "protected: `greetings`" in planned
    explained = installed.run("queuewright", "explain", cwd=project)
    assert "projects/acme-tasks/locations/us-east1/queues/dev-greetings" in explained


def test_a_new_project_runs_on_this_machine(installed: Installed, project: Path) -> None:
    """`queuewright up` serves the handler, and the example is delivered to it."""
    up = subprocess.Popen(
        [installed.program("queuewright"), "up", "--grpc-port=0", "--http-port=0"],
        cwd=project,
        env=installed.variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    alarm = threading.Timer(PATIENCE_S, up.kill)
    alarm.start()
    assert up.stdout is not None
    lines: list[str] = []

    def until(words: str) -> None:
        for line in up.stdout or ():
            lines.append(line)
            if words in line:
                return
        pytest.fail(f"{words!r} was not said in\n{''.join(lines)}")

    try:
        until("ready; Ctrl-C stops")
        installed.run("queuewright", "enqueue", "greetings", "--example", cwd=project)
        until("hello, Ada")
        until("→ 200")
        up.send_signal(signal.SIGINT)
        lines.extend(up.stdout)
        assert up.wait() == 0
    finally:
        alarm.cancel()
        up.kill()
        up.wait()
        up.stdout.close()


@pytest.mark.engine
def test_a_new_project_goes_up_on_the_real_engine(
    installed: Installed, project: Path, tmp_path: Path
) -> None:
    """A preview, an update as it said, and another one that changes nothing, of each stack."""
    require_engine()
    # The provider double, and nothing else of this repository.
    harness = tmp_path / "harness"
    shutil.copytree(ROOT / "tests" / "pulumi_double", harness / "tests" / "pulumi_double")
    (harness / "tests" / "__init__.py").touch()
    (harness / TOOLS.name).symlink_to(TOOLS)
    (harness / "preview.py").write_text(PREVIEW)
    told = installed.run("python", "preview.py", project, tmp_path, cwd=harness)
    assert told.splitlines()[-2:] == [
        '["dev", true, ["create"], {}]',
        '["prod", true, ["create"], {}]',
    ]
