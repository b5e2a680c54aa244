"""Which files are a handler's source."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from queuewright.errors import TargetError
from queuewright.packages import is_ignored, source_files


def write(folder: Path, *names: str, text: str = "") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def found(folder: Path) -> list[str]:
    return [str(path) for path in source_files(folder)]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one handler, in a repository."""
    (tmp_path / ".git").mkdir()
    write(tmp_path, "Pulumi.yaml", "handlers/mailer/main.py")
    return tmp_path


def test_files_come_sorted_whatever_the_order_on_disk(tmp_path: Path) -> None:
    """Sorted by path, folders included."""
    write(tmp_path, "z.py", "a/b.py", "a.py", "B.py")
    assert found(tmp_path) == ["B.py", "a/b.py", "a.py", "z.py"]


def test_gcloudignore_excludes_and_takes_back(tmp_path: Path) -> None:
    """Its lines read as git's do: a later `!` takes a file back."""
    write(tmp_path, "main.py", "notes.md", "keep.md", "data/big.bin", "sub/data/small.bin")
    (tmp_path / ".gcloudignore").write_text(".gcloudignore\n*.md\n!keep.md\n/data/\n")
    assert found(tmp_path) == ["keep.md", "main.py", "sub/data/small.bin"]


def test_gcloudignore_includes_another_file(tmp_path: Path) -> None:
    """`#!include:` reads further lines, as gcloud does."""
    write(tmp_path, "main.py", "main.log")
    (tmp_path / ".gitignore").write_text("*.log\n")
    (tmp_path / ".gcloudignore").write_text("#!include:.gitignore\n.git*\n.gcloudignore\n")
    assert found(tmp_path) == ["main.py"]


def test_an_included_file_that_is_missing_is_named(tmp_path: Path) -> None:
    """Rather than deploying what was meant to stay out."""
    (tmp_path / ".gcloudignore").write_text("#!include:.gitignore\n")
    with pytest.raises(TargetError, match=r"includes `\.gitignore`, which does not exist"):
        source_files(tmp_path)


def test_caches_of_bytecode_are_never_source(tmp_path: Path) -> None:
    """Running the code must not redeploy it, even where .gcloudignore forgets them."""
    write(tmp_path, "main.py", "__pycache__/main.cpython-312.pyc", "a/__pycache__/b.pyc")
    (tmp_path / ".gcloudignore").write_text("!__pycache__\n.gcloudignore\n")
    assert found(tmp_path) == ["main.py"]


def test_without_a_gcloudignore_gclouds_own_list_holds(tmp_path: Path) -> None:
    """Version control and installed packages stay out."""
    write(
        tmp_path, "main.py", ".gitignore", ".git/config", "node_modules/x/index.js", ".venv/bin/p"
    )
    assert found(tmp_path) == ["main.py"]


def test_a_linked_folder_is_followed(tmp_path: Path) -> None:
    """Shared code may be linked into a handler."""
    write(tmp_path / "shared", "rules.py")
    write(tmp_path / "handler", "main.py")
    (tmp_path / "handler" / "shared").symlink_to(tmp_path / "shared")
    assert found(tmp_path / "handler") == ["main.py", "shared/rules.py"]


def test_a_link_in_a_circle_is_refused(tmp_path: Path) -> None:
    """It would go on for ever."""
    write(tmp_path, "main.py")
    (tmp_path / "again").symlink_to(tmp_path)
    with pytest.raises(TargetError, match="a link to a folder that contains it"):
        source_files(tmp_path)


def test_a_link_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    """A package that lacks a file would fail only once it runs."""
    (tmp_path / "gone.py").symlink_to(tmp_path / "nothing")
    with pytest.raises(TargetError, match="leads nowhere"):
        source_files(tmp_path)


@pytest.mark.parametrize("ignore", [None, "*\n"])
def test_a_folder_without_source_is_refused(tmp_path: Path, ignore: str | None) -> None:
    """Empty, or with all of it excluded."""
    if ignore:
        (tmp_path / ".gcloudignore").write_text(ignore)
    with pytest.raises(TargetError, match="holds no file to deploy"):
        source_files(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """With the question that usually helps."""
    with pytest.raises(TargetError, match=r"is not a folder\n  hint: is the handler's `source`"):
        source_files(tmp_path / "nowhere")


def test_a_single_path_can_be_asked_for(tmp_path: Path) -> None:
    """What a watcher needs: whether this change matters."""
    (tmp_path / ".gcloudignore").write_text("*.md\n")
    ignored = is_ignored(tmp_path)
    assert ignored(PurePosixPath("notes.md"), False)
    assert not ignored(PurePosixPath("main.py"), False)


def test_a_gcloudignore_that_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    """It names the file."""
    write(tmp_path, "main.py")
    (tmp_path / ".gcloudignore").write_bytes(b"\xff\xfe")
    with pytest.raises(TargetError, match=r"\.gcloudignore` is not UTF-8"):
        source_files(tmp_path)


def test_what_a_local_run_keeps_is_no_source(tmp_path: Path) -> None:
    """Where a handler's folder is the project's own; not even if a `.gcloudignore` says nothing."""
    write(tmp_path, "main.py", ".queuewright/packages/a.zip", ".gcloudignore")
    assert found(tmp_path) == [".gcloudignore", "main.py"]


def test_what_git_ignores_is_no_source(project: Path) -> None:
    """By the repository's own file, the handler's, and those below it; as gcloud and git do."""
    mailer = project / "handlers" / "mailer"
    (project / ".gitignore").write_text(".env\n*.pem\n/handlers/mailer/local/\n")
    write(
        mailer, ".env", "tls/server.pem", "local/notes.txt", "keys/private.txt", "keys/public.txt"
    )
    write(mailer, ".gitignore", text="/service-account.json\n")
    write(mailer, "service-account.json", "deep/service-account.json")
    write(mailer / "keys", ".gitignore", text="private.txt\n")
    assert found(mailer) == ["deep/service-account.json", "keys/public.txt", "main.py"]


def test_the_nearest_gitignore_has_the_last_word(project: Path) -> None:
    """It takes back what one above ignores, but nothing of a folder that is ignored as a whole."""
    mailer = project / "handlers" / "mailer"
    (project / ".gitignore").write_text("*.json\ncache/\n")
    write(mailer, ".gitignore", text="!settings.json\n!cache/keep.txt\n")
    write(mailer, "settings.json", "key.json", "cache/keep.txt")
    assert found(mailer) == ["main.py", "settings.json"]


def test_a_list_of_what_is_wanted_keeps_the_folders_open(project: Path) -> None:
    """`*` and `!*/` ignore files, not the way to those that are taken back."""
    (project / ".gitignore").write_text("*\n!*/\n!*.py\n")
    mailer = project / "handlers" / "mailer"
    write(mailer, "lib/rules.py", "lib/key.pem", ".env")
    assert found(mailer) == ["lib/rules.py", "main.py"]


def test_the_clone_s_own_excludes_count(project: Path) -> None:
    """Git reads `.git/info/exclude`, too."""
    write(project, ".git/info/exclude", text="secrets.txt\n")
    write(project, "handlers/mailer/secrets.txt")
    assert found(project / "handlers" / "mailer") == ["main.py"]


@pytest.mark.parametrize("kind", ["worktree", "submodule"])
def test_the_excludes_of_the_clone_count_where_git_is_a_file(tmp_path: Path, kind: str) -> None:
    """A worktree shares those of its clone; a submodule has its own."""
    clone, project = tmp_path / "clone", tmp_path / "project"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(clone)]
    subprocess.run(["git", "init", "--quiet", clone], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", "a"], check=True)
    if kind == "worktree":
        subprocess.run([*git, "worktree", "add", "--quiet", project], check=True)
    else:
        project.mkdir()
        (project / ".git").write_text("gitdir: ../clone/.git\n")
    write(clone, ".git/info/exclude", text="secrets.txt\n")
    write(project, "Pulumi.yaml", "handlers/mailer/main.py", "handlers/mailer/secrets.txt")
    assert found(project / "handlers" / "mailer") == ["main.py"]


def test_a_gitignore_that_is_a_link_is_not_read(project: Path) -> None:
    """Git does not follow it either."""
    write(project, "shared.txt", "handlers/mailer/rules.py", text="rules.py\n")
    (project / ".gitignore").symlink_to("shared.txt")
    assert found(project / "handlers" / "mailer") == ["main.py", "rules.py"]


def test_a_carriage_return_inside_a_line_does_not_split_it(project: Path) -> None:
    """As in git; the one at the end of a line is not part of the pattern."""
    (project / ".gitignore").write_bytes(b"rules.py\ra\nsecret.txt\r\n")
    write(project, "handlers/mailer/rules.py", "handlers/mailer/secret.txt")
    assert found(project / "handlers" / "mailer") == ["main.py", "rules.py"]


def test_an_ignore_file_that_is_too_large_is_refused(project: Path) -> None:
    """Reading its patterns would take too long."""
    (project / ".gitignore").write_text("a?\n" * 100_000)
    with pytest.raises(TargetError, match=r"\.gitignore` has more than 128 KiB"):
        source_files(project / "handlers" / "mailer")


def test_without_a_repository_the_project_s_gitignore_holds(tmp_path: Path) -> None:
    """In a container, say, that `.git` was not copied into."""
    write(tmp_path, "Pulumi.yaml", "handlers/mailer/main.py", "handlers/mailer/.env")
    (tmp_path / ".gitignore").write_text(".env\n")
    assert found(tmp_path / "handlers" / "mailer") == ["main.py"]


def test_a_folder_that_git_ignores_as_a_whole_can_be_deployed(project: Path) -> None:
    """The output of a build is named on purpose; what else is ignored stays out of it."""
    (project / ".gitignore").write_text("dist/\n.env\n")
    write(project, "dist/mailer/main.js", "dist/mailer/.env", "dist/mailer/sub/dist/a.js")
    assert found(project / "dist" / "mailer") == ["main.js", "sub/dist/a.js"]


def test_a_gcloudignore_decides_alone(project: Path) -> None:
    """As for gcloud; it has to include the `.gitignore` that it wants."""
    (project / ".gitignore").write_text("*.json\n")
    mailer = project / "handlers" / "mailer"
    write(mailer, "settings.json", "notes.md")
    (mailer / ".gcloudignore").write_text("*.md\n.gcloudignore\n")
    assert found(mailer) == ["main.py", "settings.json"]


def test_a_gcloudignore_keeps_the_folders_open_that_it_takes_back(tmp_path: Path) -> None:
    """A list of what is wanted works as it does for gcloud."""
    write(tmp_path, "main.py", "lib/rules.py", "lib/notes.md", "data/a.bin", "data/keep.csv")
    (tmp_path / ".gcloudignore").write_text("*\n!*/\n!*.py\ndata/**\n!data/keep.csv\n")
    assert found(tmp_path) == ["data/keep.csv", "lib/rules.py", "main.py"]


@pytest.mark.parametrize("ignore", [None, "!gha-creds-*.json\n.gcloudignore\n"])
def test_the_credentials_of_ci_are_never_source(tmp_path: Path, ignore: str | None) -> None:
    """GitHub's login to Google writes them into the folder that it checked out."""
    write(tmp_path, "main.py", "gha-creds-0123456789abcdef.json", "lib/gha-creds-1.json")
    if ignore:
        (tmp_path / ".gcloudignore").write_text(ignore)
    assert found(tmp_path) == ["main.py"]


def test_a_path_below_an_ignored_folder_is_ignored(project: Path) -> None:
    """A watcher asks for single paths, and has not asked for the folders above them."""
    (project / ".gitignore").write_text("out/\n")
    ignored = is_ignored(project / "handlers" / "mailer")
    assert ignored(PurePosixPath("out/mail/1.eml"), False)
    assert not ignored(PurePosixPath("mail/1.eml"), False)


def test_a_gitignore_that_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    """Rather than deploying what was meant to stay out."""
    write(tmp_path, "main.py")
    (tmp_path / ".gitignore").write_bytes(b"caf\xe9\n")
    with pytest.raises(TargetError, match=r"\.gitignore` is not UTF-8"):
        source_files(tmp_path)


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the machine that is no part of a project."""
    folder = tmp_path_factory.mktemp("outside")
    write(folder, "passwd", "shadow")
    return folder


@pytest.mark.parametrize("target", [".", "passwd"])
def test_a_link_that_leaves_the_project_is_refused(
    project: Path, outside: Path, target: str
) -> None:
    """A folder or a file; with the command that leaves it out, which works."""
    mailer = project / "handlers" / "mailer"
    (mailer / "etc").symlink_to(outside / target)
    with pytest.raises(TargetError, match="leads out of the project, to `") as refused:
        source_files(mailer)
    assert f"`{(outside / target).resolve()}`" in str(refused.value)
    command = str(refused.value).rpartition("leave it out: ")[2]
    subprocess.run(["sh", "-c", command], check=True)
    assert found(mailer) == ["main.py"]


def test_every_link_that_leaves_the_project_is_told_at_once(project: Path, outside: Path) -> None:
    """Three by name."""
    mailer = project / "handlers" / "mailer"
    for name in ("a", "b", "c", "d"):
        (mailer / name).symlink_to(outside)
    with pytest.raises(TargetError, match=r"mailer/a`, `.*mailer/b`, `.*mailer/c` and 1 more"):
        source_files(mailer)


def test_a_broken_link_does_not_hide_the_others(project: Path, outside: Path) -> None:
    """Those that lead nowhere, in a circle and out of the project are reported together."""
    mailer = project / "handlers" / "mailer"
    (mailer / "gone").symlink_to("nothing")
    (mailer / "again").symlink_to(".")
    (mailer / "etc").symlink_to(outside)
    with pytest.raises(TargetError) as refused:
        source_files(mailer)
    for words in ("gone` is a link that leads", "again` is a link to a folder", "etc` leads out"):
        assert words in str(refused.value)


def test_a_link_behind_a_link_that_leaves_the_project_is_refused(
    project: Path, outside: Path
) -> None:
    """However it is reached."""
    (project / "shared").mkdir()
    (project / "shared" / "etc").symlink_to(outside)
    (project / "handlers" / "mailer" / "shared").symlink_to(project / "shared")
    with pytest.raises(TargetError, match=r"mailer/shared/etc` leads out of the project"):
        source_files(project / "handlers" / "mailer")


def test_a_source_that_is_a_link_out_of_the_project_is_refused(
    project: Path, outside: Path
) -> None:
    """The folder itself may be the link."""
    (project / "handlers" / "etc").symlink_to(outside)
    with pytest.raises(TargetError, match=r"handlers/etc` leads out of the project, to"):
        source_files(project / "handlers" / "etc")


def test_the_project_can_be_named(tmp_path: Path) -> None:
    """A link to what is beside it leaves it."""
    write(tmp_path / "beside", "rules.py")
    write(tmp_path / "project" / "handler", "main.py")
    (tmp_path / "project" / "handler" / "rules.py").symlink_to(tmp_path / "beside" / "rules.py")
    with pytest.raises(TargetError, match="leads out of the project"):
        source_files(tmp_path / "project" / "handler", root=tmp_path / "project")


def test_what_git_ignores_where_a_link_leads_is_no_source(project: Path) -> None:
    """A folder of the project that is linked into a handler brings no secret with it."""
    (project / ".gitignore").write_text("/shared/.env\n/shared/build/\n")
    write(project / "shared", "rules.py", ".env", "build/log.txt")
    (project / "handlers" / "mailer" / "lib").symlink_to(project / "shared")
    assert found(project / "handlers" / "mailer") == ["lib/rules.py", "main.py"]


def test_a_link_to_what_git_ignores_is_no_source(project: Path) -> None:
    """The target itself may be ignored, or a folder above it; through a link, too."""
    (project / ".gitignore").write_text("private/\nsecrets.txt\n")
    write(project, "private/token.txt", "private/deep/token.txt", "secrets.txt", "rules.py")
    mailer = project / "handlers" / "mailer"
    (mailer / "conf").symlink_to("../../secrets.txt")
    (mailer / "token").symlink_to("../../private/token.txt")
    (mailer / "data").symlink_to("../../private")
    (mailer / "deep").symlink_to("../../private/deep")
    (mailer / "again").symlink_to("conf")
    (mailer / "rules.py").symlink_to("../../rules.py")
    (project / "shared").mkdir()
    (project / "shared" / "inner").symlink_to("../private")
    (mailer / "shared").symlink_to("../../shared")
    assert found(mailer) == ["main.py", "rules.py"]


def test_a_link_to_a_repository_that_the_outer_one_ignores_is_no_source(project: Path) -> None:
    """The repository inside does not ignore its own files."""
    (project / ".gitignore").write_text("private/\n")
    write(project, "private/.git/config", "private/token.txt", "module/.git/config", "module/a.py")
    mailer = project / "handlers" / "mailer"
    (mailer / "data").symlink_to("../../private")
    (mailer / "module").symlink_to("../../module")
    assert found(mailer) == ["main.py", "module/a.py"]


@pytest.mark.parametrize("ignore", [None, ".gcloudignore\n"])
def test_a_link_to_what_is_never_source_is_no_source(project: Path, ignore: str | None) -> None:
    """Git's own files, the engine's state and the credentials of CI."""
    write(project, ".git/config", "gha-creds-1.json", ".queuewright/dev/tasks.sqlite")
    mailer = project / "handlers" / "mailer"
    (mailer / "git").symlink_to("../../.git")
    (mailer / "config").symlink_to("../../.git/config")
    (mailer / "key").symlink_to("../../gha-creds-1.json")
    (mailer / "state").symlink_to("../../.queuewright/dev")
    if ignore:
        (mailer / ".gcloudignore").write_text(ignore)
    assert found(mailer) == ["main.py"]


def test_links_inside_the_output_of_a_build_are_followed(project: Path) -> None:
    """The rule that ignores the output does not apply to it, with or without a link."""
    (project / ".gitignore").write_text("dist/\n.env\n")
    write(project, "dist/mailer/main.js", "dist/mailer/.env", "dist/shared/rules.js")
    (project / "dist" / "mailer" / "index.js").symlink_to("main.js")
    (project / "dist" / "mailer" / "settings").symlink_to(".env")
    (project / "dist" / "mailer" / "shared").symlink_to("../shared")
    assert found(project / "dist" / "mailer") == ["index.js", "main.js", "shared/rules.js"]


def test_a_source_that_is_a_link_to_what_git_ignores_is_refused(project: Path) -> None:
    """The spec asks for the link, not for the ignored folder."""
    (project / ".gitignore").write_text("private/\n")
    write(project, "private/keys/token.txt")
    (project / "handlers" / "data").symlink_to("../private/keys")
    with pytest.raises(TargetError, match=r"handlers/data` is a link to `.*keys`, which git ignor"):
        source_files(project / "handlers" / "data")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """With its name."""
    write(tmp_path, "main.py", "closed/a.py")
    (tmp_path / "closed").chmod(0)
    with pytest.raises(TargetError, match=r"closed` cannot be read: Permission denied"):
        source_files(tmp_path)
    (tmp_path / "closed").chmod(0o700)


def test_a_links_name_cannot_add_lines_to_the_error(tmp_path: Path) -> None:
    """Such as a hint of its own."""
    write(tmp_path, "main.py")
    (tmp_path / "x\n  hint: run me").symlink_to("nowhere")
    with pytest.raises(TargetError) as refused:
        source_files(tmp_path)
    assert str(refused.value).count("\n") == 1
