"""Problems with files and folders are reported in plain words."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from queuewright.errors import SpecError
from queuewright.spec import environments, load_file
from queuewright.spec.files import text_of
from tests.spec.conftest import Project
from tests.spec.saying import REST


def test_a_misspelt_environment_gets_a_suggestion(project: Project) -> None:
    """From the existing files."""
    project.stack("prod.yaml", REST)
    project.stack("dev.yaml", REST)
    assert project.said("prdo") == (
        "stacks/prdo.yaml:1:1: $: no such file\n  hint: did you mean `prod`?"
    )


def test_a_project_without_environments_gets_a_hint(project: Project) -> None:
    """The hint says which file to write first."""
    assert project.said() == "stacks/dev.yaml:1:1: $: no such file\n  hint: write `stacks/dev.yaml`"


def test_a_missing_file_outside_the_project_is_named(tmp_path: Path) -> None:
    """With the path as the caller gave it."""
    with pytest.raises(SpecError) as error:
        load_file(tmp_path / "no" / "spec.yaml", Path())
    assert str(error.value) == (
        f"{tmp_path}/no/spec.yaml:1:1: $: no such file\n  hint: is its name spelt right?"
    )


def test_a_name_with_a_nul_is_not_a_file(project: Project) -> None:
    """Python's ValueError is not shown."""
    assert "no such file" in project.said("a\0b")


def test_a_folder_is_not_a_file(project: Project) -> None:
    """It is reported as unreadable."""
    (project.root / "stacks" / "dev.yaml").mkdir()
    assert project.said() == (
        "stacks/dev.yaml:1:1: $: cannot be read: is a directory\n"
        "  hint: give the path of a readable file"
    )


@pytest.mark.parametrize("target", ["/dev/zero", "pipe", "missing/../pipe"])
def test_a_link_to_a_device_or_a_pipe_is_refused(project: Project, target: str) -> None:
    """Reading it would never end."""
    (project.root / "stacks" / "missing").mkdir()
    os.mkfifo(project.root / "stacks" / "pipe")
    (project.root / "stacks" / "dev.yaml").symlink_to(target)
    assert project.said() == (
        "stacks/dev.yaml:1:1: $: a device, a pipe or a socket, where a regular file is required\n"
        "  hint: is it a link to something else?"
    )


def test_a_base_that_is_a_pipe_is_refused(project: Project) -> None:
    """At the line of `extends`."""
    os.mkfifo(project.root / "stacks" / "base.yaml")
    project.stack("dev.yaml", "extends: base.yaml\n" + REST)
    assert "stacks/dev.yaml:1:1: extends: no file `base.yaml`" in project.said()


def test_a_file_of_more_than_a_mebibyte_is_refused(project: Project) -> None:
    """By its size, before it is read."""
    with project.stack("dev.yaml", REST).open("r+b") as file:
        file.truncate(10**12)
    assert project.said() == (
        "stacks/dev.yaml:1:1: $: 1,000,000,000,000 bytes; the limit is 1,048,576\n"
        "  hint: is it a link to another file?"
    )


def test_a_pipe_is_read_where_it_may_be_one() -> None:
    """As in `--config <(command)`."""
    read, write = os.pipe()
    with os.fdopen(read, "rb"), os.fdopen(write, "wb") as pipe:
        pipe.write(b"queues: ")
        pipe.write(b"{}\n")
        pipe.close()
        assert text_of(Path(f"/dev/fd/{read}"), "pipe", may_be_pipe=True) == "queues: {}\n"


def test_a_pipe_through_which_nothing_comes_is_refused(tmp_path: Path) -> None:
    """Nobody would know what it waits for."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SpecError, match="a pipe through which nothing has come for 0 s"):
        text_of(tmp_path / "pipe", "pipe", may_be_pipe=True, patience_s=0.0)


def test_a_pipe_without_end_is_refused() -> None:
    """After as many bytes as a file may have."""
    read, write = os.pipe()
    writer = subprocess.Popen(("yes",), stdout=write)
    os.close(write)
    with os.fdopen(read, "rb"), pytest.raises(SpecError, match="more than 1,048,576 bytes"):
        text_of(Path(f"/dev/fd/{read}"), "pipe", may_be_pipe=True)
    writer.wait()


def test_a_device_is_no_pipe() -> None:
    """A terminal, or zeros without end."""
    for device in ("/dev/zero", "/dev/tty"):
        with pytest.raises(SpecError, match=r"a device, a pipe or a socket|cannot be read"):
            text_of(Path(device), device, may_be_pipe=True)


def test_a_link_to_itself_is_not_a_file(project: Project) -> None:
    """A cycle of links ends in an error, not in an endless loop."""
    file = project.root / "stacks" / "dev.yaml"
    file.symlink_to(file)
    assert project.said().startswith("stacks/dev.yaml:1:1: $: cannot be read: too many levels")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_reported(project: Project) -> None:
    """With the system's reason."""
    project.stack("dev.yaml", REST).chmod(0)
    assert project.said().startswith("stacks/dev.yaml:1:1: $: cannot be read: permission denied")


@pytest.mark.parametrize(
    ("content", "saying"),
    [
        (b"a: \xff\n", "1:4: $: not UTF-8: the byte 0xff"),
        (b"a: b\nc: d\xe9\n", "2:5: $: not UTF-8: the byte 0xe9"),
        (REST.encode("utf-16"), "1:1: $: not UTF-8: the byte 0xff"),
        (b"\x80", "1:1: $: not UTF-8: the byte 0x80"),
    ],
    ids=["a byte that is never", "Latin-1", "UTF-16", "half a character"],
)
def test_a_file_must_be_utf8(project: Project, content: bytes, saying: str) -> None:
    """The problem has the place of the first wrong byte."""
    project.stack("dev.yaml", content)
    assert project.said() == f"stacks/dev.yaml:{saying}\n  hint: save the file as UTF-8"


def test_a_byte_order_mark_is_ignored(project: Project) -> None:
    """Editors on Windows write it."""
    project.stack("dev.yaml", b"\xef\xbb\xbf" + REST.encode())
    assert project.load().project == "acme-dev"


def test_pulumis_files_are_not_environments(project: Project) -> None:
    """Pulumi keeps its configuration in the same folder."""
    for name in ("prod.yaml", "Pulumi.prod.yaml", "base.yaml", "notes.txt"):
        project.stack(name, REST)
    assert environments(project.root) == ["base", "prod"]


SOURCE = "handlers:\n  h:\n    {kind}: {{source: {source}{more}}}\n" + REST
FUNCTION = ", entry_point: f, runtime: python312"
RUN = ", runtime: python312, command: run"


@pytest.mark.parametrize(
    ("kind", "source", "more", "saying"),
    [
        (
            "function",
            "handlers/mialer",
            FUNCTION,
            "function.source: `handlers/mialer` does not exist\n"
            "  hint: did you mean `handlers/mailer`?",
        ),
        (
            "function",
            "nowhere/at/all",
            FUNCTION,
            "function.source: `nowhere/at/all` does not exist\n"
            "  hint: the path is relative to the project's folder",
        ),
        (
            "function",
            "handlers/mailer/main.py",
            FUNCTION,
            "function.source: `handlers/mailer/main.py` is not a folder\n"
            "  hint: give its folder: `handlers/mailer`",
        ),
        (
            "service",
            "handlers/mailer",
            "",
            "service.source: `handlers/mailer` has no Dockerfile\n"
            "  hint: add one, or add "
            "`runtime: python312` and `command: python main.py`",
        ),
        (
            "service",
            "handlers/web",
            RUN,
            "service.source: `handlers/web` has a Dockerfile, which defines the runtime "
            "and the command\n"
            "  hint: remove `runtime` and `command`, or the Dockerfile",
        ),
        (
            "app_engine",
            "ledger",
            ", runtime: python312",
            "app_engine.source: `ledger` does not exist\n"
            "  hint: the path is relative to the project's folder",
        ),
        (
            "service",
            "x" * 300,
            "",
            f"service.source: `{'x' * 57}…` does not exist\n"
            "  hint: the path is relative to the project's folder",
        ),
    ],
    ids=["misspelt", "nowhere", "a file", "bare", "told twice", "App Engine", "too long a name"],
)
def test_a_source_is_a_folder_that_can_run(
    project: Project, kind: str, source: str, more: str, saying: str
) -> None:
    """It exists, and either a Dockerfile or the spec says how it runs."""
    project.write("handlers/mailer/main.py", "")
    project.write("handlers/web/Dockerfile", "FROM scratch\n")
    project.stack("dev.yaml", SOURCE.format(kind=kind, source=source, more=more))
    column = len(f"    {kind}: {{") + 1
    assert project.said() == f"stacks/dev.yaml:3:{column}: handlers.h.{saying}"


@pytest.mark.parametrize("source", ["handlers/link", "handlers/link/inner"])
def test_a_source_that_is_a_link_out_of_the_project_is_refused(
    project: Project, source: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A package must not contain other files of the machine."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "inner").mkdir()
    project.write("handlers/mailer/main.py", "")
    (project.root / "handlers" / "link").symlink_to(outside)
    project.stack("dev.yaml", SOURCE.format(kind="function", source=source, more=FUNCTION))
    place = "stacks/dev.yaml:3:16: handlers.h.function.source"
    real = str((project.root / source).resolve())
    assert project.said() == (
        f"{place}: `{source}` leads out of the project, to `{real}`\n"
        "  hint: move the code into the project, or copy it there"
    )


@pytest.mark.parametrize(
    ("kind", "source", "more"),
    [
        ("function", "handlers/mailer", FUNCTION),
        ("service", "handlers/web", ""),
        ("service", "handlers/mailer", RUN),
        ("service", "handlers/web/../mailer/", RUN),
    ],
    ids=["function", "Dockerfile", "runtime and command", "by a detour"],
)
def test_an_existing_source_is_accepted(
    project: Project, kind: str, source: str, more: str
) -> None:
    """With a Dockerfile, or with a runtime and a command."""
    project.write("handlers/mailer/main.py", "")
    project.write("handlers/web/Dockerfile", "FROM scratch\n")
    project.stack("dev.yaml", SOURCE.format(kind=kind, source=source, more=more))
    assert project.said() == ""


@pytest.mark.parametrize("source", ["..", "../mailer", "handlers/../../mailer"])
def test_a_source_outside_the_project_is_refused(project: Project, source: str) -> None:
    """However the path is written."""
    project.stack("dev.yaml", SOURCE.format(kind="service", source=source, more=RUN))
    assert f"`{source}` is not a path inside the project" in project.said()
