"""Ignore files read as git reads them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queuewright.packages.patterns import last_match, literal, patterns

NAMES = ("a", "b", "ab", "c-d", "é", "]", "*", "a b", " a", "1", "ü", "aé", "€", "a\\")


def is_ignored(lines: list[str], path: str) -> bool:
    """Whether the lines ignore a file, or a folder if `path` ends in a slash."""
    found = last_match(patterns(lines), path.rstrip("/"), is_folder=path.endswith("/"))
    return found is not None and found.ignores


@pytest.mark.parametrize(
    ("line", "ignored", "others"),
    [
        ("*.pem", ["a.pem", "deep/down/a.pem", ".pem"], ["a.pem.txt", "pem"]),
        ("/key", ["key", "key/"], ["a/key", "keys"]),
        ("a/b", ["a/b"], ["x/a/b", "a/b/c"]),
        ("out/", ["out/", "a/out/"], ["out", "output/"]),
        ("**/deep", ["deep", "a/deep", "a/b/deep"], ["deeper"]),
        ("out/**", ["out/a", "out/a/b"], ["out/", "a/out/b"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/x/bc"]),
        ("a*c", ["ac", "abc"], ["a/c"]),
        ("?.key", ["1.key"], ["12.key", ".key"]),
        ("[!a-c]", ["d", "-"], ["a", "b"]),
        ("[]-]", ["]", "-"], ["a"]),
        (r"\#a", ["#a"], ["a"]),
        (r"\!a", ["!a"], ["a"]),
        ("a  ", ["a"], ["a  "]),
        ("a\\ ", ["a "], ["a"]),
        ("# a", [], ["a", "# a"]),
        ("", [], ["a"]),
        ("/", [], ["a", "a/"]),
        ("[a", [], ["a", "[a"]),
    ],
)
def test_a_line_matches_as_git_says(line: str, ignored: list[str], others: list[str]) -> None:
    """The examples of git's own page, and its odd ones."""
    assert [path for path in (*ignored, *others) if is_ignored([line], path)] == ignored


def test_the_last_line_that_matches_decides() -> None:
    """So a later line takes back what an earlier one ignored."""
    lines = ["*", "!*/", "!*.py", "secret.py"]
    assert not is_ignored(lines, "package/")
    assert not is_ignored(lines, "package/main.py")
    assert is_ignored(lines, "package/secret.py")
    assert is_ignored(lines, "package/notes.txt")


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("*a" * 40 + "*b", "a" * 200),
        ("*?" * 40 + "b", "a" * 200),
        ("*[ab]" * 40 + "c", "ab" * 100),
        ("**/a/" * 40 + "b", "a/" * 200 + "c"),
        ("**/*a*/" * 40 + "b", "aa/" * 200 + "c"),
        ("x/**/*a*a*a*/" * 10 + "b", "x/aaaaa/" * 100 + "c"),
    ],
)
def test_a_line_of_many_stars_does_not_hang(line: str, path: str) -> None:
    """Trying all ways to share the path among the stars would take centuries."""
    assert not is_ignored([line], path)
    assert is_ignored([line], path[:-1] + line[-1])


@given(st.text(st.characters(exclude_characters="/\n\r\0", exclude_categories=["Cs"]), min_size=1))
def test_a_path_of_its_own_is_matched_by_its_literal_line(name: str) -> None:
    """Whatever characters are in it; and no other path is."""
    assert is_ignored([literal(name)], name)
    assert not is_ignored([literal(name)], f"{name}.")


ATOMS = [*NAMES[:3], "*", "?", "**", "[ab]", "[!a]", "[a-c]", "a*", "[[:alpha:]]", r"\a", "[]a]"]
ATOMS += ["[a", r"\*", "[b-a]", "[^/]", "a ", r"a\ ", "[[:foo:]]", "a*b*", "*a*", "a\\\\ "]
ATOMS += ["é", "??", "???", "[!a][!b]", "[é]", "[é-ü]", "[à-é][!a]", "a?", "*é", "[[:alpha:]]?"]
LINE = st.builds(
    lambda sign, slash, parts, end: f"{sign}{slash}{'/'.join(parts)}{end}",
    st.sampled_from(["", "", "", "!"]),
    st.sampled_from(["", "", "/"]),
    st.lists(st.sampled_from(ATOMS), min_size=1, max_size=3),
    st.sampled_from(["", "", "/", "/**"]),
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    for first in NAMES[:6]:
        for second in NAMES:
            (folder / first / second).mkdir(parents=True)
            (folder / first / second / "a").touch()
            (folder / first / second / "b").touch()
    for name in NAMES[6:]:
        (folder / name).touch()
    return folder


@settings(max_examples=60, deadline=None)
@given(lines=st.lists(LINE, min_size=1, max_size=4))
def test_git_agrees(repository: Path, lines: list[str]) -> None:
    """On every file of a repository, for lines of any kind."""
    (repository / ".gitignore").write_text("\n".join(lines), encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "HOME": str(repository), "GIT_CONFIG_NOSYSTEM": "1"}
    told = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard", "-z"],
        cwd=repository,
        env=environment,
        check=True,
        capture_output=True,
    )

    def is_shown(path: Path) -> bool:
        names = [*(f"{each}/" for each in path.parents if each.name), str(path)]
        is_file = (repository / path).is_file() and path.parts[0] != ".git"
        return is_file and not any(is_ignored(lines, name) for name in names)

    shown = {name for name in told.stdout.decode().split("\0") if name}
    ours = {
        str(path)
        for path in (file.relative_to(repository) for file in repository.rglob("*"))
        if is_shown(path)
    }
    assert ours == shown
