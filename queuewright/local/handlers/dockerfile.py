"""Reads the serving process from a Dockerfile: its command, variables and folder. Pure.

Only the last stage counts, and the stages that it builds on. The base image is not known here.
The grammar: https://docs.docker.com/reference/dockerfile/.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

SHELL = ("/bin/sh", "-c")
ROOT = PurePosixPath("/")


@dataclass(frozen=True)
class Copy:
    """Files that are copied from the context into the image."""

    sources: tuple[str, ...]
    """In the context; a folder stands for what is in it."""
    to: PurePosixPath
    """In the image, absolute."""
    is_folder: bool
    """Whether `to` is a folder, into which files are put under their own names."""


@dataclass(frozen=True)
class ContainerProcess:
    """The process of a container."""

    command: tuple[str, ...]
    """Empty if the file does not set it; then the base image does."""
    environment: Mapping[str, str]
    workdir: PurePosixPath
    """The working directory in the image."""
    copies: tuple[Copy, ...]
    """What is copied from the context, in order."""


def container_process(text: str) -> ContainerProcess:
    r"""Return the process of a container that is built from the `text` of a Dockerfile.

    >>> process = container_process('FROM python\nWORKDIR /app\nCMD ["python", "main.py"]')
    >>> process.command, str(process.workdir)
    (('python', 'main.py'), '/app')
    """
    stages: dict[str, _Stage] = {}
    arguments: dict[str, str] = {}
    stage = _Stage()
    started = False
    for name, rest in _instructions(text):
        if name == "FROM":
            words = [word for word in _words(rest, arguments) if not word.startswith("--")]
            base = stages.get(words[0].lower()) if words else None
            stage = base.copied() if base is not None else _Stage()
            stages[str(len(stages))] = stage
            if len(words) == 3 and words[1].lower() == "as":
                stages[words[2].lower()] = stage
            started = True
        elif name == "ARG" and not started:
            arguments.update(_assignments(rest, arguments))
        else:
            stage.apply(name, rest, arguments)
    return stage.process()


@dataclass
class _Stage:
    environment: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    workdir: PurePosixPath = ROOT
    copies: list[Copy] = field(default_factory=list)
    shell: tuple[str, ...] = SHELL
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    entrypoint_is_shell: bool = False

    def copied(self) -> _Stage:
        return replace(
            self, environment=dict(self.environment), arguments={}, copies=list(self.copies)
        )

    def apply(self, name: str, rest: str, given: Mapping[str, str]) -> None:
        known = {**self.arguments, **self.environment}
        if name == "ENV":
            self.environment.update(_assignments(rest, known))
        elif name == "ARG":
            declared = rest.partition("=")[0].strip()
            if "=" in rest:
                self.arguments.update(_assignments(rest, known))
            elif declared in given:
                self.arguments[declared] = given[declared]
        elif name == "WORKDIR":
            self.workdir = self._path(" ".join(_words(rest, known)))
        elif name in ("COPY", "ADD"):
            self._copy(rest, known)
        elif name == "SHELL":
            self.shell = _list(rest) or self.shell
        elif name == "CMD":
            self.command = _list(rest) or (*self.shell, rest)
        elif name == "ENTRYPOINT":
            listed = _list(rest)
            self.entrypoint = listed or (*self.shell, rest)
            self.entrypoint_is_shell = not listed

    def process(self) -> ContainerProcess:
        # If the entry point is a shell line, it takes no arguments, so CMD is ignored.
        command = self.entrypoint + (() if self.entrypoint_is_shell else self.command)
        return ContainerProcess(command, self.environment, self.workdir, tuple(self.copies))

    def _copy(self, rest: str, known: Mapping[str, str]) -> None:
        listed = _list(rest)
        words = listed or tuple(_words(rest, known))
        if any(word.startswith("--from=") for word in words):
            return
        paths = [word for word in words if not word.startswith("--")]
        if len(paths) > 1:
            to = self._path(paths[-1])
            into = len(paths) > 2 or paths[-1].endswith(("/", ".")) or to == self.workdir
            self.copies.append(Copy(tuple(paths[:-1]), to, into))

    def _path(self, text: str) -> PurePosixPath:
        parts: list[str] = []
        for part in (self.workdir / text).parts[1:]:
            if part == "..":
                parts = parts[:-1]
            elif part != ".":
                parts.append(part)
        return ROOT.joinpath(*parts)


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    """Each instruction's name in capitals and what follows it, on one line."""
    lines = iter(text.splitlines())
    escape = "`" if re.match(r"#\s*escape\s*=\s*`", text) else "\\"
    joined = ""
    for line in lines:
        if line.lstrip().startswith("#") or (joined and not line.strip()):
            continue
        if line.rstrip().endswith(escape):
            joined += line.rstrip()[:-1] + " "
            continue
        name, _, rest = (joined + line).strip().partition(" ")
        joined = ""
        if not name:
            continue
        if name.upper() in ("RUN", "COPY", "ADD"):
            for end in re.findall(r"<<-?[\"']?(\w+)[\"']?", rest):
                for inner in lines:
                    if inner.strip() == end:
                        break
        yield name.upper(), rest.strip()


def _list(rest: str) -> tuple[str, ...]:
    """The exec form, a JSON list of texts; empty for any other form."""
    if not rest.startswith("["):
        return ()
    try:
        listed = json.loads(rest)
    except (ValueError, RecursionError):
        return ()
    return tuple(listed) if all(isinstance(item, str) for item in listed) else ()


def _assignments(rest: str, known: Mapping[str, str]) -> dict[str, str]:
    first, *_ = rest.split(maxsplit=1) or [""]
    if "=" not in first:  # the old form: `ENV NAME the rest is the value`
        name, _, value = rest.partition(" ")
        return {name: " ".join(_words(value, known))}
    pairs = (word.partition("=") for word in _words(rest, known))
    return {name: value for name, equals, value in pairs if equals}


# A word's pieces: 'quoted', an escaped character, a variable, a ", a space, anything else.
_PIECE = re.compile(
    r"""'(?P<literal>[^']*)'
      | \\(?P<escaped>.)
      | \$(?:\{(?P<braced>\w+)(?::(?P<operator>[-+])(?P<other>[^}]*))?\}|(?P<variable>\w+))
      | (?P<quote>")
      | (?P<space>\s+)
      | (?P<plain>.)""",
    re.VERBOSE | re.DOTALL,
)


def _words(text: str, known: Mapping[str, str]) -> list[str]:
    """The words of a text, without quotes and with the values of variables, as in a build."""
    words: list[str] = []
    word: str | None = None
    quoted = False
    for piece in _PIECE.finditer(text):
        kind, found = piece.lastgroup, piece[0]
        if kind == "space" and not quoted:
            if word is not None:
                words.append(word)
            word = None
            continue
        if kind == "quote":
            quoted = not quoted
            added = ""
        elif kind == "literal":
            added = found if quoted else piece["literal"]
        elif kind == "escaped":
            added = piece["escaped"]
        elif kind in ("braced", "variable", "operator", "other"):
            added = _value(piece, known)
        else:
            added = found
        word = (word or "") + added
    return [*words, word] if word is not None else words


def _value(piece: re.Match[str], known: Mapping[str, str]) -> str:
    value = known.get(piece["braced"] or piece["variable"], "")
    if piece["operator"] == "-":
        return value or piece["other"]
    if piece["operator"] == "+":
        return piece["other"] if value else ""
    return value
