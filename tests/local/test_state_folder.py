"""One environment in a state folder, and the others find it."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from queuewright.errors import TargetError
from queuewright.local import state_folder
from queuewright.local.state_folder import (
    RUNNING,
    STATE_FOLDER,
    StateFolder,
    find_running,
    read_names,
    write_names,
)

HERE = ("dev", "127.0.0.1:8123", "127.0.0.1:8124")
HOLDER = """
import sys
from pathlib import Path
from queuewright.local.state_folder import StateFolder
with StateFolder.locked(Path(sys.argv[1])) as folder:
    folder.announce("dev", "127.0.0.1:1", "127.0.0.1:2")
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_running_environment_is_found(tmp_path: Path) -> None:
    """What announces itself is what the other commands find."""
    with StateFolder.locked(tmp_path) as folder:
        folder.announce(*HERE)
        found = find_running(tmp_path)
        assert found is not None
        assert (found.environment, found.grpc_address, found.http_address) == HERE
        assert found.pid == os.getpid()


def test_nothing_runs_in_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    """No folder, no environment, and no error."""
    assert find_running(tmp_path / "absent") is None


def test_an_environment_that_is_still_starting_is_not_found(tmp_path: Path) -> None:
    """Between the lock and the announcement there is nothing to talk to."""
    with StateFolder.locked(tmp_path):
        assert find_running(tmp_path) is None


def test_after_a_stop_nothing_is_found(tmp_path: Path) -> None:
    """Leaving the folder takes the announcement along."""
    with StateFolder.locked(tmp_path) as folder:
        folder.announce(*HERE)
    assert find_running(tmp_path) is None
    assert not (tmp_path / RUNNING).exists()


def test_a_second_environment_in_the_folder_is_refused_by_name(tmp_path: Path) -> None:
    """The error names the process and its addresses, and has a hint."""
    with StateFolder.locked(tmp_path) as folder:
        folder.announce(*HERE)
        with pytest.raises(TargetError) as refused, StateFolder.locked(tmp_path):
            pass
    assert f"process {os.getpid()}" in str(refused.value)
    assert "127.0.0.1:8123" in str(refused.value)
    assert "--state DIR" in str(refused.value)


def test_a_refused_environment_leaves_the_running_one_alone(tmp_path: Path) -> None:
    """The announcement of the first survives the refusal of the second."""
    with StateFolder.locked(tmp_path) as folder:
        folder.announce(*HERE)
        with pytest.raises(TargetError), StateFolder.locked(tmp_path):
            pass
        assert find_running(tmp_path) is not None


def test_the_leftover_of_a_killed_process_is_recognised(tmp_path: Path) -> None:
    """After `kill -9` the file is there, but nobody holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        found = find_running(tmp_path)
        assert found is not None
        assert found.grpc_address == "127.0.0.1:1"
        holder.send_signal(signal.SIGKILL)
    assert json.loads((tmp_path / RUNNING).read_text())["pid"] == holder.pid
    assert find_running(tmp_path) is None
    with StateFolder.locked(tmp_path):
        assert not (tmp_path / RUNNING).exists()


def test_a_folder_that_cannot_be_created_is_an_error_with_a_hint(tmp_path: Path) -> None:
    """A file where the folder should be."""
    (tmp_path / "state").write_text("")
    with pytest.raises(TargetError, match="--state DIR"), StateFolder.locked(tmp_path / "state"):
        pass


def test_the_folder_stays_out_of_git(tmp_path: Path) -> None:
    """It ignores itself, so nobody commits a database by accident."""
    with StateFolder.locked(tmp_path / "state"):
        assert (tmp_path / "state" / ".gitignore").read_text() == "*\n"


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    """A folder from before is changed, too; nothing above it is."""
    tmp_path.chmod(0o755)
    for name in ("new", "old"):
        folder = tmp_path / name
        if name == "old":
            folder.mkdir(mode=0o755)
        with StateFolder.locked(folder):
            assert folder.stat().st_mode & 0o777 == 0o700
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_a_folder_with_other_files_is_no_state_folder(tmp_path: Path) -> None:
    """Such as a project: it stays as it was, its `.gitignore` and its mode included."""
    (tmp_path / "main.py").touch()
    (tmp_path / ".gitignore").write_text("*.log\n")
    tmp_path.chmod(0o755)
    refused = pytest.raises(TargetError, match="is no state folder: it holds `main")
    with refused, StateFolder.locked(tmp_path):
        pass
    assert sorted(file.name for file in tmp_path.iterdir()) == [".gitignore", "main.py"]
    assert (tmp_path / ".gitignore").read_text() == "*.log\n"
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_what_is_there_before_the_first_start_is_no_obstacle(tmp_path: Path) -> None:
    """`plan` has made packages; a new disk has `lost+found`; the rules for git are one's own."""
    (tmp_path / STATE_FOLDER / "packages").mkdir(parents=True)
    with StateFolder.locked(tmp_path / STATE_FOLDER):
        pass
    disk = tmp_path / "disk"
    (disk / "lost+found").mkdir(parents=True)
    (disk / ".gitignore").write_text("!kept\n")
    with StateFolder.locked(disk):
        pass
    assert (disk / ".gitignore").read_text() == "!kept\n"


@pytest.mark.parametrize("name", ["lock", ".gitignore", "running.json", "dev", "dev/tasks.sqlite"])
def test_a_link_in_the_state_folder_is_refused(tmp_path: Path, name: str) -> None:
    """A repository that was cloned may have one, to a file that would be overwritten."""
    outside = tmp_path / "outside"
    outside.write_text("important\n")
    link = tmp_path / STATE_FOLDER / name
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    refused = pytest.raises(TargetError, match="the state folder has a link")
    with refused, StateFolder.locked(tmp_path / STATE_FOLDER):
        pass
    assert outside.read_text() == "important\n"


def test_remembered_names_are_read_again(tmp_path: Path) -> None:
    """A damaged file, and none at all, remember nothing."""
    file = tmp_path / "queues.json"
    assert read_names(file) == read_names(None) == frozenset()
    write_names(file, {"emails", "charts"})
    assert read_names(file) == {"emails", "charts"}
    file.write_text("{")
    assert read_names(file) == frozenset()


def test_a_full_disk_is_an_error_with_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(state_folder, "write_whole", full)
    with pytest.raises(TargetError, match="cannot be written: No space left on device") as refused:
        write_names(tmp_path / "queues.json", {"emails"})
    assert refused.value.hint is not None
    assert "free space" in refused.value.hint
