"""Which environment a command is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuewright.cli.project import find_target
from queuewright.errors import TargetError
from queuewright.local.state_folder import StateFolder


@pytest.mark.usefixtures("project")
def test_a_given_state_folder_comes_before_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the option would have no effect."""
    monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", "127.0.0.1:1")
    with StateFolder.locked(tmp_path / "state") as folder:
        folder.announce("dev", "127.0.0.1:2", "127.0.0.1:3")
        assert find_target(None, tmp_path / "state").address == "127.0.0.1:2"
        assert find_target("dev", tmp_path / "state").address == "127.0.0.1:2"
        with pytest.raises(TargetError, match=r"`dev` runs in `.*state`, not `prod`"):
            find_target("prod", tmp_path / "state")
    assert find_target(None, None).address == "127.0.0.1:1"


@pytest.mark.usefixtures("project")
def test_a_state_folder_in_which_nothing_runs_is_an_error(tmp_path: Path) -> None:
    """Nothing is sent to Google Cloud instead."""
    for environment in (None, "dev"):
        with pytest.raises(TargetError, match="no environment runs in "):
            find_target(environment, tmp_path / "gone")
