"""Programs with Google's clients in other languages, installed and built once, and run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TOOLS = ROOT / ".tools"


def node_program(script: str) -> list[str]:
    """Return the command of a script in `node/`, its packages installed from the lock file."""
    node, npm = tool("node"), tool("npm")
    folder = TOOLS / "clients" / "node"
    folder.mkdir(parents=True, exist_ok=True)
    packages = [HERE / "node" / name for name in ("package.json", "package-lock.json", ".npmrc")]
    wanted = b"".join(file.read_bytes() for file in packages)
    installed = folder / "node_modules" / ".installed"
    with FileLock(folder.with_suffix(".lock")):  # other tests may need it at the same time
        for file in (*packages, *(HERE / "node").glob("*.mjs")):
            shutil.copy(file, folder / file.name)
        if not installed.is_file() or installed.read_bytes() != wanted:
            run([npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], folder)
            installed.write_bytes(wanted)
    return [node, str(folder / script)]


def go_program(package: str, name: str) -> list[str]:
    """Return the command of a package in `go/`, built with the modules of its sum file."""
    program = TOOLS / "clients" / "go" / name
    program.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(program.with_suffix(".lock")):
        run([tool("go"), "build", "-mod=readonly", "-o", str(program), package], HERE / "go")
    return [str(program)]


def java_program(source: str) -> list[str]:
    """Return the command of a source in `java/`, with the libraries that Maven finds."""
    java, maven = (tool(name, needed=False) for name in ("java", "mvn"))
    libraries = TOOLS / "clients" / "java" / "libraries.txt"
    libraries.parent.mkdir(parents=True, exist_ok=True)
    goal = ["dependency:build-classpath", f"-Dmdep.outputFile={libraries}"]
    with FileLock(libraries.with_suffix(".lock")):
        run([maven, "--quiet", "--batch-mode", *goal], HERE / "java")
    return [java, "--class-path", libraries.read_text(), str(HERE / "java" / source)]


def tool(name: str, *, needed: bool = True) -> str:
    """Return a program's path; without it, skip the test, or fail it on CI if it is needed."""
    found = shutil.which(name)
    if found is None:
        if needed and os.environ.get("CI") == "true":
            pytest.fail(f"`{name}` is not on this machine, and CI runs every client")
        pytest.skip(f"`{name}` is not on this machine; install it to run its client")
    return found


def run(command: list[str], folder: Path) -> str:
    """Run a command; return what it printed, fail with what it complained of."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "NODE_NO_WARNINGS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout
