"""`docs/guides/shared-code.md`, run: its packages, its code and what `check` says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from queuewright.blueprint import Blueprint, blueprint
from queuewright.cli import main
from queuewright.local.handlers.command import Command, how_it_runs
from queuewright.local.handlers.included import IncludedCode
from queuewright.packages import included, package_files
from queuewright.spec import load
from tests.docs.test_pages import fences

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "shared-code.md"
FENCES = fences(PAGE)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's files, and those that it only mentions."""
    for path in ("handlers/cleaner/main.py", "handlers/biller/main.py", "config/rates.json"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("def handle(request): ...\n")
    for path in ("handlers/web/server.js", "shared_js/index.js"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    for _, text in FENCES:
        if (named := re.match(r"# (\S+/\S+)\n", text)) is not None:
            file = tmp_path / named[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plan(environment: str = "dev") -> Blueprint:
    """The blueprint of one of the page's files, in the current folder."""
    return blueprint(load(environment))


def contents(project: Path, key: str) -> list[str]:
    """The files of a handler's package."""
    handler = plan().handlers[key]
    trees = included(project / path for path in handler.include)
    return sorted(map(str, package_files(project / str(handler.folder), trees, root=project)))


def test_its_packages_contain_what_it_says(project: Path) -> None:
    """Every file, of every handler."""
    (listed,) = (text for language, text in FENCES if language == "text")
    shown = {line.split(":")[0]: line.split(":")[1].split() for line in listed.splitlines()}
    assert shown == {key: contents(project, key) for key in plan().handlers}


def test_its_code_imports_the_shared_code(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the search path that `up` gives the handler."""
    how = how_it_runs(plan().handlers["mailer"], project)
    assert isinstance(how, Command)
    folder = IncludedCode(project / "included").search_path("mailer", how.beside)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    namespace: dict[str, object] = {}
    exec((project / "handlers" / "mailer" / "main.py").read_text("utf-8"), namespace)
    handle = namespace["handle"]
    assert callable(handle)

    class Request:
        def get_json(self) -> dict[str, int]:
            return {"cents": 250}

    assert handle(Request()) == "You owe € 2.50."


def test_its_monorepo_runs_in_the_images_layout(project: Path) -> None:
    """In the folder that stands for the working directory, so that relative paths hold."""
    how = how_it_runs(plan("monorepo").handlers["web"], project)
    assert isinstance(how, Command)
    assert (how.folder / how.argv[1]).samefile(project / "handlers" / "web" / "server.js")
    assert (how.folder / "shared_js").is_dir()


def test_check_says_what_it_shows(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """About the handler that reaches its shared code another way."""
    (shown,) = (text for language, text in FENCES if language == "console")
    command, _, expected = shown.partition("\n")
    cleaner = project / "handlers" / "cleaner" / "main.py"
    cleaner.write_text("import sys\n\nsys.path.append('../..')\n")
    (project / "stacks" / "monorepo.yaml").unlink()
    monkeypatch.setattr(sys, "argv", command.removeprefix("$ ").split())
    with pytest.raises(SystemExit):
        main()
    printed = capsys.readouterr()
    assert printed.err + printed.out == expected
