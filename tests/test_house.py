"""What holds of the whole house, whatever is built in it."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import queuewright

ROOT = Path(__file__).parents[1]
TRACKED = subprocess.run(
    ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.split("\0")
FILES = [ROOT / name for name in TRACKED if name and (ROOT / name).is_file()]
MODULES = sorted(
    module.name for module in pkgutil.walk_packages(queuewright.__path__, "queuewright.")
)


def test_the_library_imports_without_pulumi() -> None:
    """`pip install queuewright` does not bring Pulumi, and nothing misses it on import."""
    program = f"""
import importlib, sys
for name in ("pulumi", "pulumi_gcp", "pulumi_docker_build"):
    sys.modules[name] = None
for name in {[name for name in MODULES if not name.endswith("__main__")]!r}:
    importlib.import_module(name)
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=ROOT, check=True)


NEED_PUBSUB = (
    "queuewright.pubsub.",
    "queuewright.local.pull_queues.emulated",
    "queuewright.local.console.message_lines.",
    "queuewright.local.pull_queues.declared.",
    "queuewright.local.pull_queues.delays.",
    "queuewright.local.pull_queues.planned.",
    "queuewright.local.pull_queues.running.",
)


def test_the_library_imports_without_googles_pubsub_client() -> None:
    """It is an extra; `queuewright.pubsub` alone misses it, and says how to install it."""
    program = f"""
import importlib, sys
sys.modules["google.pubsub_v1"] = None
for name in {[name for name in MODULES if not f"{name}.".startswith(NEED_PUBSUB)]!r}:
    if not name.endswith("__main__"):
        importlib.import_module(name)
try:
    import queuewright.pubsub
except importlib.import_module("queuewright.errors").TargetError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == (
        "Pub/Sub on this machine needs the package `google-cloud-pubsub`\n"
        "  hint: install it with `pip install 'queuewright[pubsub]'`\n"
    )


@pytest.mark.parametrize(
    "file", sorted((ROOT / "handlers").rglob("*.py")), ids=lambda file: str(file.relative_to(ROOT))
)
def test_a_handler_travels_alone(file: Path) -> None:
    """It imports nothing of ours: in the cloud there is nothing of ours to import."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not imported & {"queuewright", "components", "handlers"}


@pytest.mark.parametrize(
    ("place", "statement"),
    [
        ("queuewright/spec/document.py", r"\byaml\.(compose|load|safe_load)\b"),
        ("queuewright/engine/clock.py", r"\btime\.time(_ns)?\(\)"),
    ],
    ids=["YAML is read", "time passes"],
)
def test_there_is_one_place_where(place: str, statement: str) -> None:
    """Each of these happens in one file of the library."""
    found = [
        str(file.relative_to(ROOT))
        for file in sorted((ROOT / "queuewright").rglob("*.py"))
        if re.search(statement, file.read_text(encoding="utf-8"))
        and "graph" not in file.relative_to(ROOT).parts
    ]
    assert found == [place]


def test_nothing_names_a_registry() -> None:
    """Whoever builds this has registries of their own."""
    # Put together here, so that this file does not name them either.
    hosts = ("pypi" + ".org", "pythonhosted" + ".org", "registry.npmjs" + ".org")
    hosts += ("proxy.golang" + ".org", "sum.golang" + ".org", "debian" + ".org")
    named = [
        f"{file.relative_to(ROOT)}: {host}"
        for file in FILES
        for host in hosts
        if host.encode() in file.read_bytes()
    ]
    assert named == []


def test_programs_are_started_in_three_places() -> None:
    """Handlers in `local`; tools by the doctor, pip by `vendor` (docs/decisions/0004)."""
    starts = re.compile(
        r"^import subprocess|^from subprocess|\bcreate_subprocess_|os\.(exec|spawn)", re.M
    )
    found = {
        file.relative_to(ROOT).as_posix()
        for folder in ("queuewright", "components")
        for file in (ROOT / folder).rglob("*.py")
        if starts.search(file.read_text(encoding="utf-8"))
    }
    outside = {name for name in found if not name.startswith("queuewright/local/")}
    assert outside == {"components/code/vendor.py", "queuewright/doctor/machine.py"}


INSIDE = {
    "engine": ("queuewright/engine/", "tests/engine/", "tests/conformance/"),
    "pubsub": ("queuewright/pubsub/", "tests/pubsub/", "tests/docs/test_pubsub_emulation.py"),
}
"""Of each package with front doors: the files that may use what is behind them."""


@pytest.mark.parametrize("package", INSIDE)
def test_a_package_is_used_by_its_front_doors(package: str) -> None:
    """`queuewright.engine` and `queuewright.engine.protocol`, and what each has in `__all__`."""
    home = f"queuewright.{package}"
    reached = [
        f"{name}: {module}.{imported}"
        for name in (file.relative_to(ROOT).as_posix() for file in FILES)
        if name.endswith((".py", ".md")) and not name.startswith(INSIDE[package])
        for module, imported in _imports_of(home, ROOT / name)
        if module not in (home, f"{home}.protocol")
        or imported not in importlib.import_module(module).__all__
    ]
    assert reached == []


def test_the_engines_front_door_has_every_message() -> None:
    """The classes that `messages.py` has, and no others."""
    protocol = importlib.import_module("queuewright.engine.protocol")
    classes = {
        name
        for name, value in vars(protocol.messages).items()
        if isinstance(value, type) and hasattr(value, "DESCRIPTOR")
    }
    assert set(protocol.__all__) == classes | {"messages", "messages_beta", "messages_lease"}


def _imports_of(package: str, file: Path) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of all that a program or a page imports of a package."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".md":
        line = re.compile(rf"^\s*from ({re.escape(package)}[\w.]*) import ([^(#\n]+)", re.M)
        for module, names in line.findall(text):
            yield from ((module, name.split(" as ")[0].strip()) for name in names.split(","))
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith(f"{package}."):
                    yield alias.name, ""
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module.split(".")[:2] == package.split("."):
                yield from ((module, alias.name) for alias in node.names)


@pytest.mark.parametrize(
    "fact",
    [
        r"roles/[a-z]",
        r"\b2_?083\b",
        r"\b5_?000\b",
        r"\b1_?048_?5(69|76)\b",
        r"days=31\b|\b31 ?d\b",
        r"\"x-(google|appengine|cloudtasks)-\"",
    ],
)
def test_the_engine_has_no_copy_of_a_fact(fact: str) -> None:
    """Google's facts are in `cloud_tasks`, each once."""
    copies = [
        f"{file.relative_to(ROOT).as_posix()}: {line.strip()}"
        for file in (ROOT / "queuewright" / "engine").rglob("*.py")
        for line in file.read_text(encoding="utf-8").splitlines()
        if re.search(fact, line) and not line.lstrip().startswith(">>>")
    ]
    assert copies == []


STANDING_ALONE = [
    *(
        f"queuewright/engine/rules/{name}.py"
        for name in ("bucket", "schedule", "throttle", "upcoming")
    ),
    *sorted(
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "queuewright" / "pubsub" / "rules").glob("*.py")
    ),
]


@pytest.mark.parametrize("file", STANDING_ALONE)
def test_decisions_about_time_and_order_stand_alone(file: str) -> None:
    """They import the standard library, `cloud_tasks` and each other, so they can run alone."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    imported = {
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    allowed = {path.removesuffix(".py").replace("/", ".") for path in STANDING_ALONE}
    assert [
        name
        for name in sorted(imported - allowed)
        if name.partition(".")[0] not in sys.stdlib_module_names
        and not name.startswith("queuewright.cloud_tasks")
    ] == []
