"""The base of every map in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict


class WrongValueError(AttributeError):
    """A rule read a value that is wrong; the problem is already reported."""


class Closed(BaseModel):
    """A map with fixed keys; any other key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    authority: ClassVar[str] = "queuewright"
    """The service that sets the limits of this class, as named in messages."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            """Refuse to read a field that has no value: see `validation`."""
            if name in type(self).model_fields:
                raise WrongValueError(name)
            return super().__getattr__(name)
