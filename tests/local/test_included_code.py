"""Code that handlers share: importable, and an edit reloads exactly those that include it."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuewright.local.handlers.included import IncludedCode
from tests.local.conftest import ECHO, Output, Project, Up, until

SPEC = """
handlers:
  mailer: {service: {source: handlers/mailer}, include: [libs/shared_lib, rates.py]}
  biller: {service: {source: handlers/biller}, include: [libs/shared_lib]}
  other: {service: {source: handlers/other}}
queues:
  mails: {handler: mailer}
  bills: {handler: biller}
  others: {handler: other}
"""
SAYS = "from shared_lib.words import WORD\nprint('says', WORD, flush=True)\n"
RATE = "from rates import RATE\nprint('rate', RATE, flush=True)\n"


@pytest.fixture
def shared(project: Project) -> Project:
    """Three services, a shared folder and a shared file."""
    project.spec(SPEC)
    project.service("mailer", SAYS + RATE + ECHO)
    project.service("biller", SAYS + ECHO)
    project.service("other")
    project.write("libs/shared_lib/__init__.py", "")
    project.write("libs/shared_lib/words.py", "WORD = 'hello'\n")
    project.write("libs/secret.py", "")
    project.write("rates.py", "RATE = 3\n")
    return project


async def test_included_code_is_imported_and_an_edit_reloads_who_includes_it(
    shared: Project, up: Up, output: Output
) -> None:
    """The folder reloads both and no third, and the file reloads one."""
    await up()
    for line in ("mailer       │ says hello", "mailer       │ rate 3", "biller       │ says hello"):
        assert line in output.getvalue()
    shared.write("libs/shared_lib/words.py", "WORD = 'goodbye'\n")
    await until(lambda: output.getvalue().count("│ reloaded") == 2)
    shared.write("rates.py", "RATE = 4\n")
    await until(lambda: output.getvalue().count("│ reloaded") == 3)
    printed = output.getvalue()
    assert printed.count("mailer       │ its files have changed: reloading") == 2
    assert printed.count("biller       │ its files have changed: reloading") == 1
    assert "biller       │ says goodbye" in printed
    assert "mailer       │ rate 4" in printed
    assert "other        │ its files have changed" not in printed


async def test_nothing_else_beside_an_included_folder_can_be_imported(
    shared: Project, up: Up, output: Output
) -> None:
    """As on Google Cloud, where only the folder itself is."""
    code = (
        "import importlib.util\n"
        "print('found', [importlib.util.find_spec(name) is not None"
        " for name in ('shared_lib', 'secret', 'libs', 'rates')], flush=True)\n"
    )
    shared.service("biller", code + ECHO)
    await up()
    assert "biller       │ found [True, False, False, False]" in output.getvalue()


async def test_an_include_comes_and_goes_with_the_file(
    shared: Project, up: Up, output: Output
) -> None:
    """A saved `include` is followed; one that does not exist is refused, with its place."""
    await up()
    biller = "source: handlers/biller}, include: [libs/shared_lib"
    shared.spec(SPEC.replace(biller, f"{biller}, missing"))
    await output.line_with("`biller` includes `missing`, which does not exist")
    await output.line_with("change `include` at stacks/dev.yaml:6:3")
    shared.service("biller", RATE + SAYS + ECHO)
    await output.line_with("No module named 'rates'")
    shared.spec(SPEC.replace(biller, f"{biller}, rates.py"))
    await output.line_with("biller       │ rate 3")
    await output.line_with("biller       │ now runs with its new settings")


async def test_a_link_out_of_the_project_in_an_included_folder_is_refused_by_a_reload(
    shared: Project, up: Up, output: Output
) -> None:
    """As in a handler's own folder."""
    await up()
    (shared.root / "libs" / "shared_lib" / "etc").symlink_to("/etc")
    await output.line_with("leads out of the project")
    await output.line_with("still serving the previous version")


async def test_a_dockerfile_of_the_whole_project_runs_here(
    project: Project, up: Up, output: Output
) -> None:
    """With `context: .`, what it copies beside the code can be imported, and is watched."""
    project.spec(
        "handlers:\n"
        "  mailer: {service: {context: ., dockerfile: handlers/mailer/Dockerfile}}\n"
        "queues: {mails: {handler: mailer}}\n"
    )
    project.service("mailer", SAYS + ECHO)
    project.write(
        "handlers/mailer/Dockerfile",
        "FROM python:3.12-slim\nWORKDIR /app\nCOPY handlers/mailer ./\n"
        'COPY libs/shared_lib ./shared_lib\nCMD ["python", "main.py"]\n',
    )
    project.write("libs/shared_lib/words.py", "WORD = 'hello'\n")
    await up()
    assert "mailer      │ says hello" in output.getvalue()
    project.write("libs/shared_lib/words.py", "WORD = 'goodbye'\n")
    await output.line_with("mailer      │ says goodbye")
    await output.line_with("mailer      │ reloaded")


def test_links_follow_what_a_handler_includes(tmp_path: Path) -> None:
    """A link that is no longer wanted goes; one that leads elsewhere is replaced."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    code = IncludedCode(tmp_path / "included")
    folder = code.search_path("mailer", {"shared": tmp_path / "a", "old": tmp_path / "b"})
    assert folder is not None
    assert folder.is_absolute()
    code.search_path("mailer", {"shared": tmp_path / "b"})
    assert {each.name: each.resolve() for each in folder.iterdir()} == {"shared": tmp_path / "b"}
    assert code.search_path("mailer", {}) is None
    assert list(folder.iterdir()) == []
