"""SQLite's log: damage is reported, and what a kill or a full disk leaves is not called damage."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from queuewright.engine.protocol import messages as m
from queuewright.engine.state.file import FILE_NAME
from queuewright.engine.state.rows import NewTask
from queuewright.engine.state.store import Store
from queuewright.errors import TargetError
from queuewright.state_file.log_check import _checksum, damage

LOG_NAME = f"{FILE_NAME}-wal"
HEADER = 32
FRAME = 24 + 4096


def store_tasks(store: Store, count: int, body: bytes = b"") -> None:
    """Store tasks, one transaction each; a body larger than a page makes it several frames."""
    content = m.Task(http_request=m.HttpRequest(body=body)).SerializeToString()
    for number in store.new_ids(count):
        store.insert([NewTask(number, 1, f"n{number}", 5, 5, content)])


def copied(store: Store, to: Path) -> Path:
    """Copy the state as a killed engine leaves it; return the log."""
    source = store._state.path
    assert source is not None
    to.mkdir()
    for name in (FILE_NAME, LOG_NAME):
        shutil.copy(source.with_name(name), to / name)
    return to / LOG_NAME


def task_count(folder: Path) -> int:
    store = Store(folder)
    count: int = store._database.execute("SELECT count(*) FROM task").fetchone()[0]
    store.close()
    return count


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The log of an engine that was killed after five tasks were stored."""
    store = Store(tmp_path / "live")
    store_tasks(store, 3)
    store_tasks(store, 2, b"x" * 10_000)
    log = copied(store, tmp_path / 'it\'s "killed"\n')
    store.close()
    return log


def flip(log: Path, at: int) -> None:
    content = bytearray(log.read_bytes())
    content[at] ^= 0x40
    log.write_bytes(content)


def test_a_sound_log_is_opened(log: Path) -> None:
    assert damage(log) is None
    assert task_count(log.parent) == 5


def test_a_damaged_byte_anywhere_in_the_log_is_found(log: Path) -> None:
    """In the header; in each frame's page number, checksum and page; in the salts too."""
    sound, size = log.read_bytes(), log.stat().st_size
    places = [0, 9, 17, 25]
    for frame in range(HEADER, size, FRAME):
        places += [frame + 1, frame + 17, frame + 24, frame + 2_000, frame + FRAME - 1]
        if frame + FRAME < size:
            places.append(frame + 9)
    missed = []
    for place in places:
        flip(log, place)
        found = damage(log)
        if found is None or found.good_bytes > place:
            missed.append((place, found))
        log.write_bytes(sound)
    assert missed == []


def test_a_damaged_log_is_refused_and_can_be_cut_as_the_hint_says(log: Path) -> None:
    flip(log, log.stat().st_size // 2)
    before = {path: path.read_bytes() for path in log.parent.glob(f"{FILE_NAME}*")}
    with pytest.raises(TargetError) as refused:
        Store(log.parent)
    assert f"the log `{log}` of the state file is damaged at byte " in str(refused.value)
    assert "change(s) after that cannot be read; it was left as it is" in str(refused.value)
    assert {path: path.read_bytes() for path in log.parent.glob(f"{FILE_NAME}*")} == before
    command = re.search("`(python3 .*)` to go", refused.value.hint or "", re.DOTALL)
    assert command is not None
    subprocess.run(["sh", "-c", command[1]], check=True)
    assert 1 <= task_count(log.parent) < 5


def test_a_log_without_a_header_is_refused_and_can_be_emptied(log: Path) -> None:
    flip(log, 3)
    with pytest.raises(TargetError, match="its header, so nothing in it can be read") as refused:
        Store(log.parent)
    assert "os.truncate(sys.argv[1], 0)" in (refused.value.hint or "")
    log.write_bytes(b"")
    assert task_count(log.parent) == 0


def test_the_lost_transactions_are_counted(log: Path) -> None:
    flip(log, HEADER + 100)
    found = damage(log)
    assert found is not None
    assert found.good_bytes == HEADER
    assert found.lost is not None
    assert found.lost >= 4


def test_a_log_that_ends_anywhere_is_not_damaged(log: Path) -> None:
    """A killed process leaves the beginning of its last transaction."""
    content = log.read_bytes()
    for size in (*range(0, 100, 9), *range(100, len(content), 997)):
        log.write_bytes(content[:size])
        assert damage(log) is None, size


def restarted(store: Store) -> None:
    store._database.execute("PRAGMA wal_checkpoint(PASSIVE)")
    store_tasks(store, 2)


def restarted_often(store: Store) -> None:
    for _ in range(5):
        restarted(store)


@pytest.mark.parametrize("what", [restarted, restarted_often])
def test_what_is_left_of_before_a_checkpoint_is_not_damage(
    tmp_path: Path, what: Callable[[Store], None]
) -> None:
    store = Store(tmp_path / "live")
    store_tasks(store, 10, b"x" * 10_000)
    size = (tmp_path / "live" / LOG_NAME).stat().st_size
    what(store)
    log = copied(store, tmp_path / 'it\'s "killed"\n')
    store.close()
    assert log.stat().st_size == size, "the log was used again from its start"
    assert damage(log) is None
    flip(log, HEADER + 100)
    assert damage(log) is not None


def test_what_is_left_of_an_unfinished_transaction_is_not_damage(tmp_path: Path, log: Path) -> None:
    """The next engine writes over its beginning, and the rest keeps the salts of the log."""
    log.write_bytes(log.read_bytes()[: -FRAME - 10])
    unfinished = log.stat().st_size
    store = Store(log.parent)
    assert log.stat().st_size == unfinished, "opening it changes nothing"
    store.new_ids(1)  # reserves a block of numbers: a transaction of one frame
    again = copied(store, tmp_path / "again")
    store.close()
    assert again.stat().st_size == unfinished
    assert damage(again) is None
    assert task_count(again.parent) == 4


def test_a_log_of_big_endian_checksums_is_read(log: Path) -> None:
    """The byte order is that of the machine that wrote the log."""
    content = bytearray(log.read_bytes())
    words = struct.Struct(">2I")
    content[0:4] = (0x377F0683).to_bytes(4, "big")
    total = _checksum(words, bytes(content[:24]), (0, 0))
    content[24:32] = struct.pack(">2I", *total)
    for frame in range(HEADER, len(content), FRAME):
        summed = bytes(content[frame : frame + 8] + content[frame + 24 : frame + FRAME])
        total = _checksum(words, summed, total)
        content[frame + 16 : frame + 24] = struct.pack(">2I", *total)
    log.write_bytes(content)
    assert damage(log) is None
    assert task_count(log.parent) == 5
    log.write_bytes(content)
    flip(log, HEADER + 100)
    assert damage(log) is not None
