"""The folders and files whose code a handler runs."""

from __future__ import annotations

from pathlib import Path

from queuewright.blueprint import HandlerPlan
from queuewright.local.handlers.context import HandlerContext
from queuewright.packages import included, package_files


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
    folder, *more = code_folders(context, plan) or (None,)
    if folder is not None:
        package_files(folder, included(more), root=context.root)
