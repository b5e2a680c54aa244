"""The base of every map in a file."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Closed(BaseModel):
    """A map with fixed keys; any other key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    authority: ClassVar[str] = "queuewright"
    """The service that sets the limits of this class, as named in messages."""
