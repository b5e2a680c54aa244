"""What all maps of a file have in common."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Closed(BaseModel):
    """A map with exactly these keys; anything else is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    authority: ClassVar[str] = "queuewright"
    """Whose limits the ranges of this class are."""
