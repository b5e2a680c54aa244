"""The folders and files whose code a handler runs."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath
from typing import Final

from queuewright.blueprint import HandlerPlan
from queuewright.local.handlers.context import HandlerContext
from queuewright.packages import included, package_files

_DIGITS: Final = 7
"""As many as Git shows of a commit."""


def code_folders(context: HandlerContext, plan: HandlerPlan) -> tuple[Path, ...]:
    """The folder that a handler is deployed from, and what it includes; empty without code."""
    if plan.folder is None:
        return ()
    return tuple(context.root / path for path in (plan.folder, *plan.include))


def check_code(context: HandlerContext, plan: HandlerPlan) -> None:
    """Check that the code of a handler could be deployed.

    Raises:
        TargetError: a folder holds no file, a link in it leads out of the project, or an included
            file would hide one of the handler's.
    """
    _files(context, plan)


def code_version(context: HandlerContext, plan: HandlerPlan) -> str:
    """A short name of a handler's code, which changes with its files; "" without any.

    Raises:
        TargetError: as `check_code`.
    """
    files = _files(context, plan)
    if not files:
        return ""
    digest = hashlib.sha256()
    for path, file in sorted(files.items()):
        try:
            content = file.read_bytes()
        except OSError:  # an editor is replacing it; another version follows
            content = b""
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:_DIGITS]


def _files(context: HandlerContext, plan: HandlerPlan) -> dict[PurePosixPath, Path]:
    folder, *more = code_folders(context, plan) or (None,)
    if folder is None:
        return {}
    return package_files(folder, included(more), root=context.root)
