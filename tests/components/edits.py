"""Breaks a component by editing the arguments of its resources."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

Edit = Callable[[dict[str, Any]], object]


def edit_arguments(
    monkeypatch: pytest.MonkeyPatch, kind: type[pulumi.CustomResource], edit: Edit
) -> None:
    """Apply `edit` to the arguments of every resource of a kind before it is created."""
    right = kind.__init__

    def wrong(resource: pulumi.CustomResource, logical: str, /, **arguments: Any) -> None:
        edit(arguments)
        right(resource, logical, **arguments)

    monkeypatch.setattr(kind, "__init__", wrong)
