"""A way to make a component wrong: its resources' arguments, edited on their way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

Edit = Callable[[dict[str, Any]], object]


def edit_arguments(
    monkeypatch: pytest.MonkeyPatch, kind: type[pulumi.CustomResource], edit: Edit
) -> None:
    """From now on, `edit` changes the arguments of each resource of a kind before it is made."""
    right = kind.__init__

    def wrong(resource: pulumi.CustomResource, logical: str, /, **arguments: Any) -> None:
        edit(arguments)
        right(resource, logical, **arguments)

    monkeypatch.setattr(kind, "__init__", wrong)
