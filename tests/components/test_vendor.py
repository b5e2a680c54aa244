"""The packages of a folder's `requirements.txt` in its archive."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath

import pytest

from components.code.vendor import vendored
from queuewright.errors import TargetError

ROOT = Path(__file__).parents[2]
LAYOUT = [
    "vendor/greeting-1.0.dist-info/INSTALLER",
    "vendor/greeting-1.0.dist-info/METADATA",
    "vendor/greeting-1.0.dist-info/REQUESTED",
    "vendor/greeting-1.0.dist-info/WHEEL",
    "vendor/greeting-1.0.dist-info/entry_points.txt",
    "vendor/greeting/__init__.py",
]

Handler = Callable[..., Path]


def wheel(folder: Path, tag: str = "py3-none-any", version: str = "1.0") -> Path:
    """A wheel of the package `greeting`, with one module and one command."""
    info = f"greeting-{version}.dist-info"
    files = {
        "greeting/__init__.py": f'HELLO = "hello from {tag}"\n',
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: greeting\nVersion: {version}\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{info}/entry_points.txt": "[console_scripts]\ngreet = greeting:HELLO\n",
    }
    record = "".join(f"{name},{_sha256(text)},{len(text)}\n" for name, text in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    path = folder / f"greeting-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def _sha256(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256={base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "state" / "vendored"


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    return folder


@pytest.fixture
def handler(tmp_path: Path, wheels: Path) -> Handler:
    """`handler("greeting==1.0")`: a folder that requires it, from local wheels only."""

    def made(*requirements: str, links: object = wheels) -> Path:
        folder = tmp_path / "handler"
        folder.mkdir(exist_ok=True)
        lines = ["--no-index", f"--find-links {links}", *requirements]
        (folder / "requirements.txt").write_text("\n".join(lines) + "\n")
        return folder

    return made


def names(files: dict[PurePosixPath, Path]) -> list[str]:
    return sorted(map(str, files))


def test_packages_are_laid_out_under_one_folder(
    handler: Handler, wheels: Path, cache: Path
) -> None:
    """Modules and metadata, without traces of this machine: no command, no RECORD."""
    wheel(wheels)
    files = vendored(handler("greeting"), "python313", cache=cache)
    assert names(files) == LAYOUT
    assert files[PurePosixPath("vendor/greeting/__init__.py")].read_text().startswith("HELLO")


def test_a_folder_without_requirements_brings_nothing(tmp_path: Path, cache: Path) -> None:
    """Nor does a folder in another language."""
    assert vendored(tmp_path, "python313", cache=cache) == {}
    (tmp_path / "requirements.txt").write_text("greeting==1.0\n")
    assert vendored(tmp_path, "nodejs22", cache=cache) == {}
    assert not cache.exists()


def test_requirements_without_a_package_bring_nothing(handler: Handler, cache: Path) -> None:
    """A file with only comments is fine."""
    assert vendored(handler("# later: greeting"), "python313", cache=cache) == {}


def test_packages_are_fetched_once_for_a_text(handler: Handler, wheels: Path, cache: Path) -> None:
    """The same requirements come from the cache, for any folder."""
    only = wheel(wheels)
    first = vendored(handler("greeting"), "python313", cache=cache)
    only.unlink()
    again = handler("greeting").rename(cache.parent / "elsewhere")
    assert vendored(again, "python313", cache=cache) == first


def test_other_requirements_are_fetched_anew(handler: Handler, wheels: Path, cache: Path) -> None:
    """A changed line is another folder in the cache."""
    wheel(wheels)
    wheel(wheels, version="2.0")
    old = vendored(handler("greeting==1.0"), "python313", cache=cache)
    new = vendored(handler("greeting==2.0"), "python313", cache=cache)
    assert set(old.values()).isdisjoint(new.values())
    assert "vendor/greeting-2.0.dist-info/METADATA" in names(new)


def test_a_changed_file_that_is_taken_in_is_noticed(
    handler: Handler, wheels: Path, cache: Path
) -> None:
    """Files that `-r` and `-c` include count too."""
    for version in ("1.0", "2.0", "3.0"):
        wheel(wheels, version=version)
    folder = handler("-r more.txt", "--constraint=limits.txt")
    brought = []
    for more, limits in (("==1.0", ""), ("", "<3"), ("", "")):
        (folder / "more.txt").write_text(f"greeting{more}\n")
        (folder / "limits.txt").write_text(f"greeting{limits}\n" if limits else "")
        found = vendored(folder, "python313", cache=cache)
        brought += [name for name in names(found) if name.endswith("/METADATA")]
    assert brought == [
        f"vendor/greeting-{version}.dist-info/METADATA" for version in ("1.0", "2.0", "3.0")
    ]


def test_each_runtime_has_packages_of_its_own(handler: Handler, wheels: Path, cache: Path) -> None:
    """Packages are for the runtime's Python on Linux, not for this machine's."""
    wheel(wheels, "cp312-cp312-manylinux2014_x86_64")
    wheel(wheels, "cp313-cp313-manylinux_2_28_x86_64")
    folder, said = handler("greeting"), {}
    for runtime in ("python312", "python313"):
        files = vendored(folder, runtime, cache=cache)
        said[runtime] = files[PurePosixPath("vendor/greeting/__init__.py")].read_text()
    assert said == {
        "python312": 'HELLO = "hello from cp312-cp312-manylinux2014_x86_64"\n',
        "python313": 'HELLO = "hello from cp313-cp313-manylinux_2_28_x86_64"\n',
    }


def test_a_package_without_a_wheel_for_linux_is_refused_with_a_fix(
    handler: Handler, wheels: Path, cache: Path
) -> None:
    """The error has the file, the Python version and pip's message, and leaves no files behind."""
    wheel(wheels, "cp313-cp313-macosx_11_0_arm64")
    folder = handler("greeting")
    with pytest.raises(TargetError) as refused:
        vendored(folder, "python313", cache=cache)
    first, *said, hint = str(refused.value).splitlines()
    assert first == (
        f"pip cannot fetch the packages of `{folder}/requirements.txt` for Python 3.13 on Linux:"
    )
    assert any("No matching distribution found for greeting" in line for line in said)
    assert hint == ("  hint: pin versions that have wheels for it, or give the folder a Dockerfile")
    assert [each for each in cache.iterdir() if each.is_dir()] == []


def test_where_pip_is_missing_the_fix_is_to_install_it(
    handler: Handler, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A virtual environment can be created without pip."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    monkeypatch.setattr(sys, "executable", str(bare / "bin" / "python"))
    with pytest.raises(TargetError, match="No module named pip\n  hint: python -m ensurepip"):
        vendored(handler("greeting"), "python313", cache=cache)


class Shelf(ThreadingHTTPServer):
    """Serves a folder of wheels; requests wait until they are released."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked, self.open = folder, threading.Semaphore(0), threading.Event()
        self.downloads = 0
        super().__init__(("127.0.0.1", 0), _Shelf)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class _Shelf(BaseHTTPRequestHandler):
    server: Shelf

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        if name:
            self.server.downloads += 1
            self.server.asked.release()
            self.server.open.wait()
        links = "".join(f'<a href="{each.name}">{each.name}</a>' for each in self._wheels())
        body = (self.server.folder / name).read_bytes() if name else links.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream" if name else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Print nothing."""

    def _wheels(self) -> list[Path]:
        return sorted(self.server.folder.glob("*.whl"))


@pytest.fixture
def shelf(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    server = Shelf(wheels)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.open.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_two_at_once_fetch_once(handler: Handler, wheels: Path, cache: Path, shelf: Shelf) -> None:
    """The second waits for the first and gets the same files."""
    wheel(wheels)
    folder = handler("greeting", links=shelf.address)
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(vendored, folder, "python313", cache=cache) for _ in range(2)]
        assert shelf.asked.acquire(timeout=60)
        shelf.open.set()
        one, other = (run.result() for run in runs)
    assert one == other
    assert names(one) == LAYOUT
    assert shelf.downloads == 1


def test_a_killed_fetch_leaves_no_partial_folder(
    handler: Handler, wheels: Path, cache: Path, shelf: Shelf
) -> None:
    """The next one fetches everything and removes the remains."""
    wheel(wheels)
    folder = handler("greeting", links=shelf.address)
    program = f"""\
        from pathlib import Path
        from components.code.vendor import vendored

        vendored(Path({str(folder)!r}), "python313", cache=Path({str(cache)!r}))
    """
    killed = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, start_new_session=True
    )
    assert shelf.asked.acquire(timeout=60)
    os.killpg(killed.pid, signal.SIGKILL)  # pip as well, which it started
    killed.wait()
    (left,) = (each for each in cache.iterdir() if each.is_dir())
    (left / "half.py").write_text("HALF = ")
    shelf.open.set()
    assert names(vendored(folder, "python313", cache=cache)) == LAYOUT
    assert len([each for each in cache.iterdir() if each.is_dir()]) == 1
