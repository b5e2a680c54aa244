"""Nothing that a command prints controls the terminal."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from rich.table import Table

from queuewright.cli.rows import Row, show_rows
from tests.cli.conftest import Run
from tests.components.projects import ROOT

EVIL = "\x1b]52;c;aGk=\x07\x9b2J\x7f"
UNSAFE = set("\x1b\x07\x9b\x7f")


def test_a_problem_is_printed_without_control_characters(project: Path, run: Run) -> None:
    """A repository that was cloned may have any file name, and any key."""
    (project / "handlers" / "mailer" / f"link{EVIL}").symlink_to("/etc")
    done = run("check")
    assert done.code == 1
    assert "link\\x1b]52;c;aGk=\\x07\\x9b2J\\x7f" in done.err
    assert not set(done.err) & UNSAFE


def table(rows: list[Row]) -> Table:
    made = Table("MESSAGE", box=None)
    for row in rows:
        made.add_row(str(row["message"]))
    return made


@pytest.mark.parametrize("as_json", [True, False])
def test_rows_are_printed_without_control_characters(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    """Nor is markup in them followed, which could make a link."""
    text = f"[link=https://evil.example]{EVIL}[/link]"
    show_rows([{"message": text}], table, as_json=as_json, nothing="")
    out = capsys.readouterr().out
    assert not set(out) & UNSAFE
    assert "[link=https://evil.example]" in out
    if as_json:
        assert json.loads(out) == {"message": text}


def test_a_row_that_is_piped_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither wrapped nor cut, however wide the terminal is that the pipe leads to."""
    monkeypatch.setenv("COLUMNS", "80")
    text = "UNAVAILABLE(14): " + "no response from the target " * 20
    show_rows([{"message": text}], table, as_json=False, nothing="")
    title, row = capsys.readouterr().out.splitlines()
    assert (title.strip(), row.strip()) == ("MESSAGE", text.strip())


def test_every_command_prints_through_one_place() -> None:
    """`printing` escapes; only the schema, which is ours, is printed as it is."""
    for file in (ROOT / "queuewright" / "cli").glob("*.py"):
        if file.name not in ("printing.py", "schema.py"):
            assert not re.search(r"click\.s?echo|(?<!\.)\bprint\(", file.read_text("utf-8")), file
