"""Breaks a rule of the engine by changing its source, for as long as a test runs.

The changed source is compiled, and the functions that are already loaded get the new code. So a
mutation needs no name of the engine, only the text of the rule that it breaks, and it takes effect
wherever the function was imported. Module-level code does not run again: a mutation changes the
body of a function.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

import yaml

import queuewright

_PACKAGE = Path(queuewright.__file__).parent


@dataclass(frozen=True)
class Edit:
    """A replacement in one file; `old` occurs there exactly once."""

    file: str
    """Relative to `queuewright/`."""
    old: str
    new: str


@dataclass(frozen=True)
class Mutation:
    """A rule done wrong."""

    rule: str
    """What the engine does wrong, as a sentence."""
    edits: tuple[Edit, ...]
    caught_by: tuple[str, ...]
    """Cases of the table that fail under it."""


def mutations() -> list[Mutation]:
    """Return the mutations of `mutations.yaml`, in the order of the file."""
    entries = yaml.safe_load((Path(__file__).parent / "mutations.yaml").read_text())
    return [
        Mutation(
            entry["rule"],
            tuple(Edit(entry["file"], old, new) for old, new in entry["edits"].items()),
            tuple(entry["caught_by"]),
        )
        for entry in entries
    ]


@contextmanager
def broken(mutation: Mutation) -> Iterator[None]:
    """Apply a mutation; undo it at the end.

    Raises:
        ValueError: an edit's `old` is missing or ambiguous, or nothing in a function changes.
    """
    (file,) = {edit.file for edit in mutation.edits}
    source = (_PACKAGE / file).read_text()
    for edit in mutation.edits:
        if source.count(edit.old) != 1:
            raise ValueError(f"{file} has {source.count(edit.old)} times, not once: {edit.old}")
        source = source.replace(edit.old, edit.new)
    module = importlib.import_module(_module_name(file))
    codes = dict(_codes(compile(source, str(_PACKAGE / file), "exec", dont_inherit=True)))
    functions = list(_functions(module))
    right = [function.__code__ for function in functions]
    wrong = [codes[function.__qualname__] for function in functions]
    if right == wrong:
        raise ValueError(f"no function of {file} changes: {mutation.rule}")
    _set_codes(functions, wrong)
    _clear_caches(module)
    try:
        yield
    finally:
        _set_codes(functions, right)
        _clear_caches(module)


def _module_name(file: str) -> str:
    return ".".join(("queuewright", *Path(file).with_suffix("").parts))


def _set_codes(functions: list[FunctionType], codes: list[CodeType]) -> None:
    for function, code in zip(functions, codes, strict=True):
        function.__code__ = code


def _clear_caches(module: ModuleType) -> None:
    """Forget what functions with a cache returned under other code."""
    for member in vars(module).values():
        if isinstance(member, functools._lru_cache_wrapper):
            member.cache_clear()


def _codes(code: CodeType) -> Iterator[tuple[str, CodeType]]:
    """Yield every function's code under its qualified name."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant.co_qualname, constant
            yield from _codes(constant)


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    """Yield the functions and methods written in a module."""
    for member in vars(module).values():
        members = [member]
        if isinstance(member, type) and member.__module__ == module.__name__:
            members = list(vars(member).values())
        for each in members:
            function = _function(each)
            if function is not None and function.__code__.co_filename == module.__file__:
                yield function


def _function(member: object) -> FunctionType | None:
    if isinstance(member, property):
        member = member.fget
    elif isinstance(member, functools.cached_property):
        member = member.func
    member = getattr(member, "__wrapped__", member)  # a class method, a cached function
    return member if isinstance(member, FunctionType) else None
