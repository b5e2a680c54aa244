"""Whose files have changed: nobody restarts for another's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from queuewright.local.handlers.edits import Edits, Watch, affected


@pytest.fixture
def folders(tmp_path: Path) -> tuple[dict[str, list[Path]], Path]:
    handlers = {name: [tmp_path / "handlers" / name] for name in ("mailer", "mailer-eu")}
    for (folder,) in (*handlers.values(), [tmp_path / "stacks"]):
        folder.mkdir(parents=True)
    (handlers["mailer"][0] / ".gcloudignore").write_text("out/\n*.md\n!keep.md\n")
    return handlers, tmp_path / "stacks"


@pytest.mark.parametrize(
    ("path", "touched"),
    [
        ("handlers/mailer/main.py", {"mailer"}),
        ("handlers/mailer/templates/deep/mail.html", {"mailer"}),
        ("handlers/mailer/requirements.txt", {"mailer"}),
        ("handlers/mailer-eu/main.py", {"mailer-eu"}),
        ("handlers/mailer/README.md", set()),
        ("handlers/mailer/keep.md", {"mailer"}),
        ("handlers/mailer/out/mail/1.eml", set()),
        ("handlers/mailer/__pycache__/main.cpython-312.pyc", set()),
        ("handlers/mailer/main.py~", set()),
        ("handlers/mailer/.main.py.swp", set()),
        ("stacks/dev.yaml", {None}),
        ("stacks/Pulumi.dev.yaml", {None}),
        ("stacks/notes.txt", set()),
        ("README.md", set()),
    ],
)
def test_a_file_belongs_to_one_handler_or_to_the_environment(
    folders: tuple[dict[str, list[Path]], Path], tmp_path: Path, path: str, touched: set[str | None]
) -> None:
    """Ignored files, generated files and the temporary files of editors do not count."""
    handlers, stacks = folders
    assert affected([tmp_path / path], handlers, stacks) == touched


def test_an_ignored_folder_touches_no_handler(folders: tuple[dict[str, list[Path]], Path]) -> None:
    """Neither when it appears nor when it goes; a file of that name counts."""
    handlers, stacks = folders
    made = handlers["mailer"][0] / "out"
    made.mkdir()
    assert affected([made], handlers, stacks) == set()
    made.rmdir()
    assert affected([made], handlers, stacks) == set()
    made.touch()
    assert affected([made], handlers, stacks) == {"mailer"}


def test_two_handlers_of_one_folder_are_both_touched(tmp_path: Path) -> None:
    """Two functions may share their source."""
    both = {"one": [tmp_path], "two": [tmp_path]}
    assert affected([tmp_path / "main.py"], both, tmp_path / "stacks") == {"one", "two"}


@pytest.fixture
def shared(tmp_path: Path, folders: tuple[dict[str, list[Path]], Path]) -> Path:
    """The project, in which the mailer includes a folder and a file."""
    (tmp_path / "libs" / "shared").mkdir(parents=True)
    (tmp_path / "libs" / "shared" / ".gitignore").write_text("*.log\n")
    (tmp_path / "settings.json").touch()
    handlers, _ = folders
    handlers["mailer"] += [tmp_path / "libs" / "shared", tmp_path / "settings.json"]
    return tmp_path


@pytest.mark.parametrize(
    ("path", "touched"),
    [
        ("libs/shared/rules/limits.py", {"mailer"}),
        ("libs/shared/trace.log", set()),
        ("libs/other/limits.py", set()),
        ("settings.json", {"mailer"}),
        ("settings.json.tmp", set()),
        ("other.json", set()),
    ],
)
def test_what_a_handler_includes_is_its_own_too(
    shared: Path, folders: tuple[dict[str, list[Path]], Path], path: str, touched: set[str]
) -> None:
    """Of no other handler, and what the included folder ignores does not count."""
    assert affected([shared / path], *folders) == touched


async def test_an_included_file_is_noticed_as_often_as_it_is_replaced(
    shared: Path, folders: tuple[dict[str, list[Path]], Path]
) -> None:
    """Editors write another file and rename it; other files beside it do not count."""
    watch = Watch(*folders)
    for number in range(2):
        (shared / "other.json").write_text(f"{number}")
        (shared / "new").write_text(f"{number}")
        (shared / "new").rename(shared / "settings.json")
        assert await watch.touched() == {"mailer"}
    (shared / "libs" / "shared" / "limits.py").write_text("")
    assert await watch.touched() == {"mailer"}
    watch.close()


async def test_a_file_that_a_link_leads_to_as_well_is_noticed(tmp_path: Path) -> None:
    """The link is in an ignored folder, as those to included code are."""
    stacks, shared = tmp_path / "stacks", tmp_path / "libs" / "shared"
    for folder in (stacks, shared, tmp_path / ".queuewright"):
        folder.mkdir(parents=True)
    (tmp_path / ".queuewright" / "shared").symlink_to(shared)
    watch = Watch({"mailer": [tmp_path]}, stacks)
    for number in range(2):
        (shared / "limits.py").write_text(f"{number}")
        assert await watch.touched() == {"mailer"}
    watch.close()


async def test_a_wait_that_ends_without_a_change_misses_nothing(
    folders: tuple[dict[str, list[Path]], Path],
) -> None:
    """The next call returns what changes afterwards."""
    handlers, stacks = folders
    watch = Watch(handlers, stacks)
    assert await watch.touched(timeout_s=0.0) == set()
    (handlers["mailer"][0] / "main.py").write_text("")
    assert await watch.touched() == {"mailer"}
    watch.close()


async def test_a_saved_file_is_noticed_from_the_first_moment(
    folders: tuple[dict[str, list[Path]], Path],
) -> None:
    """An edit just after the watch has begun is not missed, nor are later ones."""
    handlers, stacks = folders
    watch = Watch(handlers, stacks)
    for name in ("mailer", "mailer-eu"):
        (handlers[name][0] / "main.py").write_text("")
        assert await watch.touched() == {name}
    (stacks / "dev.yaml").write_text("")
    assert await watch.touched() == {None}
    watch.close()


async def test_an_edit_while_the_watched_folders_change_is_noticed(
    folders: tuple[dict[str, list[Path]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the former watch reports it too late."""
    handlers, stacks = folders
    now = dict(handlers)
    edits = Edits(lambda: dict(now), stacks)
    (stacks / "dev.yaml").write_text("")
    assert await edits.next() == {None}
    del now["mailer-eu"]
    (stacks / "dev.yaml").write_text("queues: {}")

    async def late(**_: float) -> set[str | None]:
        return set()

    monkeypatch.setattr(edits._watch, "touched", late)
    assert await asyncio.wait_for(edits.next(), 30) == {None}
    edits.close()


async def test_a_closed_watch_reports_nothing(folders: tuple[dict[str, list[Path]], Path]) -> None:
    """A waiting `touched` returns."""
    watch = Watch(*folders)
    waiting = asyncio.create_task(watch.touched())
    await asyncio.sleep(0)
    watch.close()
    assert await waiting == set()
    assert await watch.touched() == set()


async def test_an_ignored_file_does_not_end_the_wait(
    folders: tuple[dict[str, list[Path]], Path],
) -> None:
    """Not even with an empty result."""
    handlers, stacks = folders
    watch = Watch(handlers, stacks)
    (handlers["mailer"][0] / "README.md").write_text("")
    (handlers["mailer-eu"][0] / "main.py").write_text("")
    touched = await watch.touched()
    watch.close()
    assert touched == {"mailer-eu"}
