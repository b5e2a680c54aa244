"""What hardly belongs into a package is pointed out, with the line that leaves it out."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from queuewright.packages import source_files, suspects
from queuewright.terminal import printable
from tests.packages.test_files import write


def suspected(folder: Path) -> dict[str, str]:
    """What each suspect of a source looks like, by its path."""
    found = suspects(folder, source_files(folder))
    return {str(suspect.path): suspect.looks_like for suspect in found}


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".env.production",
        "prod.env",
        "tls/server.pem",
        "SERVER.KEY",
        "id_rsa",
        "id_ed25519",
        "service-account.json",
        "service-account-prod.json",
        "client_secret_123.json",
        "store.p12",
        ".netrc",
        "terraform.tfstate",
    ],
)
def test_names_of_secrets_are_suspects(tmp_path: Path, name: str) -> None:
    """Whatever is in them."""
    write(tmp_path, "main.py", name)
    assert list(suspected(tmp_path)) == [name]


@pytest.mark.parametrize(
    "name",
    [".env.example", "environment.py", "keys.py", "public.crt", "settings.json", "key", "pem.txt"],
)
def test_names_that_only_resemble_them_are_none(tmp_path: Path, name: str) -> None:
    """Samples of settings, and code."""
    write(tmp_path, "main.py", name)
    assert suspected(tmp_path) == {}


@pytest.mark.parametrize(
    ("name", "text", "looks_like"),
    [
        ("acme-1a2b3c.json", '{"private_key": "-----BEGIN"}', "a service account's key"),
        ("acme-1a2b3c.json", '{"name": "private_key"}', None),
        (".npmrc", "//npm.acme.example/:_authToken=abc\n", "a registry's token"),
        (".npmrc", "registry=https://npm.acme.example\n", None),
        (".pypirc", "[pypi]\npassword = abc\n", "a registry's password"),
        ("pip.conf", "index-url = https://me:abc@pypi.acme.example\n", "a registry's password"),
        ("pip.conf", "index-url = https://pypi.acme.example\n", None),
    ],
)
def test_some_files_are_judged_by_their_content(
    tmp_path: Path, name: str, text: str, looks_like: str | None
) -> None:
    """Their names say nothing of it."""
    write(tmp_path, name, text=text)
    assert suspected(tmp_path) == ({name: looks_like} if looks_like else {})


def test_a_virtual_environment_is_one_suspect(tmp_path: Path) -> None:
    """And not each certificate in it; packages of npm are not looked at."""
    write(tmp_path, "main.py", "env/pyvenv.cfg", "env/lib/python3.12/site-packages/certifi/c.pem")
    write(tmp_path, "lib/node_modules/tls/test.pem", ".gcloudignore")
    assert suspected(tmp_path) == {"env": "a virtual environment"}


def test_a_link_to_a_secret_of_the_project_is_a_suspect(tmp_path: Path) -> None:
    """By the name of what it leads to."""
    write(tmp_path, "Pulumi.yaml", ".env", "handler/main.py")
    (tmp_path / "handler" / "settings.txt").symlink_to(tmp_path / ".env")
    assert list(suspected(tmp_path / "handler")) == ["settings.txt"]


@pytest.mark.parametrize("ignore_file", [None, ".gitignore", ".gcloudignore"])
@pytest.mark.parametrize(
    "name",
    [
        *(".env", "odd [1]*.pem", "keys/it's.key", "$HOME.pem", "a\\b.key"),
        *("a\nb.pem", "a\x1b]0;b.pem", "a\tb.pem", "a\u202eb.pem", os.fsdecode(b"a\xffb.pem")),
    ],
)
def test_the_command_that_leaves_a_suspect_out_works(
    tmp_path: Path, name: str, ignore_file: str | None
) -> None:
    """Pasted into a shell, whatever the name, and where the ignore file lacks its last newline."""
    write(tmp_path, "main.py", name, "env/pyvenv.cfg")
    if ignore_file:
        write(tmp_path, ignore_file, text=f"{ignore_file}\n*.md")
    for suspect in suspects(tmp_path, source_files(tmp_path)):
        assert printable(suspect.exclusion) == suspect.exclusion
        subprocess.run(["sh", "-c", suspect.exclusion], check=True)
    assert [str(path) for path in source_files(tmp_path)] == ["main.py"]


def test_the_command_works_in_a_folder_with_control_characters(tmp_path: Path) -> None:
    """A folder has no wildcards to stand for it."""
    folder = tmp_path / "a\x1b\n$(b)'c"
    write(folder, "main.py", ".env")
    (suspect,) = suspects(folder, source_files(folder))
    assert printable(suspect.exclusion) == suspect.exclusion
    subprocess.run(["sh", "-c", suspect.exclusion], check=True)
    assert [str(path) for path in source_files(folder)] == ["main.py"]


def test_the_command_is_short_where_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the project's folder."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "handlers/mailer/.env")
    (found,) = suspects(Path("handlers/mailer"), [PurePosixPath(".env")])
    assert found.exclusion == "echo /.env >> handlers/mailer/.gitignore"


@pytest.mark.parametrize("ignore_file", [".gitignore", ".gcloudignore"])
def test_the_command_that_takes_a_suspect_in_works(tmp_path: Path, ignore_file: str) -> None:
    """By its own path: a line such as `!*.pem` is about others, too."""
    write(tmp_path, "main.py", "ca [1].pem", "tls/ca.pem", "env/pyvenv.cfg")
    (tmp_path / ignore_file).write_text(f"{ignore_file}\n!*.pem\n")
    first, second, third = suspects(tmp_path, source_files(tmp_path))
    subprocess.run(["sh", "-c", f"{first.inclusion}; {second.inclusion}"], check=True)
    assert suspects(tmp_path, source_files(tmp_path)) == [third]
    assert str(third.path) == "tls/ca.pem"
    assert (tmp_path / "ca [1].pem").name in map(str, source_files(tmp_path))


def test_an_ignore_file_that_is_a_pipe_is_not_read(tmp_path: Path) -> None:
    """Reading it would never end; nor is a link to a device read."""
    write(tmp_path, "main.py")
    os.mkfifo(tmp_path / ".gitignore")
    (tmp_path / ".gcloudignore").symlink_to("/dev/zero")
    assert suspects(tmp_path, [PurePosixPath("main.py")]) == []
    (tmp_path / ".gcloudignore").unlink()
    assert suspected(tmp_path) == {}
